// Discarded samples become a metric each time, and a log line per tenant and reason now and then: enough
// to see why, not enough to flood.
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { IngesterMetrics } from './metrics.ts';
import type { DiscardCount } from './workers/partition-host.ts';

/** Reasons that are about metadata, not samples. */
const METADATA_LIMIT = '_metadata_limit';
const LINE_EVERY_MS = 10_000;
/** Above this many tenants and reasons the oldest is forgotten (and may be logged again early). */
const REMEMBERED_MAX = 10_000;

export interface DiscardLog {
  note(partition: number, discards: readonly DiscardCount[]): void;
}

export function createDiscardLog(parts: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: IngesterMetrics;
}): DiscardLog {
  const { clock, log, metrics } = parts;
  const lines = new Map<string, { atMs: number; unlogged: number }>();
  return {
    note(partition, discards) {
      for (const { tenant, reason, count } of discards) {
        if (reason.endsWith(METADATA_LIMIT)) {
          metrics.discardedMetadata.inc({ user: tenant, reason }, count);
        } else metrics.discardedSamples.inc({ user: tenant, group: '', reason }, count);
        const key = `${tenant}/${reason}`;
        const line = lines.get(key) ?? { atMs: Number.NEGATIVE_INFINITY, unlogged: 0 };
        line.unlogged += count;
        lines.set(key, line);
        if (clock.steadyMs() - line.atMs < LINE_EVERY_MS) continue;
        log.warn({ tenant, reason, partition, count: line.unlogged }, 'samples discarded');
        lines.set(key, { atMs: clock.steadyMs(), unlogged: 0 });
        if (lines.size > REMEMBERED_MAX) lines.delete(lines.keys().next().value!);
      }
    },
  };
}
