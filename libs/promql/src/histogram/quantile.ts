// Quantiles and fractions of native histograms, and each the inverse of the other. Interpolation within a
// bucket is exponential, as the buckets are; linear in the zero bucket and in custom buckets
// (documentation of histogram_quantile and histogram_fraction).

import { interpolationBounds, OrderedBuckets } from './bounds.ts';
import { type Histogram, hasCustomBuckets } from './histogram.ts';

export interface HistogramQuantile {
  readonly value: number;
  /** NaN observations are in no bucket: the rank fell among them, or all others moved up. */
  readonly nan: 'none' | 'result' | 'skew';
}

const plain = (value: number): HistogramQuantile => ({ value, nan: 'none' });

export function quantileOfHistogram(q: number, h: Histogram): HistogramQuantile {
  if (q < 0) return plain(Number.NEGATIVE_INFINITY);
  if (q > 1) return plain(Number.POSITIVE_INFINITY);
  if (h.count === 0 || Number.isNaN(q)) return plain(Number.NaN);
  const all = new OrderedBuckets(h, 'apart');
  const hasNaN = Number.isNaN(h.sum);
  // From the nearer end, so that a rank between two buckets falls to the upper one from the middle on.
  const fromTop = !hasNaN && q >= 0.5;
  const rank = (fromTop ? 1 - q : q) * h.count;
  const { at, seen: found } = bucketOfRank(all, rank, fromTop);
  const seen = Math.min(found, h.count);
  const isShort = at >= 0 && seen < rank;
  const isBeyond = at < 0 || (hasNaN && isShort);
  // Above the last custom bound nothing more is known, whether it is a number or not.
  const bound = isBeyond && at >= 0 ? openBound(all, at) : undefined;
  if (bound !== undefined) return plain(bound);
  if (isBeyond) return { value: Number.NaN, nan: hasNaN ? 'result' : 'none' };
  // Of what is no number of observations (differences may be negative): the end of the last bucket looked at.
  if (isShort) return plain(openBound(all, at) ?? interpolationBounds(all, at)[1]);
  const count = all.count(at);
  const within = Math.min(1, (rank - (seen - count)) / count);
  const value = valueAt(all, at, fromTop ? 1 - within : within);
  const isSkewed = openBound(all, at) === undefined && hasObservedNaN(h);
  return { value, nan: isSkewed ? 'skew' : 'none' };
}

/** Observations of NaN count, but are in no bucket; opposite infinities make a sum NaN as well, and are in one. */
export function hasObservedNaN(h: Histogram): boolean {
  if (!Number.isNaN(h.sum)) return false;
  const all = new OrderedBuckets(h, 'apart');
  let seen = 0;
  for (let at = 0; at < all.size; at++) seen += all.count(at);
  return seen < h.count;
}

/** The value that stands for all of a custom bucket without end; undefined of any other bucket. */
function openBound(all: OrderedBuckets, at: number): number | undefined {
  if (!hasCustomBuckets(all.histogram)) return undefined;
  const [lower, upper] = interpolationBounds(all, at);
  if (lower === Number.NEGATIVE_INFINITY) return upper;
  const isLast = upper === Number.POSITIVE_INFINITY;
  return isLast && all.lower(at) !== Number.NEGATIVE_INFINITY ? lower : undefined;
}

/** The bucket at which the count reaches the rank, or the last one; −1 where there is none. */
function bucketOfRank(all: OrderedBuckets, rank: number, fromTop: boolean) {
  let seen = 0;
  let at = -1;
  for (let step = 0; step < all.size; step++) {
    at = fromTop ? all.size - 1 - step : step;
    seen += all.count(at);
    if (seen >= rank) break;
  }
  return { at, seen };
}

/** The value below which `fraction` of a bucket's observations are. */
function valueAt(all: OrderedBuckets, at: number, fraction: number): number {
  const bound = openBound(all, at);
  if (bound !== undefined) return bound;
  const [lower, upper] = interpolationBounds(all, at);
  if (isLinear(all, at)) return lower + (upper - lower) * fraction;
  const [low, high] = [Math.log2(Math.abs(lower)), Math.log2(Math.abs(upper))];
  const size = 2 ** (low + (high - low) * fraction);
  return all.isNegative(at) ? -size : size;
}

export function isLinear(all: OrderedBuckets, at: number): boolean {
  return hasCustomBuckets(all.histogram) || all.isZero(at);
}

/**
 * The fraction of a bucket's observations that are at `value` or below. Buckets without end aren't
 * interpolated: any finite value is above all of the first, and below all of the last.
 */
export function fractionBelow(all: OrderedBuckets, at: number, value: number): number {
  const [lower, upper] = interpolationBounds(all, at);
  if (upper === Number.POSITIVE_INFINITY) return value === upper ? 1 : 0;
  if (lower === Number.NEGATIVE_INFINITY) return value === lower ? 0 : 1;
  if (value <= lower) return 0;
  if (value >= upper) return 1;
  if (isLinear(all, at)) return (value - lower) / (upper - lower);
  return Math.log2(value / lower) / Math.log2(upper / lower);
}

/**
 * The fraction of all observations that are between the bounds. Custom buckets of a native histogram that have zero in
 * them begin there, as Prometheus reads them; those made of classic ones don't.
 */
export function fractionOfHistogram(
  lower: number,
  upper: number,
  h: Histogram,
  of: 'native' | 'classic' = 'native',
): number {
  if (h.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const all = new OrderedBuckets(h, 'apart');
  let rank = 0;
  let lowerRank: number | undefined;
  let upperRank: number | undefined;
  for (let at = 0; at < all.size; at++) {
    const hasZero = hasCustomBuckets(h) && all.lower(at) <= 0 && all.upper(at) >= 0;
    const below = of === 'native' && hasZero ? fractionFromZero : fractionBelow;
    const belowLower = below(all, at, lower);
    const belowUpper = below(all, at, upper);
    if (belowLower < 1) lowerRank ??= rank + all.count(at) * belowLower;
    if (belowUpper < 1) upperRank ??= rank + all.count(at) * belowUpper;
    rank += all.count(at);
  }
  // NaN was observed, too, and is in no bucket.
  const most = Number.isNaN(h.sum) ? rank : h.count;
  return (Math.min(upperRank ?? most, most) - Math.min(lowerRank ?? most, most)) / h.count;
}

function fractionFromZero(all: OrderedBuckets, at: number, value: number): number {
  const upper = all.upper(at);
  if (upper === Number.POSITIVE_INFINITY) return value === upper ? 1 : 0;
  if (value <= 0) return 0;
  return value >= upper ? 1 : value / upper;
}
