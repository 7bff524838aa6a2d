// A native histogram as text, the label value that count_values gives it: Prometheus's
// `{count:20, sum:10, [-1,-0.5):1, [-0.001,0.001]:2, (0.5,1]:1}`.
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

/** Populated buckets in ascending order, with which of their bounds belong to them. */
export function bucketsOf(h: Histogram): PrintedBucket[] {
  const all = new OrderedBuckets(h);
  const custom = hasCustomBuckets(h);
  return Array.from({ length: all.size }, (_, at) => {
    const [lower, upper] = [all.lower(at), all.upper(at)];
    return {
      lower,
      upper,
      lowerInclusive: custom ? lower === Number.NEGATIVE_INFINITY : lower < 0 || all.isZero(at),
      upperInclusive: custom || upper > 0 || all.isZero(at),
      count: all.count(at),
    };
  });
}

export function printHistogram(h: Histogram): string {
  let out = `{count:${formatShortest(h.count)}, sum:${formatShortest(h.sum)}`;
  for (const bucket of bucketsOf(h)) {
    const bounds = `${formatShortest(bucket.lower)},${formatShortest(bucket.upper)}`;
    const [open, close] = [bucket.lowerInclusive ? '[' : '(', bucket.upperInclusive ? ']' : ')'];
    out += `, ${open}${bounds}${close}:${formatShortest(bucket.count)}`;
  }
  return `${out}}`;
}
