// Quantiles, fractions and trims agree with each other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exponentialBound, OrderedBuckets } from './bounds.ts';
import { EMPTY_HISTOGRAM, type Histogram } from './histogram.ts';
import { exponential } from './histogram-fixture.ts';
import { fractionOfHistogram, quantileOfHistogram } from './quantile.ts';
import { varianceOf } from './spread.ts';
import { trimHistogram } from './trim.ts';

const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
const value = fc.double({ min: -5000, max: 5000, noNaN: true });
// A zero bucket without width is a point: all of it is at one value.
const populated = exponential.filter(
  ({ count, zeroCount, zeroThreshold }) => count > 0 && (zeroThreshold > 0 || zeroCount === 0),
);

describe('quantiles and fractions of histograms', () => {
  it('are inverse to each other', () => {
    fc.assert(
      fc.property(populated, share, (h, q) => {
        const quantile = quantileOfHistogram(q, h).value;
        expect(fractionOfHistogram(-Infinity, quantile, h)).toBeCloseTo(q, 6);
      }),
    );
  });

  it('grow with their argument', () => {
    fc.assert(
      fc.property(populated, share, share, (h, a, b) => {
        const low = quantileOfHistogram(Math.min(a, b), h).value;
        expect(low).toBeLessThanOrEqual(quantileOfHistogram(Math.max(a, b), h).value + 1e-9);
      }),
    );
  });

  it('are cut by trims where the fraction says', () => {
    fc.assert(
      fc.property(populated, value, (h, cut) => {
        const below = trimHistogram(h, 'upper', cut);
        const above = trimHistogram(h, 'lower', cut);
        expect(below.count + above.count).toBeCloseTo(h.count, 6);
        expect(below.count).toBeCloseTo(fractionOfHistogram(-Infinity, cut, h) * h.count, 6);
      }),
    );
  });

  it('answer the ends, and nothing for no observation', () => {
    expect(quantileOfHistogram(-0.1, EMPTY_HISTOGRAM).value).toBe(-Infinity);
    expect(quantileOfHistogram(1.1, EMPTY_HISTOGRAM).value).toBe(Infinity);
    expect(quantileOfHistogram(0.5, EMPTY_HISTOGRAM).value).toBeNaN();
    expect(fractionOfHistogram(0, 1, EMPTY_HISTOGRAM)).toBeNaN();
    expect(varianceOf(EMPTY_HISTOGRAM)).toBeNaN();
  });
});

describe('buckets that reach into the zero bucket', () => {
  // [-0.5,-0.25) … [-4,-2), [-0.75,0.75], (0.25,0.5] … (2,4]; the figures are a Prometheus's.
  const h: Histogram = {
    ...EMPTY_HISTOGRAM,
    ...{ zeroThreshold: 0.75, zeroCount: 2, count: 22, sum: 3.5 },
    positive: { index: Int32Array.of(-1, 0, 1, 2), count: Float64Array.of(1, 2, 3, 4) },
    negative: { index: Int32Array.of(-1, 0, 1, 2), count: Float64Array.of(4, 3, 2, 1) },
  };

  it('begin where it ends', () => {
    const at = (q: number) => quantileOfHistogram(q, h).value;
    expect(at(0.3)).toBeCloseTo(-0.5313536805784014, 12);
    expect(at(0.45)).toBeCloseTo(-0.7424359310663202, 12);
    expect(at(0.6)).toBeCloseTo(0.7718895067235704, 12);
    expect(fractionOfHistogram(0, 0.6, h)).toBeCloseTo(0.0363636363636364, 12);
    expect(varianceOf(h)).toBeCloseTo(2.4496395339252506, 12);
  });
});

describe('a fraction of less than nothing', () => {
  // What one histogram has less than another; a Prometheus answers -0.
  it('is none', () => {
    const h: Histogram = {
      ...EMPTY_HISTOGRAM,
      ...{ count: -6, sum: -3 },
      positive: { index: Int32Array.of(0, 1, 2), count: Float64Array.of(-1, -2, -3) },
    };
    expect(fractionOfHistogram(0.5, 1.5, h)).toBe(-0);
  });
});

describe('bucket bounds', () => {
  it('double every 2^schema buckets and end with the largest float', () => {
    expect([-1, 0, 1, 10].map((at) => exponentialBound(0, at))).toEqual([0.5, 1, 2, 1024]);
    // Prometheus's own digits, not the nearest floats.
    expect(String(exponentialBound(1, 1))).toBe('1.414213562373095');
    expect(exponentialBound(2, -1)).toBe(0.8408964152537144);
    expect(exponentialBound(8, 255)).toBe(2 * 0.9972960560854698);
    expect(exponentialBound(8, -257)).toBe(0.9972960560854698 / 2);
    expect([exponentialBound(-2, 1), exponentialBound(-1, -1)]).toEqual([16, 0.25]);
    expect(exponentialBound(3, 8 * 1024)).toBe(Number.MAX_VALUE);
    expect(exponentialBound(3, 8 * 1024 + 1)).toBe(Infinity);
  });

  it('are two to the power of index by resolution, but for a rounding', () => {
    for (let schema = -4; schema <= 8; schema++) {
      for (let index = -600; index <= 600; index += 7) {
        const exponent = index / 2 ** schema;
        if (Math.abs(exponent) >= 1022) continue;
        expect(exponentialBound(schema, index) / 2 ** exponent).toBeCloseTo(1, 14);
      }
    }
  });

  it('ascend over negative, zero and positive buckets', () => {
    fc.assert(
      fc.property(populated, (h) => {
        const all = new OrderedBuckets(h);
        for (let at = 0; at < all.size; at++) {
          expect(all.lower(at)).toBeLessThanOrEqual(all.upper(at));
          if (at > 0) expect(all.lower(at)).toBeGreaterThanOrEqual(all.upper(at - 1));
        }
      }),
    );
  });
});
