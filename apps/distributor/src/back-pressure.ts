// Back-pressure: where what is logged now would wait longer than the limit until even the most advanced owner
// of its partition has applied it, less is taken in for that partition. At the limit all is taken; every eighth
// of the limit beyond it halves the part that is (or every ten seconds, where that is more: owners tell every
// five). Of that part each tenant gets its fair share, so that one tenant's flood is not what refuses the
// others.
//
// What counts is the wait of new records and not the age of those being applied: that follows only when the
// queue has passed, and would have everything refused long after the flood was over.
//
// Refused with 503, which every sender repeats: Prometheus drops what a 429 refuses unless told otherwise.
import { WeirError } from '@weir/errors';
import type { ProduceRecord } from '@weir/log';
import type { Clock } from '@weir/runtime';
import { createFairShare, type FairShare } from './fair-share.ts';
import type { PushMetrics } from './push-metrics.ts';

const HALVING_PART = 1 / 8;
const HALVING_MIN_MS = 10_000;

export interface BackPressureSettings {
  /** 0: none. */
  readonly partitionDelayMaxMs: number;
}

export interface BackPressureParts {
  readonly clock: Pick<Clock, 'steadyMs'>;
  readonly metrics: Pick<PushMetrics, 'shed'>;
  /** How long what is logged now will wait, ms; partitions left out are not behind. */
  delays(): ReadonlyMap<number, number>;
}

export interface BackPressure {
  /** Throws `unavailable` where a record's partition is too far behind and the tenant has had its share. */
  admit(tenant: string, records: readonly ProduceRecord[]): void;
}

export function createBackPressure(
  { partitionDelayMaxMs }: BackPressureSettings,
  { clock, metrics, delays }: BackPressureParts,
): BackPressure {
  const shares = new Map<number, FairShare>();

  function shareOf(partition: number): FairShare {
    let share = shares.get(partition);
    if (share === undefined) {
      share = createFairShare();
      shares.set(partition, share);
    }
    return share;
  }

  /** Partitions that have caught up again begin anew. */
  function forgetOthers(now: ReadonlyMap<number, number>): void {
    for (const partition of shares.keys()) {
      if ((now.get(partition) ?? 0) <= partitionDelayMaxMs) shares.delete(partition);
    }
  }

  return {
    admit(tenant, records) {
      if (partitionDelayMaxMs <= 0) return;
      const behind = delays();
      if (behind.size === 0 && shares.size === 0) return;
      forgetOthers(behind);
      const late = records.flatMap((record) => {
        const delayMs = behind.get(record.partition) ?? 0;
        return delayMs > partitionDelayMaxMs ? [{ record, delayMs }] : [];
      });
      const nowMs = clock.steadyMs();
      let refused: { readonly record: ProduceRecord; readonly delayMs: number } | undefined;
      // All are asked, though the first refuses: what a tenant asks for counts everywhere.
      for (const one of late) {
        const { partition, value } = one.record;
        const part = partAt(one.delayMs, partitionDelayMaxMs);
        if (!shareOf(partition).mayTake(tenant, value.length, part, nowMs)) refused ??= one;
      }
      if (refused !== undefined) {
        metrics.shed('distributor_max_partition_delay');
        throw tooFarBehind(refused.record.partition, refused.delayMs, partitionDelayMaxMs);
      }
      for (const { record } of late) shareOf(record.partition).took(tenant, record.value.length);
    },
  };
}

/** How much of what is asked for is taken, where it will wait for so long. */
export function partAt(delayMs: number, limitMs: number): number {
  const halvingMs = Math.max(HALVING_MIN_MS, limitMs * HALVING_PART);
  return delayMs <= limitMs ? 1 : 0.5 ** ((delayMs - limitMs) / halvingMs);
}

function tooFarBehind(partition: number, delayMs: number, limitMs: number): WeirError {
  const behind = `it would take ${Math.round(delayMs / 1000)} s until partition ${partition} can be read that far (limit ${limitMs / 1000} s)`;
  const message = `the write request has been rejected because ${behind}, and the tenant has had its share of what is taken meanwhile`;
  return new WeirError(
    'unavailable',
    `${message}. To adjust the related limit, configure -distributor.max-partition-delay, or contact your service administrator.`,
  );
}
