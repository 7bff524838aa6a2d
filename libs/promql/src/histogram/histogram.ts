// A native histogram as evaluation sees it: buckets as ascending pairs of index and count, so that any
// two of one shape are merged in one pass. Values are immutable: an operator makes a new one, and rows,
// groups and results share them freely. Formats and what senders may write are elsewhere.
import {
  type NativeHistogram,
  RESET_GAUGE,
  RESET_UNKNOWN,
  SCHEMA_CUSTOM_BUCKETS,
} from '@weir/model';

/** Populated buckets of one side, ascending by index; both arrays have the same length. */
export interface Buckets {
  readonly index: Int32Array;
  readonly count: Float64Array;
}

export interface Histogram {
  /** −4 … 8: bucket i ends at 2^(i · 2^−schema). SCHEMA_CUSTOM_BUCKETS: it ends at customValues[i]. */
  readonly schema: number;
  readonly resetHint: number;
  /** The zero bucket is [−zeroThreshold, zeroThreshold]; custom buckets have none. */
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly sum: number;
  readonly positive: Buckets;
  readonly negative: Buckets;
  readonly customValues: Float64Array;
}

export const NO_VALUES = new Float64Array(0);
export const NO_BUCKETS: Buckets = { index: new Int32Array(0), count: NO_VALUES };

export const EMPTY_HISTOGRAM: Histogram = {
  schema: 0,
  resetHint: RESET_UNKNOWN,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 0,
  sum: 0,
  positive: NO_BUCKETS,
  negative: NO_BUCKETS,
  customValues: NO_VALUES,
};

export function hasCustomBuckets(h: Histogram): boolean {
  return h.schema === SCHEMA_CUSTOM_BUCKETS;
}

export function isGauge(h: Histogram): boolean {
  return h.resetHint === RESET_GAUGE;
}

export function withResetHint(h: Histogram, resetHint: number): Histogram {
  return h.resetHint === resetHint ? h : { ...h, resetHint };
}

export function fromNative(native: NativeHistogram): Histogram {
  const { resetHint, schema, zeroThreshold, zeroCount, count, sum, customValues } = native;
  return {
    schema,
    resetHint,
    zeroThreshold,
    zeroCount,
    count,
    sum,
    positive: fromSpans(native.positiveSpans, native.positiveBuckets),
    negative: fromSpans(native.negativeSpans, native.negativeBuckets),
    customValues,
  };
}

/** Empty buckets are left out: they say nothing. */
function fromSpans(spans: Int32Array, counts: Float64Array): Buckets {
  let populated = 0;
  for (const count of counts) if (count !== 0) populated++;
  if (populated === 0) return NO_BUCKETS;
  const index = new Int32Array(populated);
  const count = new Float64Array(populated);
  let to = 0;
  let from = 0;
  let next = 0;
  for (let span = 0; span < spans.length; span += 2) {
    next += spans[span]!;
    for (let left = spans[span + 1]!; left > 0; left--, next++) {
      const value = counts[from++]!;
      if (value === 0) continue;
      index[to] = next;
      count[to++] = value;
    }
  }
  return { index, count };
}

export function toNative(h: Histogram): NativeHistogram {
  const positive = toSpans(h.positive);
  const negative = toSpans(h.negative);
  return {
    isFloat: true,
    resetHint: h.resetHint,
    schema: h.schema,
    zeroThreshold: h.zeroThreshold,
    zeroCount: h.zeroCount,
    count: h.count,
    sum: h.sum,
    isStale: false,
    positiveSpans: positive.spans,
    negativeSpans: negative.spans,
    positiveBuckets: positive.counts,
    negativeBuckets: negative.counts,
    customValues: h.customValues,
  };
}

function toSpans({ index, count }: Buckets): { spans: Int32Array; counts: Float64Array } {
  const spans: number[] = [];
  let next = 0;
  for (let at = 0; at < index.length; at++) {
    if (at === 0 || index[at] !== next) spans.push(index[at]! - next, 0);
    spans[spans.length - 1]!++;
    next = index[at]! + 1;
  }
  return { spans: Int32Array.from(spans), counts: count };
}

/** Counts of one side by a function; those that become zero are left out. */
export function mapCounts(buckets: Buckets, change: (count: number) => number): Buckets {
  return withoutEmpty({ index: buckets.index, count: buckets.count.map(change) });
}

export function withoutEmpty(buckets: Buckets): Buckets {
  const { index, count } = buckets;
  if (!count.includes(0)) return buckets;
  return { index: index.filter((_, at) => count[at] !== 0), count: count.filter((c) => c !== 0) };
}
