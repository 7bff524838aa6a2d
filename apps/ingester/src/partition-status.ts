// GET /ingester/partitions: the partitions owned here, as this ingester sees them this moment: how far they are,
// how fast they go, how large they are. Weir's own; weirctl shows it.
import { type HttpServer, sendJson } from '@weir/http';
import type { Clock } from '@weir/runtime';
import { delayMsOf, type PartitionLag } from './partition-lag.ts';

export interface StatedPartition {
  readonly partition: number;
  readonly serving: boolean;
  readonly seriesCount: number;
  readonly reason: string;
  readonly notes: readonly string[];
  readonly lag: PartitionLag;
}

export interface PartitionStatusParts {
  readonly instanceId: string;
  readonly owned: ReadonlyMap<number, StatedPartition>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

export function partitionStatusRoutes(server: HttpServer, parts: PartitionStatusParts): void {
  server.get('/ingester/partitions', async (_request, reply) =>
    sendJson(reply, partitionStatus(parts)),
  );
}

export function partitionStatus({ instanceId, owned, clock }: PartitionStatusParts) {
  const partitions = [...owned.values()].sort((a, b) => a.partition - b.partition);
  return {
    instance: instanceId,
    partitions: partitions.map(({ partition, serving, seriesCount, reason, notes, lag }) => {
      const now = lag.at(clock.nowMs());
      const { applied, end, ms, loggedPerSecond, appliedPerSecond } = now;
      return {
        ...{ id: partition, serving, status: reason, notes, series: seriesCount },
        ...{ applied_offset: applied, end_offset: end, lag_records: end - applied },
        lag_seconds: ms === undefined ? null : ms / 1000,
        // Until what is logged now is applied.
        delay_seconds: delayMsOf(now) / 1000,
        ...{ logged_per_second: loggedPerSecond, applied_per_second: appliedPerSecond },
      };
    }),
  };
}
