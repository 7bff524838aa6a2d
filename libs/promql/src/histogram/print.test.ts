// What readers see of a histogram: the buckets of the API, and count_values' text.
import { SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import { describe, expect, it } from 'vitest';
import { EMPTY_HISTOGRAM, type Histogram } from './histogram.ts';
import { bucketsOf, printHistogram } from './print.ts';

const sideOf = (...pairs: [index: number, count: number][]) => ({
  index: Int32Array.from(pairs, ([index]) => index),
  count: Float64Array.from(pairs, ([, count]) => count),
});

const exponential: Histogram = {
  ...EMPTY_HISTOGRAM,
  ...{ zeroThreshold: 0.001, zeroCount: 2, count: 12, sum: 2.5 },
  positive: sideOf([0, 1], [2, 4]),
  negative: sideOf([0, 3], [1, 2]),
};

const custom: Histogram = {
  ...EMPTY_HISTOGRAM,
  ...{ schema: SCHEMA_CUSTOM_BUCKETS, count: 6, sum: Number.NaN },
  positive: sideOf([0, 1], [1, 2], [2, 3]),
  customValues: Float64Array.of(-1, 5),
};

const seen = (h: Histogram) =>
  bucketsOf(h).map(({ lower, upper, lowerInclusive, upperInclusive, count }) => {
    return `${lowerInclusive ? '[' : '('}${lower},${upper}${upperInclusive ? ']' : ')'}:${count}`;
  });

describe('buckets', () => {
  it('ascend, those that are populated', () => {
    expect(seen(exponential)).toEqual([
      ...['[-2,-1):2', '[-1,-0.5):3', '[-0.001,0.001]:2'],
      ...['(0.5,1]:1', '(2,4]:4'],
    ]);
    expect(seen(custom)).toEqual(['[-Infinity,-1]:1', '(-1,5]:2', '(5,Infinity]:3']);
    expect(seen(EMPTY_HISTOGRAM)).toEqual([]);
  });

  it('begin where the zero bucket ends, also where they end before it', () => {
    const h = { ...exponential, zeroThreshold: 0.75 };
    expect(seen(h).slice(1, 4)).toEqual(['[-1,-0.75):3', '[-0.75,0.75]:2', '(0.75,1]:1']);
    expect(seen({ ...exponential, zeroThreshold: 1 })[3]).toBe('(1,1]:1');
    expect(seen({ ...exponential, zeroThreshold: 0.5 })[3]).toBe('(0.5,1]:1');
  });

  it('leave a zero bucket out that is empty or below 0', () => {
    for (const zeroCount of [0, -1]) {
      expect(seen({ ...exponential, zeroCount })).not.toContainEqual(
        expect.stringMatching('0.001'),
      );
      expect(seen({ ...exponential, zeroCount })).toHaveLength(4);
    }
  });
});

describe('the text', () => {
  it('has all buckets, as wide as they are', () => {
    expect(printHistogram({ ...exponential, zeroThreshold: 0.75, zeroCount: -2 })).toBe(
      '{count:12, sum:2.5, [-2,-1):2, [-1,-0.5):3, [-0.75,0.75]:-2, (0.5,1]:1, (2,4]:4}',
    );
    expect(printHistogram(custom)).toBe('{count:6, sum:NaN, [-Inf,-1]:1, (-1,5]:2, (5,+Inf]:3}');
    expect(printHistogram(EMPTY_HISTOGRAM)).toBe('{count:0, sum:0}');
  });
});
