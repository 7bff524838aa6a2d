// Addition, subtraction, scaling and equality of native histograms.
import { RESET_GAUGE, RESET_UNKNOWN } from '@weir/model';
import { type Buckets, type Histogram, mapCounts, NO_BUCKETS, withoutEmpty } from './histogram.ts';
import { commonShape, reshape, sameBounds } from './shape.ts';

export interface Combined {
  readonly histogram: Histogram;
  /** Custom bounds differed; only those that both had were kept. */
  readonly reconciled: boolean;
  /** One said that it was a counter reset, the other that it was none. */
  readonly collision: boolean;
}

/** Undefined between exponential and custom buckets. */
export function addHistograms(a: Histogram, b: Histogram): Combined | undefined {
  return combine(a, b, 1, mergeHints(a.resetHint, b.resetHint));
}

/** a − b, which is a gauge; undefined between exponential and custom buckets. */
export function subtractHistograms(a: Histogram, b: Histogram): Combined | undefined {
  return combine(a, b, -1, RESET_GAUGE);
}

function combine(
  a: Histogram,
  b: Histogram,
  sign: 1 | -1,
  resetHint: number,
): Combined | undefined {
  const shape = commonShape(a, b);
  if (shape === undefined) return undefined;
  const left = reshape(a, shape);
  const right = reshape(b, shape);
  const histogram = {
    ...left,
    resetHint,
    zeroCount: left.zeroCount + sign * right.zeroCount,
    count: left.count + sign * right.count,
    sum: left.sum + sign * right.sum,
    positive: mergeCounts(left.positive, right.positive, sign),
    negative: mergeCounts(left.negative, right.negative, sign),
  };
  const reconciled = !sameBounds(a.customValues, b.customValues);
  return { histogram, reconciled, collision: hintsCollide(a.resetHint, b.resetHint) };
}

/** A gauge among them makes a gauge; counters keep only what both say. */
export function mergeHints(a: number, b: number): number {
  if (a === b) return a;
  return a === RESET_GAUGE || b === RESET_GAUGE ? RESET_GAUGE : RESET_UNKNOWN;
}

export function hintsCollide(a: number, b: number): boolean {
  return a !== b && isTold(a) && isTold(b);
}

function isTold(hint: number): boolean {
  return hint !== RESET_UNKNOWN && hint !== RESET_GAUGE;
}

function mergeCounts(a: Buckets, b: Buckets, sign: 1 | -1): Buckets {
  if (b.index.length === 0) return a;
  const index = uniteIndexes(a.index, b.index);
  const count = new Float64Array(index.length);
  for (let at = 0, left = 0, right = 0; at < index.length; at++) {
    let value = 0;
    if (a.index[left] === index[at]) value = a.count[left++]!;
    if (b.index[right] === index[at]) value += sign * b.count[right++]!;
    count[at] = value;
  }
  return withoutEmpty({ index, count });
}

/** Ascending, each once; `a` itself where it holds all of `b`. */
export function uniteIndexes(a: Int32Array, b: Int32Array): Int32Array {
  let extra = 0;
  for (let left = 0, right = 0; right < b.length; ) {
    if (left < a.length && a[left]! < b[right]!) left++;
    else {
      if (a[left] !== b[right]) extra++;
      right++;
    }
  }
  if (extra === 0) return a;
  const out = new Int32Array(a.length + extra);
  for (let at = 0, left = 0, right = 0; at < out.length; at++) {
    const [next, other] = [a[left] ?? Infinity, b[right] ?? Infinity];
    out[at] = Math.min(next, other);
    if (next <= other) left++;
    if (other <= next) right++;
  }
  return out;
}

/** A negative factor makes a gauge of a counter. */
export function scaleHistogram(h: Histogram, factor: number): Histogram {
  return mapValues(h, (value) => value * factor, factor < 0);
}

/** Divided by zero, buckets mean nothing any more and go. */
export function divideHistogram(h: Histogram, by: number): Histogram {
  const out = mapValues(h, (value) => value / by, by < 0);
  return by === 0 ? { ...out, positive: NO_BUCKETS, negative: NO_BUCKETS } : out;
}

function mapValues(h: Histogram, change: (value: number) => number, negative: boolean): Histogram {
  return {
    ...h,
    resetHint: negative ? RESET_GAUGE : h.resetHint,
    zeroCount: change(h.zeroCount),
    count: change(h.count),
    sum: change(h.sum),
    positive: mapCounts(h.positive, change),
    negative: mapCounts(h.negative, change),
  };
}

/** Equal observations in equal buckets; the reset hint doesn't count, NaN equals NaN. */
export function equalHistograms(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    same(a.count, b.count) &&
    same(a.sum, b.sum) &&
    a.zeroThreshold === b.zeroThreshold &&
    same(a.zeroCount, b.zeroCount) &&
    sameBounds(a.customValues, b.customValues) &&
    equalBuckets(a.positive, b.positive) &&
    equalBuckets(a.negative, b.negative)
  );
}

function same(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

function equalBuckets(a: Buckets, b: Buckets): boolean {
  if (a.index.length !== b.index.length) return false;
  return a.index.every((index, at) => index === b.index[at] && same(a.count[at]!, b.count[at]!));
}
