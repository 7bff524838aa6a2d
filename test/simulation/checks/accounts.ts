// What becomes of the samples of each record that a head applies (invariant 9): kept, or refused and
// counted, never both and never neither; and a tenant's series stay within its limit. A record may bring
// synthetic zeros beside its samples, which are kept or not without being counted. Samples that a block
// holds already, and repeated ones, are neither, so a record that may have such is only held to "not both".
import type { Discard, HeadRecord, PartitionHead, TenantSettings } from '@weir/head';
import type { Coverage } from '../coverage.ts';
import type { Model } from '../model.ts';
import { Violation } from '../violation.ts';

const REASONS: Readonly<Record<string, string>> = {
  per_user_series_limit: 'sample over the series limit',
  per_metric_series_limit: "sample over a metric's series limit",
  per_user_metadata_limit: 'metadata over a limit',
  per_metric_metadata_limit: 'metadata over a limit',
  invalid_native_histogram: 'histogram refused by a head',
};

export interface Account {
  /** Applies, and compares what became of the samples. */
  apply(records: readonly HeadRecord[], apply: () => void): void;
  configured(tenant: string, settings: TenantSettings): void;
  /** Records up to the offset may be in blocks: the head passes them. */
  shipped(tenant: string, throughOffset: number): void;
  /** As the head's own, with what was taken here. */
  takeDiscards(): Discard[];
}

export function openAccount(
  raw: PartitionHead,
  model: Model,
  coverage: Coverage,
  guard: (check: () => void) => void,
): Account {
  const seriesMax = new Map<string, number>();
  const shippedThrough = new Map<string, number>();
  let taken: Discard[] = [];

  function stateOf(name: string) {
    const found = raw.tenants().find(({ tenant }) => tenant === name);
    return { series: found?.series ?? 0, eventTimeMs: found?.eventTimeMs ?? -Infinity };
  }

  function refusals(): number {
    const discards = raw.takeDiscards();
    taken.push(...discards);
    let samples = 0;
    for (const { reason, count } of discards) {
      const what = REASONS[reason];
      if (what !== undefined) coverage.note(what, count);
      if (!reason.endsWith('_metadata_limit')) samples += count;
    }
    return samples;
  }

  return {
    apply(records, apply) {
      const [record] = records;
      const wanted = record && model.records[raw.partition]![record.offset];
      if (records.length !== 1 || wanted === undefined || raw.parked().length > 0) {
        apply();
        return;
      }
      const { tenant, offset } = record!;
      const before = stateOf(tenant);
      const keptBefore = raw.samplesSinceCheckpoint;
      refusals();
      apply();
      const kept = raw.samplesSinceCheckpoint - keptBefore;
      const refused = refusals();
      const where = `record ${offset} of ${tenant} in partition ${raw.partition}`;
      const isNew =
        wanted.oldestT > before.eventTimeMs && offset > (shippedThrough.get(tenant) ?? -1);
      const counted = kept + refused;
      const most = wanted.samples + wanted.zeros;
      if (counted > most || (isNew && counted < wanted.samples)) {
        const all = `${wanted.samples} samples and at most ${wanted.zeros} zeros`;
        const what = `${all}, ${kept} kept and ${refused} refused`;
        guard(() => {
          throw new Violation(9, 'accounts', `${where}: ${what}`);
        });
      }
      if (isNew) coverage.note('samples accounted for', counted);
      const max = seriesMax.get(tenant) ?? 0;
      const { series } = stateOf(tenant);
      if (max > 0 && series > Math.max(max, before.series)) {
        guard(() => {
          throw new Violation(9, 'series limit', `${where}: ${series} series, allowed are ${max}`);
        });
      }
    },
    configured: (tenant, settings) => void seriesMax.set(tenant, settings.seriesMax),
    shipped(tenant, throughOffset) {
      const known = shippedThrough.get(tenant) ?? -1;
      shippedThrough.set(tenant, Math.max(known, throughOffset));
    },
    takeDiscards() {
      const all = [...taken, ...raw.takeDiscards()];
      taken = [];
      return all;
    },
  };
}
