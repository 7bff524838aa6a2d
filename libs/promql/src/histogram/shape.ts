// The shape of a histogram: resolution, zero threshold, custom bounds. Two histograms are combined in the
// coarsest shape that both can be brought to without guessing where within a bucket observations were.

import { exponentialBound } from './bounds.ts';
import { type Buckets, type Histogram, hasCustomBuckets, NO_BUCKETS } from './histogram.ts';

export interface Shape {
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly customValues: Float64Array;
}

/** The shape both fit into; undefined between exponential and custom buckets. */
export function commonShape(a: Histogram, b: Histogram): Shape | undefined {
  if (hasCustomBuckets(a) !== hasCustomBuckets(b)) return undefined;
  if (hasCustomBuckets(a)) return customShape(a, b);
  if (a.schema === b.schema && a.zeroThreshold === b.zeroThreshold) return a;
  let zeroThreshold = Math.max(a.zeroThreshold, b.zeroThreshold);
  for (;;) {
    const wider = widenedZero(b, widenedZero(a, zeroThreshold));
    if (wider === zeroThreshold) break;
    zeroThreshold = wider;
  }
  return { schema: Math.min(a.schema, b.schema), zeroThreshold, customValues: a.customValues };
}

export function sameBounds(a: Float64Array, b: Float64Array): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((bound, at) => bound === b[at]);
}

/** Bounds that both have. */
function customShape(a: Histogram, b: Histogram): Shape {
  if (sameBounds(a.customValues, b.customValues)) return a;
  const { schema, zeroThreshold } = a;
  const other = new Set(b.customValues);
  return {
    schema,
    zeroThreshold,
    customValues: a.customValues.filter((bound) => other.has(bound)),
  };
}

/**
 * The smallest zero threshold from `threshold` up that cuts no populated bucket of `h` in two. Buckets
 * that are in the list count as populated, so that sums and their compensations agree.
 */
export function widenedZero(h: Histogram, threshold: number): number {
  if (threshold <= h.zeroThreshold) return h.zeroThreshold;
  let wide = threshold;
  for (;;) {
    const before = wide;
    for (const { index } of [h.positive, h.negative]) {
      for (const at of index) {
        if (exponentialBound(h.schema, at - 1) >= wide) break;
        wide = Math.max(wide, exponentialBound(h.schema, at));
      }
    }
    if (wide === before) return wide;
  }
}

/** Brings a histogram to a shape made by commonShape(); the same object where it has it already. */
export function reshape(h: Histogram, shape: Shape): Histogram {
  if (hasCustomBuckets(h)) return withBounds(h, shape.customValues);
  const widened = withZeroThreshold(h, shape.zeroThreshold);
  return withSchema(widened, shape.schema);
}

function withBounds(h: Histogram, customValues: Float64Array): Histogram {
  if (sameBounds(h.customValues, customValues)) return h;
  let wanted = 0;
  const moved = (index: number) => {
    const bound = index < h.customValues.length ? h.customValues[index]! : Number.POSITIVE_INFINITY;
    while (wanted < customValues.length && customValues[wanted]! < bound) wanted++;
    return wanted;
  };
  return { ...h, customValues, positive: fold(h.positive, moved) };
}

function withZeroThreshold(h: Histogram, zeroThreshold: number): Histogram {
  if (zeroThreshold <= h.zeroThreshold) return h;
  const absorbed = ({ index }: Buckets) => {
    let size = 0;
    while (size < index.length && exponentialBound(h.schema, index[size]!) <= zeroThreshold) size++;
    return size;
  };
  const [positives, negatives] = [absorbed(h.positive), absorbed(h.negative)];
  let { zeroCount } = h;
  for (let at = 0; at < positives; at++) zeroCount += h.positive.count[at]!;
  for (let at = 0; at < negatives; at++) zeroCount += h.negative.count[at]!;
  return {
    ...h,
    zeroThreshold,
    zeroCount,
    positive: from(h.positive, positives),
    negative: from(h.negative, negatives),
  };
}

function from({ index, count }: Buckets, start: number): Buckets {
  return { index: index.subarray(start), count: count.subarray(start) };
}

/** A lower resolution: each step halves the number of buckets. */
export function withSchema(h: Histogram, schema: number): Histogram {
  const steps = h.schema - schema;
  if (steps <= 0) return h;
  const moved = (index: number) => ((index - 1) >> steps) + 1;
  return { ...h, schema, positive: fold(h.positive, moved), negative: fold(h.negative, moved) };
}

/** Moves buckets to new, still ascending indexes; those that meet are added up. */
function fold({ index, count }: Buckets, moved: (index: number) => number): Buckets {
  if (index.length === 0) return NO_BUCKETS;
  const outIndex = new Int32Array(index.length);
  const outCount = new Float64Array(index.length);
  let size = 0;
  for (let at = 0; at < index.length; at++) {
    const place = moved(index[at]!);
    if (size > 0 && outIndex[size - 1] === place)
      outCount[size - 1] = outCount[size - 1]! + count[at]!;
    else {
      outIndex[size] = place;
      outCount[size++] = count[at]!;
    }
  }
  return { index: outIndex.slice(0, size), count: outCount.slice(0, size) };
}
