// Exemplars and metadata beside the model: nothing that was not pushed, exemplars in the order of time, and
// all that a head can't have lost. They live in heads only, as long as there are samples to go with them.
import { encodeLabels, type Label, type MetricMetadata } from '@weir/model';
import type { SeriesExemplars } from '@weir/query';
import { exemplarKey } from '../extras.ts';
import type { MustSample } from '../points.ts';
import { metadataKey } from '../record.ts';
import { Violation } from '../violation.ts';
import type { World } from '../world.ts';
import type { ReadScope } from './answers.ts';
import { describe, latin1 } from './shipping.ts';

/** Of every time, from owners that have applied everything below `visibleBelow`. */
export function checkExemplars(
  world: World,
  { tenant, visibleBelow }: ReadScope,
  answer: readonly SeriesExemplars[],
): void {
  const { model, coverage } = world;
  const found = new Set<string>();
  for (const { labels, exemplars } of answer) {
    const series = keyOf(labels);
    let before = -Infinity;
    for (const { labels: own, t, value } of exemplars) {
      const key = exemplarKey(series, { labels: keyOf(own), t, value });
      if (!model.extras.isKnownExemplar(tenant, key)) {
        throw new Violation(7, 'exemplar', `one that nobody pushed: ${tenant} ${key}`);
      }
      if (t < before || found.has(key)) {
        throw new Violation(7, 'exemplar', `${tenant} ${key} twice or out of order`);
      }
      before = t;
      found.add(key);
    }
  }
  coverage.note('exemplars read', found.size);
  const max = world.exemplarsKept(tenant);
  visibleBelow.forEach((below, partition) => {
    for (const one of model.extras.keptExemplars(partition, tenant, max)) {
      const { series, offset, exemplar } = one;
      if (offset >= below || model.isParked(partition, tenant, offset)) continue;
      const key = exemplarKey(series.key, exemplar);
      if (!found.has(key)) {
        throw new Violation(8, 'exemplar', `${tenant} ${key} of offset ${offset} is missing`);
      }
      coverage.note('exemplars checked');
    }
  });
}

export function checkMetadata(
  world: World,
  { tenant, visibleBelow }: ReadScope,
  answer: readonly MetricMetadata[],
): void {
  const { model, coverage } = world;
  const found = new Set<string>();
  for (const { metric, type, help, unit } of answer) {
    const key = metadataKey(metric, type, help, unit);
    if (!model.extras.isKnownMetadata(tenant, key)) {
      throw new Violation(7, 'metadata', `some that nobody pushed: ${tenant} ${key}`);
    }
    found.add(key);
  }
  if (world.isMetadataLimited(tenant)) return;
  visibleBelow.forEach((below, partition) => {
    const oldest = world.shipping.firstUnshippedOf(partition, tenant);
    if (oldest === undefined || model.isParked(partition, tenant, oldest.offset)) return;
    for (const [key, offset] of model.extras.metadataOf(partition, tenant)) {
      if (offset < oldest.offset || offset >= below) continue;
      if (model.isParked(partition, tenant, offset)) continue;
      coverage.note('metadata checked');
      if (!found.has(key)) throw missingMetadata(key, offset, oldest);
    }
  });
}

function missingMetadata(key: string, offset: number, oldest: MustSample): Violation {
  const held = describe(oldest);
  return new Violation(8, 'metadata', `${key} of offset ${offset} is missing beside ${held}`);
}

function keyOf(labels: readonly Label[]): string {
  return latin1(encodeLabels(labels));
}
