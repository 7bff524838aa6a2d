// Laws of histogram arithmetic, whatever the resolutions, zero buckets and custom bounds.
import { RESET_GAUGE, RESET_NO, RESET_UNKNOWN, RESET_YES } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HistogramTotal } from './accumulate.ts';
import {
  addHistograms,
  divideHistogram,
  equalHistograms,
  mergeHints,
  scaleHistogram,
  subtractHistograms,
} from './arithmetic.ts';
import { OrderedBuckets } from './bounds.ts';
import { EMPTY_HISTOGRAM, fromNative, type Histogram, toNative } from './histogram.ts';
import { custom, exponential, twoOfAKind } from './histogram-fixture.ts';
import { isReset } from './resets.ts';
import { commonShape, reshape, withSchema } from './shape.ts';

function inBuckets(h: Histogram): number {
  const all = new OrderedBuckets(h);
  let sum = 0;
  for (let at = 0; at < all.size; at++) sum += all.count(at);
  return sum;
}

const sumOf = (a: Histogram, b: Histogram) => addHistograms(a, b)!.histogram;

describe('histogram arithmetic', () => {
  it('passes through spans unchanged', () => {
    fc.assert(
      fc.property(fc.oneof(exponential, custom), (h) => {
        expect(fromNative(toNative(h))).toEqual(h);
      }),
    );
  });

  it('adds in either order, loses no observation, and is undone by subtraction', () => {
    fc.assert(
      fc.property(twoOfAKind, ([a, b]) => {
        const sum = sumOf(a, b);
        expect(equalHistograms(sum, sumOf(b, a))).toBe(true);
        expect([sum.count, inBuckets(sum)]).toEqual([
          a.count + b.count,
          inBuckets(a) + inBuckets(b),
        ]);
        const back = subtractHistograms(sum, b)!.histogram;
        expect(equalHistograms(back, reshape(a, sum))).toBe(true);
      }),
    );
  });

  it('never looks like a reset when observations come in', () => {
    fc.assert(
      fc.property(twoOfAKind, ([a, b]) => {
        expect(isReset(a, sumOf(a, b))).toBe(false);
        const shape = commonShape(a, b)!;
        const fell = b.count > 0 && isReset(sumOf(a, b), reshape(a, shape));
        expect(fell).toBe(b.count > 0);
      }),
    );
  });

  it('totals many as it adds two', () => {
    fc.assert(
      fc.property(fc.array(exponential, { minLength: 1, maxLength: 6 }), (all) => {
        const sums = new HistogramTotal(all[0]!);
        const means = new HistogramTotal(all[0]!);
        for (const h of all.slice(1)) {
          sums.addToSum(h);
          means.addToMean(h);
        }
        const expected = all.reduce(sumOf);
        expect(equalHistograms(sums.sum(), expected)).toBe(true);
        expect(equalHistograms(means.mean(), divideHistogram(expected, all.length))).toBe(true);
      }),
    );
  });

  it('lowers the resolution in one step or in several', () => {
    fc.assert(
      fc.property(
        exponential,
        fc.integer({ min: -4, max: 3 }),
        fc.integer({ min: -4, max: 3 }),
        (h, a, b) => {
          const once = withSchema(h, Math.min(a, b));
          expect(withSchema(withSchema(h, Math.max(a, b)), Math.min(a, b))).toEqual(once);
          expect(inBuckets(once)).toBe(inBuckets(h));
        },
      ),
    );
  });

  it('widens the zero bucket to the end of a bucket that it would cut', () => {
    const narrow = { ...EMPTY_HISTOGRAM, zeroThreshold: 0.5, zeroCount: 1 };
    const wide = { ...EMPTY_HISTOGRAM, zeroThreshold: 3, zeroCount: 2 };
    const buckets = { index: Int32Array.of(1, 2, 3), count: Float64Array.of(10, 20, 30) };
    // Buckets (1, 2], (2, 4] and (4, 8]: the zero bucket goes up to 4.
    const sum = sumOf({ ...narrow, positive: buckets }, wide);
    expect(sum).toMatchObject({ zeroThreshold: 4, zeroCount: 33 });
    expect([...sum.positive.index]).toEqual([3]);
  });

  it('has no sum of exponential and custom buckets', () => {
    const other = { ...EMPTY_HISTOGRAM, schema: -53 };
    expect(addHistograms(EMPTY_HISTOGRAM, other)).toBeUndefined();
    const total = new HistogramTotal(EMPTY_HISTOGRAM);
    total.addToSum(other);
    expect(total.incompatible).toBe(true);
  });

  it('makes a gauge of what a gauge or a negative factor was in', () => {
    expect(mergeHints(RESET_GAUGE, RESET_NO)).toBe(RESET_GAUGE);
    expect(mergeHints(RESET_UNKNOWN, RESET_NO)).toBe(RESET_UNKNOWN);
    expect(mergeHints(RESET_YES, RESET_NO)).toBe(RESET_UNKNOWN);
    expect(mergeHints(RESET_NO, RESET_NO)).toBe(RESET_NO);
    expect(scaleHistogram(EMPTY_HISTOGRAM, -1).resetHint).toBe(RESET_GAUGE);
    expect(scaleHistogram(EMPTY_HISTOGRAM, 2).resetHint).toBe(RESET_UNKNOWN);
  });
});
