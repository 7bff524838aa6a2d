// The trim operators: `h </ x` keeps the observations up to x, `h >/ x` those above. Counts are
// interpolated as in histogram_fraction; the sum is estimated anew from the middles of what is left.

import { interpolationBounds, OrderedBuckets } from './bounds.ts';
import { type Buckets, type Histogram, hasCustomBuckets, NO_BUCKETS } from './histogram.ts';
import { fractionBelow, isLinear } from './quantile.ts';
import { geometricMean } from './spread.ts';

export type Trim = 'upper' | 'lower';

/** 'upper' is `</`, which cuts off what is above `at`; 'lower' is `>/`. */
export function trimHistogram(h: Histogram, trim: Trim, cut: number): Histogram {
  if (Number.isNaN(cut)) return nothingOf(h);
  const all = new OrderedBuckets(h);
  const kept = new Float64Array(all.size);
  let whole = true;
  for (let at = 0; at < all.size; at++) {
    if (isPassedOver(all, at)) continue;
    kept[at] = trim === 'upper' ? fractionBelow(all, at, cut) : fractionAbove(all, at, cut);
    if (kept[at] !== 1) whole = false;
  }
  return whole ? h : rebuilt(all, kept, trim, cut);
}

/** Of a difference of histograms less than nothing may be around zero: Prometheus leaves it there, and counts it no more. */
function isPassedOver(all: OrderedBuckets, at: number): boolean {
  return all.isZero(at) && all.count(at) < 0;
}

/** Nothing is on either side of NaN, and of what is around zero nobody knows how much. */
function nothingOf(h: Histogram): Histogram {
  const none = hasCustomBuckets(h) || h.zeroCount <= 0 ? 0 : Number.NaN;
  const zeroCount = h.zeroCount < 0 ? h.zeroCount : none;
  const empty = { positive: NO_BUCKETS, negative: NO_BUCKETS, zeroCount };
  return { ...h, ...empty, count: none, sum: none };
}

/** Of a bucket that begins at −Inf nothing is above a finite cut, unless the cut is within [0, upper]. */
function fractionAbove(all: OrderedBuckets, at: number, cut: number): number {
  if (all.lower(at) === Number.NEGATIVE_INFINITY) {
    if (cut === Number.NEGATIVE_INFINITY) return 1;
    if (cut < 0 || all.upper(at) === Number.POSITIVE_INFINITY) return 0;
  }
  return 1 - fractionBelow(all, at, cut);
}

function rebuilt(all: OrderedBuckets, kept: Float64Array, trim: Trim, cut: number): Histogram {
  const h = all.histogram;
  let count = 0;
  let sum = 0;
  let zeroCount = 0;
  const positive = new Side();
  const negative = new Side();
  const negatives = h.negative.index.length;
  const positivesFrom = all.size - h.positive.index.length;
  for (let at = 0; at < all.size; at++) {
    const left = all.count(at) * kept[at]!;
    if (isPassedOver(all, at)) zeroCount = all.count(at);
    if (left === 0) continue;
    count += left;
    sum += left * middleOfKept(all, at, trim, cut);
    if (all.isZero(at)) zeroCount = left;
    else if (all.isNegative(at)) negative.add(h.negative.index[negatives - 1 - at]!, left);
    else positive.add(h.positive.index[at - positivesFrom]!, left);
  }
  return {
    ...h,
    count,
    sum,
    zeroCount,
    positive: positive.buckets(),
    negative: negative.descending(),
  };
}

function middleOfKept(all: OrderedBuckets, at: number, trim: Trim, cut: number): number {
  let [lower, upper] = interpolationBounds(all, at);
  if (trim === 'upper') upper = Math.min(upper, cut);
  else lower = Math.max(lower, cut);
  if (hasCustomBuckets(all.histogram)) {
    if (lower === Number.NEGATIVE_INFINITY) return upper;
    if (upper === Number.POSITIVE_INFINITY) return lower;
  }
  return isLinear(all, at) ? (lower + upper) / 2 : geometricMean(lower, upper);
}

/** Buckets of one side as they are found. */
class Side {
  readonly #index: number[] = [];
  readonly #count: number[] = [];

  add(index: number, count: number): void {
    this.#index.push(index);
    this.#count.push(count);
  }

  buckets(): Buckets {
    if (this.#index.length === 0) return NO_BUCKETS;
    return { index: Int32Array.from(this.#index), count: Float64Array.from(this.#count) };
  }

  /** Negative buckets are met from the highest index down. */
  descending(): Buckets {
    this.#index.reverse();
    this.#count.reverse();
    return this.buckets();
  }
}
