// Native histograms for tests against real Prometheus: series of every kind, valid as Prometheus judges,
// and what a histogram looks like from outside: bounds and counts, whatever its spans are.
import { type NativeHistogram, RESET_GAUGE, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';

export const START_MS = 1_700_006_400_000;
export const STEP_MS = 15_000;
export const SAMPLES = 300;
const RESET_AT = 100;
const STALE_FROM = 200;
const STALE_TO = 205;
const BOUNDS = [0.005, 0.1, 1, 2.5, 10 / 3, 33_554.431];
const NO_SPANS = new Int32Array(0);
const NO_COUNTS = new Float64Array(0);

export type TimedValue = readonly [t: number, value: number | NativeHistogram];

export interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly TimedValue[];
}

interface Shape {
  readonly isFloat?: boolean;
  readonly isGauge?: boolean;
  readonly isCustom?: boolean;
  readonly schema?: number;
  readonly zeroThreshold?: number;
}

function sideOf(counts: readonly (readonly [number, number])[]): [Int32Array, Float64Array] {
  const spans: number[] = [];
  let next = 0;
  for (const [index] of counts) {
    if (spans.length > 0 && index === next) spans[spans.length - 1]!++;
    else spans.push(index - next, 1);
    next = index + 1;
  }
  return [Int32Array.from(spans), Float64Array.from(counts, ([, count]) => count)];
}

function histogram(shape: Shape, age: number): NativeHistogram {
  const unit = shape.isFloat ? 0.25 : 1;
  const level = shape.isGauge ? 40 + Math.round(30 * Math.sin(age / 7)) : age;
  // A bucket further out comes with age, so that layouts grow; some stay empty or out for good.
  const grown = (from: number, to: number) => {
    const out: [number, number][] = [];
    for (let index = from; index <= to; index++) {
      const distance = Math.abs(index - 2);
      if (distance % 5 === 3 || level < distance * 6) continue;
      out.push([index, Math.floor(((level - distance * 6) * 7) / (1 + distance)) * unit]);
    }
    return out;
  };
  const positive = shape.isCustom ? grown(0, BOUNDS.length) : grown(-9, 14);
  const negative = shape.isCustom ? [] : grown(-4, 3);
  const zeroCount = shape.isCustom ? 0 : Math.floor(level / 3) * unit;
  let count = zeroCount;
  for (const [, some] of [...positive, ...negative]) count += some;
  const [positiveSpans, positiveBuckets] = sideOf(positive);
  const [negativeSpans, negativeBuckets] = sideOf(negative);
  return {
    isFloat: shape.isFloat ?? false,
    resetHint: shape.isGauge ? RESET_GAUGE : 0,
    schema: shape.isCustom ? SCHEMA_CUSTOM_BUCKETS : (shape.schema ?? 3),
    zeroThreshold: shape.isCustom ? 0 : (shape.zeroThreshold ?? 2 ** -128),
    zeroCount,
    count,
    sum: count * 1.37 - level / 3,
    isStale: false,
    positiveSpans,
    positiveBuckets,
    negativeSpans,
    negativeBuckets,
    customValues: shape.isCustom ? Float64Array.from(BOUNDS) : NO_COUNTS,
  };
}

export function staleMarker(isFloat: boolean): NativeHistogram {
  return {
    ...histogram({ isFloat, zeroThreshold: 0, schema: 0 }, -1),
    zeroCount: 0,
    count: 0,
    sum: 0,
    isStale: true,
    positiveSpans: NO_SPANS,
    negativeSpans: NO_SPANS,
    positiveBuckets: NO_COUNTS,
    negativeBuckets: NO_COUNTS,
  };
}

/** A counter that restarts once and is stale for a while; gauges never restart. */
function series(name: string, shape: Shape): HistogramSeries {
  const samples: TimedValue[] = [];
  for (let n = 0; n < SAMPLES; n++) {
    const t = START_MS + n * STEP_MS;
    if (n === STALE_FROM) samples.push([t, staleMarker(shape.isFloat ?? false)]);
    if (n >= STALE_FROM && n < STALE_TO) continue;
    samples.push([t, histogram(shape, n < RESET_AT ? n : n - RESET_AT)]);
  }
  return { labels: { __name__: name, kind: 'x' }, samples };
}

/** Sorted by labels. */
export function histogramData(): HistogramSeries[] {
  const changing = series('h_changing', {}).samples.map(([t, value], n): TimedValue => {
    if (n < 150 || typeof value === 'number' || value.isStale) return [t, value];
    return [t, histogram({ schema: 1, zeroThreshold: 0.001 }, n - 150)];
  });
  const mixed = series('h_mixed', {}).samples.map(
    ([t, value], n): TimedValue => [t, n < 80 || n > 250 ? n / 4 : value],
  );
  return [
    { labels: { __name__: 'h_changing', kind: 'x' }, samples: changing },
    series('h_custom', { isCustom: true }),
    series('h_custom_float', { isCustom: true, isFloat: true }),
    series('h_float', { isFloat: true }),
    series('h_gauge', { isGauge: true }),
    series('h_gauge_float', { isGauge: true, isFloat: true }),
    series('h_integer', {}),
    { labels: { __name__: 'h_mixed', kind: 'x' }, samples: mixed },
    series('h_odd_threshold', { zeroThreshold: 0.003, schema: 1 }),
  ];
}

/** From outside: bounds of every bucket that isn't empty, ascending, with its count. */
export interface Seen {
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly (readonly [lower: number, upper: number, count: number])[];
}

export function seen(h: NativeHistogram): Seen {
  if (h.isStale) return { count: 0, sum: Number.NaN, buckets: [] };
  const buckets: [number, number, number][] = [];
  eachBucket(h.positiveSpans, h.positiveBuckets, (index, count) => {
    buckets.push([lowerBound(h, index), upperBound(h, index), count]);
  });
  eachBucket(h.negativeSpans, h.negativeBuckets, (index, count) => {
    buckets.push([-upperBound(h, index), -lowerBound(h, index), count]);
  });
  buckets.push([-h.zeroThreshold, h.zeroThreshold, h.zeroCount]);
  const filled = buckets.filter(([, , count]) => count !== 0);
  return { count: h.count, sum: h.sum, buckets: filled.sort((a, b) => a[0] - b[0]) };
}

function eachBucket(
  spans: Int32Array,
  counts: Float64Array,
  visit: (index: number, count: number) => void,
): void {
  let index = 0;
  let at = 0;
  for (let span = 0; span < spans.length; span += 2) {
    index += spans[span]!;
    for (let n = spans[span + 1]!; n > 0; n--) visit(index++, counts[at++]!);
  }
}

function upperBound({ schema, customValues }: NativeHistogram, index: number): number {
  if (schema === SCHEMA_CUSTOM_BUCKETS) return customValues[index] ?? Infinity;
  return 2 ** (index * 2 ** -schema);
}

function lowerBound(h: NativeHistogram, index: number): number {
  if (h.schema === SCHEMA_CUSTOM_BUCKETS && index === 0) return -Infinity;
  return upperBound(h, index - 1);
}

/** As Prometheus's documentation of histogram_quantile() tells for native histograms; 0 < q < 1. */
export function quantileOf(q: number, h: NativeHistogram): number {
  const { buckets, count } = seen(h);
  if (count === 0) return Number.NaN;
  const isCustom = h.schema === SCHEMA_CUSTOM_BUCKETS;
  const rank = q * count;
  let below = 0;
  for (const [lower, upper, inside] of buckets) {
    if (below + inside < rank) {
      below += inside;
      continue;
    }
    const part = (rank - below) / inside;
    if (isCustom && upper === Infinity) return lower;
    if (isCustom && lower === -Infinity) return upper > 0 ? upper * part : upper;
    if (isCustom || lower === -upper) return lower + (upper - lower) * part;
    if (lower > 0) return lower * (upper / lower) ** part;
    return -(-lower * (upper / lower) ** part);
  }
  throw new Error('a histogram counts more than its buckets do');
}

/** Where two histograms look different; bounds may differ by rounding. */
export function difference(found: Seen | undefined, wanted: Seen): string | undefined {
  if (found === undefined) return 'is missing';
  const say = (seen: Seen) => `${seen.count} ${seen.sum} ${JSON.stringify(seen.buckets)}`;
  const same =
    found.count === wanted.count &&
    Object.is(found.sum, wanted.sum) &&
    found.buckets.length === wanted.buckets.length &&
    found.buckets.every(([lower, upper, count], at) => {
      const [otherLower, otherUpper, otherCount] = wanted.buckets[at]!;
      return count === otherCount && isClose(lower, otherLower) && isClose(upper, otherUpper);
    });
  return same ? undefined : `${say(found)}, not ${say(wanted)}`;
}

export function isClose(a: number, b: number, tolerance = 1e-12): boolean {
  if (Object.is(a, b) || a === b) return true;
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
