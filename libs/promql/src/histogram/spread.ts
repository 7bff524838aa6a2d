// Average, variance and deviation of a native histogram, its observations taken to be in the middle of
// their buckets: geometric, arithmetic for custom buckets, zero in the zero bucket.

import { OrderedBuckets } from './bounds.ts';
import { type Histogram, hasCustomBuckets } from './histogram.ts';

export function averageOf(h: Histogram): number {
  return h.sum / h.count;
}

export function varianceOf(h: Histogram): number {
  const mean = averageOf(h);
  const all = new OrderedBuckets(h, 'apart');
  let squares = 0;
  for (let at = 0; at < all.size; at++) {
    squares += all.count(at) * (middleOf(all, at) - mean) ** 2;
  }
  return squares / h.count;
}

function middleOf(all: OrderedBuckets, at: number): number {
  if (all.isZero(at)) return 0;
  const [lower, upper] = [all.lower(at), all.upper(at)];
  if (hasCustomBuckets(all.histogram)) return (lower + upper) / 2;
  return geometricMean(lower, upper);
}

/** Of two bounds of one sign; has that sign. */
export function geometricMean(lower: number, upper: number): number {
  return Math.sign(upper) * Math.sqrt(Math.abs(lower)) * Math.sqrt(Math.abs(upper));
}
