// Strong reads: what was acknowledged before the request came is in its answer. The log is asked once how far
// it goes; then the owners are waited for, before the query takes a place among those that run; and every
// read of the query repeats the demand, so that an owner that took a partition over meanwhile waits, too.
import type { OwnerDirectory, ReadDemand } from '@weir/query';
import type { Clock } from '@weir/runtime';
import type { StrongConsistencyMetrics } from '@weir/telemetry';
import type { LastProduced } from './last-produced.ts';
import type { ReadConsistency } from './read-consistency.ts';

export interface StrongReadParts {
  readonly owners: OwnerDirectory;
  readonly lastProduced: LastProduced;
  readonly clock: Pick<Clock, 'steadyMs'>;
  readonly metrics: StrongConsistencyMetrics;
}

/** Mimir's name of whoever takes the offsets. */
const COMPONENT = { component: 'query-frontend' };

/** What the reads of a query must demand; resolves when the owners that are known now satisfy it. */
export type Demand = (
  tenant: string,
  consistency: ReadConsistency,
  signal: AbortSignal,
) => Promise<ReadDemand>;

export function createDemand({ owners, lastProduced, clock, metrics }: StrongReadParts): Demand {
  /** Offsets that the client names are its own to know; of other partitions the log is asked. */
  async function positionsFor(
    tenant: string,
    { positions }: ReadConsistency,
  ): Promise<ReadonlyMap<number, number>> {
    if (positions === undefined) return lastProduced();
    const asked = (await owners.owners(tenant)).flatMap(({ partitions }) => partitions);
    if (asked.every((partition) => positions.has(partition))) return positions;
    return new Map([...(await lastProduced()), ...positions]);
  }

  async function strong(
    tenant: string,
    consistency: ReadConsistency,
    signal: AbortSignal,
  ): Promise<ReadDemand> {
    const positions = await positionsFor(tenant, consistency);
    await Promise.all(
      (await owners.owners(tenant)).map(async ({ port, partitions }) => {
        const wanted = partitions.map((partition) => positions.get(partition) ?? 0);
        const nothing = { tenant, matchers: [], minT: 0, maxT: 0 };
        const request = { kind: 'position', ...nothing, partitions, positions: wanted } as const;
        for await (const _ of port.read(request, signal));
      }),
    );
    return { positions };
  }

  return async (tenant, consistency, signal) => {
    const { level, delayMaxMs } = consistency;
    if (level === 'eventual') return delayMaxMs === undefined ? {} : { delayMaxMs };
    const sinceMs = clock.steadyMs();
    const withOffset = consistency.positions !== undefined;
    metrics.requests.inc({ ...COMPONENT, with_offset: String(withOffset) });
    try {
      return await strong(tenant, consistency, signal);
    } catch (error) {
      metrics.failures.inc(COMPONENT);
      throw error;
    } finally {
      metrics.wait.observe(COMPONENT, (clock.steadyMs() - sinceMs) / 1000);
    }
  };
}
