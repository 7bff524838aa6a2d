// A native histogram for readers: the buckets that Prometheus's API answers, and the label value that
// count_values gives it, `{count:20, sum:10, [-1,-0.5):1, [-0.001,0.001]:2, (0.5,1]:1}`.
import { formatShortest } from '../parse/literals.ts';
import { OrderedBuckets } from './bounds.ts';
import { type Histogram, hasCustomBuckets } from './histogram.ts';

export interface PrintedBucket {
  readonly lower: number;
  readonly upper: number;
  readonly lowerInclusive: boolean;
  readonly upperInclusive: boolean;
  readonly count: number;
}

/**
 * Populated buckets in ascending order, with which of their bounds belong to them. A bucket that reaches into
 * the zero bucket begins where that ends; a zero bucket below 0 (of a difference) is left out.
 */
export function bucketsOf(h: Histogram): PrintedBucket[] {
  const all = new OrderedBuckets(h, 'apart');
  const buckets: PrintedBucket[] = [];
  for (let at = 0; at < all.size; at++) {
    if (all.isZero(at) && !(h.zeroCount > 0)) continue;
    buckets.push(bucketAt(all, at));
  }
  return buckets;
}

function bucketAt(all: OrderedBuckets, at: number): PrintedBucket {
  const [lower, upper] = [all.lower(at), all.upper(at)];
  const custom = hasCustomBuckets(all.histogram);
  return {
    lower,
    upper,
    lowerInclusive: custom ? lower === Number.NEGATIVE_INFINITY : lower < 0 || all.isZero(at),
    upperInclusive: custom || upper > 0 || all.isZero(at),
    count: all.count(at),
  };
}

/** Unlike bucketsOf(), it prints every populated bucket whole. */
export function printHistogram(h: Histogram): string {
  let out = `{count:${formatShortest(h.count)}, sum:${formatShortest(h.sum)}`;
  const all = new OrderedBuckets(h);
  for (let at = 0; at < all.size; at++) {
    const bucket = bucketAt(all, at);
    const bounds = `${formatShortest(bucket.lower)},${formatShortest(bucket.upper)}`;
    const [open, close] = [bucket.lowerInclusive ? '[' : '(', bucket.upperInclusive ? ']' : ')'];
    out += `, ${open}${bounds}${close}:${formatShortest(bucket.count)}`;
  }
  return `${out}}`;
}
