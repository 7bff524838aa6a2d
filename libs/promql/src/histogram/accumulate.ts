// Sums and means of many histograms, compensated in every field (Kahan–Neumaier) as sums of floats are.
// The compensation is a second histogram that always has the buckets of the sum.
import { RESET_NO, RESET_YES } from '@weir/model';
import { Kahan } from '../functions/kahan.ts';
import { divideHistogram, mergeHints, uniteIndexes } from './arithmetic.ts';
import { type Buckets, type Histogram, withoutEmpty } from './histogram.ts';
import { commonShape, reshape, sameBounds } from './shape.ts';

const kahan = new Kahan();
const SAID_YES = 1;
const SAID_NO = 2;

interface Compensated {
  readonly sum: Histogram;
  readonly c: Histogram;
}

/** What has been added so far; sum() or mean() at the end, after the add… of the same name. */
export class HistogramTotal {
  /** Exponential and custom buckets met: there is no result. */
  incompatible = false;
  reconciled = false;
  #hints = 0;
  #pair: Compensated;
  #count = 1;
  #isMean = false;

  constructor(first: Histogram) {
    this.#pair = { sum: first, c: zeroed(first) };
    this.#noteHint(first);
  }

  /** Some samples said that they were counter resets, others that they were none. */
  get collision(): boolean {
    return this.#hints === (SAID_YES | SAID_NO);
  }

  #noteHint({ resetHint }: Histogram): void {
    if (resetHint === RESET_YES) this.#hints |= SAID_YES;
    if (resetHint === RESET_NO) this.#hints |= SAID_NO;
  }

  addToSum(h: Histogram): void {
    const pair = this.#brought(h);
    if (pair !== undefined) this.#pair = addCompensated(pair, h);
  }

  /** A running sum while it stays finite; once it overflows, a running mean. */
  addToMean(h: Histogram): void {
    const pair = this.#brought(h);
    if (pair === undefined) return;
    const before = this.#count++;
    if (!this.#isMean) {
      const added = addCompensated(pair, h);
      if (isFinitePart(added.sum)) {
        this.#pair = added;
        return;
      }
      this.#isMean = true;
      this.#pair = scaled(pair, (value) => value / before);
    }
    const share = before / this.#count;
    const weighted = scaled(this.#pair, (value) => value * share);
    this.#pair = addCompensated(weighted, divideHistogram(h, this.#count));
  }

  sum(): Histogram {
    return total(this.#pair);
  }

  mean(): Histogram {
    return total(this.#isMean ? this.#pair : scaled(this.#pair, (value) => value / this.#count));
  }

  /** Takes notes and brings what there is to the shape it shares with `h`. */
  #brought(h: Histogram): Compensated | undefined {
    if (this.incompatible) return undefined;
    const { sum, c } = this.#pair;
    const shape = commonShape(sum, h);
    if (shape === undefined) {
      this.incompatible = true;
      return undefined;
    }
    if (!sameBounds(sum.customValues, h.customValues)) this.reconciled = true;
    this.#noteHint(h);
    this.#pair = { sum: reshape(sum, shape), c: reshape(c, shape) };
    return this.#pair;
  }
}

function zeroed(h: Histogram): Histogram {
  const empty = (buckets: Buckets): Buckets => {
    return { index: buckets.index, count: new Float64Array(buckets.count.length) };
  };
  const { positive, negative } = h;
  return {
    ...h,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positive: empty(positive),
    negative: empty(negative),
  };
}

/** Changes all fields of both parts; buckets are kept even where they become zero. */
function scaled({ sum, c }: Compensated, change: (value: number) => number): Compensated {
  const buckets = ({ index, count }: Buckets): Buckets => ({ index, count: count.map(change) });
  const part = (h: Histogram): Histogram => ({
    ...h,
    zeroCount: change(h.zeroCount),
    count: change(h.count),
    sum: change(h.sum),
    positive: buckets(h.positive),
    negative: buckets(h.negative),
  });
  return { sum: part(sum), c: part(c) };
}

/** `pair` is in the common shape already. */
function addCompensated(pair: Compensated, h: Histogram): Compensated {
  const { sum, c } = pair;
  const more = reshape(h, sum);
  const field = (name: 'zeroCount' | 'count' | 'sum') => {
    kahan.reset(sum[name], c[name]);
    kahan.add(more[name]);
    return [kahan.sum, kahan.c] as const;
  };
  const zeroCount = field('zeroCount');
  const count = field('count');
  const total = field('sum');
  const positive = addBuckets(sum.positive, c.positive, more.positive);
  const negative = addBuckets(sum.negative, c.negative, more.negative);
  const part = (which: 0 | 1): Histogram => ({
    ...sum,
    resetHint: mergeHints(sum.resetHint, h.resetHint),
    zeroCount: zeroCount[which],
    count: count[which],
    sum: total[which],
    positive: positive[which],
    negative: negative[which],
  });
  return { sum: part(0), c: part(1) };
}

function addBuckets(sum: Buckets, c: Buckets, more: Buckets): readonly [Buckets, Buckets] {
  if (more.index.length === 0) return [sum, c];
  const index = uniteIndexes(sum.index, more.index);
  const sums = new Float64Array(index.length);
  const cs = new Float64Array(index.length);
  for (let at = 0, left = 0, right = 0; at < index.length; at++) {
    const isOld = sum.index[left] === index[at];
    kahan.reset(isOld ? sum.count[left]! : 0, isOld ? c.count[left]! : 0);
    if (isOld) left++;
    if (more.index[right] === index[at]) kahan.add(more.count[right++]!);
    sums[at] = kahan.sum;
    cs[at] = kahan.c;
  }
  return [
    { index, count: sums },
    { index, count: cs },
  ];
}

function isFinitePart({ count, sum, zeroCount, positive, negative }: Histogram): boolean {
  const isInfinite = (value: number) => Math.abs(value) === Number.POSITIVE_INFINITY;
  if ([count, sum, zeroCount].some(isInfinite)) return false;
  return !positive.count.some(isInfinite) && !negative.count.some(isInfinite);
}

function total({ sum, c }: Compensated): Histogram {
  const buckets = (side: 'positive' | 'negative'): Buckets => {
    const { index, count } = sum[side];
    return withoutEmpty({ index, count: count.map((value, at) => value + c[side].count[at]!) });
  };
  return {
    ...sum,
    zeroCount: sum.zeroCount + c.zeroCount,
    count: sum.count + c.count,
    sum: sum.sum + c.sum,
    positive: buckets('positive'),
    negative: buckets('negative'),
  };
}
