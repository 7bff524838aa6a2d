// Where buckets begin and end, and all buckets of a histogram in ascending order. Bounds are computed on
// demand: a quantile looks at every count but only at one bucket's bounds.
import { SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import type { Histogram } from './histogram.ts';
import { FINEST_SCHEMA, OCTAVE_BOUNDS } from './octave-bounds.ts';

/** The upper bound of an exponential bucket; the last finite one is the largest float, not 2^1024. */
export function exponentialBound(schema: number, index: number): number {
  const exponent = index / 2 ** schema;
  if (exponent >= 1024) return exponent === 1024 ? Number.MAX_VALUE : Number.POSITIVE_INFINITY;
  if (schema <= 0) return 2 ** exponent;
  const within = index & ((1 << schema) - 1);
  return 2 * OCTAVE_BOUNDS[within << (FINEST_SCHEMA - schema)]! * 2 ** (index >> schema);
}

/** The upper bound of a positive bucket. */
export function upperBound(h: Histogram, index: number): number {
  if (h.schema !== SCHEMA_CUSTOM_BUCKETS) return exponentialBound(h.schema, index);
  return index < h.customValues.length ? h.customValues[index]! : Number.POSITIVE_INFINITY;
}

/** The lower bound of a positive bucket; the first custom one reaches down to −Inf. */
export function lowerBound(h: Histogram, index: number): number {
  if (h.schema !== SCHEMA_CUSTOM_BUCKETS) return exponentialBound(h.schema, index - 1);
  return index > 0 ? h.customValues[index - 1]! : Number.NEGATIVE_INFINITY;
}

/** Populated buckets from the lowest to the highest: negative ones, the zero bucket, positive ones. */
export class OrderedBuckets {
  readonly histogram: Histogram;
  readonly size: number;
  readonly #negatives: number;
  readonly #zeros: number;
  /** No bucket but the zero bucket begins nearer to 0. */
  readonly #edge: number;

  /** With 'apart' buckets that reach into the zero bucket begin where it ends, as Prometheus reads them. */
  constructor(h: Histogram, bounds: 'whole' | 'apart' = 'whole') {
    this.histogram = h;
    this.#negatives = h.negative.index.length;
    // Less than nothing around zero, after arithmetic, counts as nothing there.
    const hasZeros = bounds === 'apart' ? h.zeroCount > 0 : h.zeroCount !== 0;
    this.#zeros = hasZeros && h.schema !== SCHEMA_CUSTOM_BUCKETS ? 1 : 0;
    this.size = this.#negatives + this.#zeros + h.positive.index.length;
    this.#edge = bounds === 'apart' ? h.zeroThreshold : 0;
  }

  isZero(at: number): boolean {
    return this.#zeros === 1 && at === this.#negatives;
  }

  isNegative(at: number): boolean {
    return at < this.#negatives;
  }

  count(at: number): number {
    const h = this.histogram;
    if (at < this.#negatives) return h.negative.count[this.#negatives - 1 - at]!;
    if (this.isZero(at)) return h.zeroCount;
    return h.positive.count[at - this.#negatives - this.#zeros]!;
  }

  lower(at: number): number {
    const h = this.histogram;
    if (at < this.#negatives) return -upperBound(h, this.#negativeIndex(at));
    if (this.isZero(at)) return -h.zeroThreshold;
    const bound = lowerBound(h, this.#positiveIndex(at));
    return bound > 0 ? Math.max(bound, this.#edge) : bound;
  }

  upper(at: number): number {
    const h = this.histogram;
    if (at < this.#negatives) {
      const bound = lowerBound(h, this.#negativeIndex(at));
      return -(bound > 0 ? Math.max(bound, this.#edge) : bound);
    }
    if (this.isZero(at)) return h.zeroThreshold;
    return upperBound(h, this.#positiveIndex(at));
  }

  #negativeIndex(at: number): number {
    return this.histogram.negative.index[this.#negatives - 1 - at]!;
  }

  #positiveIndex(at: number): number {
    return this.histogram.positive.index[at - this.#negatives - this.#zeros]!;
  }
}

/**
 * The zero bucket, and a custom bucket that begins at −Inf, as interpolation sees them: observations are
 * on the side of zero where the others are (documentation of histogram_quantile).
 */
export function interpolationBounds(
  all: OrderedBuckets,
  at: number,
): [lower: number, upper: number] {
  const h = all.histogram;
  let lower = all.lower(at);
  let upper = all.upper(at);
  if (all.isZero(at)) {
    const positives = h.positive.index.length > 0;
    const negatives = h.negative.index.length > 0;
    if (positives && !negatives) lower = 0;
    if (negatives && !positives) upper = 0;
  } else if (lower === Number.NEGATIVE_INFINITY && upper > 0) lower = 0;
  return [lower, upper];
}
