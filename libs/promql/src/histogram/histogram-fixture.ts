// Arbitrary native histograms for property tests: whole counts, so that sums are exact.
import { RESET_UNKNOWN, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import fc from 'fast-check';
import { type Buckets, EMPTY_HISTOGRAM, type Histogram, NO_VALUES } from './histogram.ts';

const bucketsOf = (min: number, max: number): fc.Arbitrary<Buckets> =>
  fc
    .uniqueArray(fc.tuple(fc.integer({ min, max }), fc.integer({ min: 1, max: 50 })), {
      maxLength: 8,
      selector: ([index]) => index,
    })
    .map((pairs) => {
      pairs.sort(([a], [b]) => a - b);
      const index = Int32Array.from(pairs, ([at]) => at);
      return { index, count: Float64Array.from(pairs, ([, count]) => count) };
    });

const total = ({ count }: Buckets) => count.reduce((sum, value) => sum + value, 0);

/** As a client would send it: the count is that of the buckets. */
function complete(parts: Omit<Histogram, 'count' | 'resetHint'>): Histogram {
  const count = parts.zeroCount + total(parts.positive) + total(parts.negative);
  return { ...EMPTY_HISTOGRAM, ...parts, count, resetHint: RESET_UNKNOWN };
}

export const exponential: fc.Arbitrary<Histogram> = fc
  .record({
    schema: fc.integer({ min: -2, max: 3 }),
    zeroThreshold: fc.constantFrom(0, 0.001, 0.5, 3),
    zeroCount: fc.integer({ min: 0, max: 9 }),
    sum: fc.integer({ min: -99, max: 99 }),
    positive: bucketsOf(-6, 12),
    negative: bucketsOf(-6, 12),
    customValues: fc.constant(NO_VALUES),
  })
  .map((parts) => complete({ ...parts, ...aboveZero(parts) }));

/** Without the buckets that the zero bucket covers, even in part. */
function aboveZero({
  schema,
  zeroThreshold,
  positive,
  negative,
}: Omit<Histogram, 'count' | 'resetHint'>) {
  const outside = ({ index, count }: Buckets): Buckets => {
    const isOutside = (at: number) => 2 ** ((index[at]! - 1) / 2 ** schema) >= zeroThreshold;
    return {
      index: index.filter((_, at) => isOutside(at)),
      count: count.filter((_, at) => isOutside(at)),
    };
  };
  return { positive: outside(positive), negative: outside(negative) };
}

export const custom: fc.Arbitrary<Histogram> = fc
  .uniqueArray(fc.constantFrom(-5, 0, 1, 2.5, 7, 40), { minLength: 1 })
  .map((bounds) => Float64Array.from(bounds).sort())
  .chain((customValues) =>
    fc.record({
      schema: fc.constant(SCHEMA_CUSTOM_BUCKETS),
      zeroThreshold: fc.constant(0),
      zeroCount: fc.constant(0),
      sum: fc.integer({ min: -99, max: 99 }),
      positive: bucketsOf(0, customValues.length),
      negative: fc.constant(EMPTY_HISTOGRAM.negative),
      customValues: fc.constant(customValues),
    }),
  )
  .map(complete);

export const twoOfAKind: fc.Arbitrary<readonly [Histogram, Histogram]> = fc.oneof(
  fc.tuple(exponential, exponential),
  fc.tuple(custom, custom),
);
