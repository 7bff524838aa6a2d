// The rules about native histograms of a push, each at, below and above its bound, with Mimir's texts.
import { describe, expect, it } from 'vitest';
import { exemplar, histogram, NOW, push1 } from './rich-series-fixture.ts';

describe('native histograms', () => {
  it('that are bad cost their sample, not their neighbours', () => {
    const bad = { ...histogram(31), countInt: 3 };
    const { series, accepted, message } = push1([
      { samples: [{ value: 1, timestamp: 20 }], histograms: [bad, histogram(32)] },
      { histograms: [bad], exemplars: [exemplar(31, ['a', 'b'])] },
    ]);
    expect(series).toMatchObject([
      { samples: [{ timestamp: 20 }], histograms: [{ timestamp: 32 }] },
    ]);
    expect([...accepted.discardedSamples]).toEqual([['native_histogram_count_mismatch', 2]]);
    expect([...accepted.discardedExemplars]).toEqual([['series_refused', 1]]);
    expect(message).toBe(
      '0 observations found in buckets, but the Count field is 3: histogram\'s observation count should equal the number of observations found in the buckets (in absence of NaN) (err-mimir-native-histogram-count-mismatch). The affected sample has timestamp 1970-01-01T00:00:00.031Z and is from series m{job="x"}',
    );
  });

  it.each([
    [
      'schema',
      { schema: 8 },
      { schema: 9 },
      'received a native histogram sample with an invalid schema: 9 (err-mimir-invalid-native-histogram-schema)',
    ],
    [
      'schema',
      { schema: -4 },
      { schema: -5 },
      'received a native histogram sample with an invalid schema: -5 (err-mimir-invalid-native-histogram-schema)',
    ],
  ])('%s: takes %j, refuses %j', (_, good, bad, text) => {
    expect(
      push1([{ histograms: [{ timestamp: 1, countInt: 0, ...good }] }]).message,
    ).toBeUndefined();
    expect(push1([{ histograms: [{ timestamp: 1, countInt: 0, ...bad }] }]).message).toBe(text);
  });

  const faults: [string, object, string][] = [
    [
      'native-histogram-span-negative-offset',
      {
        countInt: 2,
        positiveSpans: [
          { offset: -1, length: 1 },
          { offset: -1, length: 1 },
        ],
        positiveDeltas: [1, 0],
      },
      'positive side: span number 2 with offset -1: histogram has a span whose offset is negative',
    ],
    [
      'native-histogram-spans-buckets-mismatch',
      { countInt: 1, negativeSpans: [{ offset: 0, length: 2 }], negativeDeltas: [1] },
      'negative side: spans need 2 buckets, have 1 buckets: histogram spans specify different number of buckets than provided',
    ],
    [
      'native-histogram-negative-bucket-count',
      { countInt: 1, positiveSpans: [{ offset: 0, length: 2 }], positiveDeltas: [1, -2] },
      'positive side: bucket number 2 has observation count of -1: histogram has a bucket whose observation count is negative',
    ],
    [
      'native-histogram-count-not-big-enough',
      { countInt: 1, sum: Number.NaN, zeroCountInt: 2 },
      "2 observations found in buckets, but the Count field is 1: histogram's observation count should be at least the number of observations found in the buckets",
    ],
    [
      'native-histogram-custom-buckets-mismatch',
      {
        schema: -53,
        countInt: 3,
        customValues: [1],
        positiveSpans: [{ offset: 0, length: 3 }],
        positiveDeltas: [1, 0, 0],
      },
      'custom buckets: only 1 custom bounds defined which is insufficient to cover total span length of 3: histogram custom bounds are too few',
    ],
    [
      'native-histogram-custom-buckets-invalid',
      { schema: -53, countInt: 0, customValues: [1, 1] },
      'custom buckets: previous bound is 1.000000 and current is 1.000000: histogram custom bounds must be in strictly increasing order',
    ],
    [
      'native-histogram-custom-buckets-infinite',
      { schema: -53, countInt: 0, customValues: [1, Number.POSITIVE_INFINITY] },
      'custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite',
    ],
  ];
  it.each(faults)('%s is refused with its text', (id, sent, text) => {
    const { message, accepted, series } = push1([{ histograms: [{ timestamp: 1000, ...sent }] }]);
    expect(message).toBe(
      `${text} (err-mimir-${id}). The affected sample has timestamp 1970-01-01T00:00:01Z and is from series m{job="x"}`,
    );
    expect([...accepted.discardedSamples]).toEqual([[id.replaceAll('-', '_'), 1]]);
    expect(series).toEqual([]);
  });

  it.each([
    ['observations of NaN', { countInt: 3, sum: Number.NaN, zeroCountInt: 2 }],
    ['floats that do not add up', { countFloat: 9, zeroCountFloat: 2 }],
    [
      'as many custom buckets as bounds and one more',
      {
        schema: -53,
        countInt: 2,
        customValues: [1],
        positiveSpans: [{ offset: 0, length: 2 }],
        positiveDeltas: [1, 0],
      },
    ],
  ])('takes %s', (_, sent) => {
    expect(push1([{ histograms: [{ timestamp: 1, ...sent }] }]).message).toBeUndefined();
  });

  it('in the time range: below, at and above its ends', () => {
    const at = (t: number) => push1([{ histograms: [histogram(t)] }], { timestampMinMs: 100 });
    expect(at(100).message).toBeUndefined();
    expect(at(NOW).message).toBeUndefined();
    expect(at(99).message).toMatch(/err-mimir-too-far-in-past/);
    expect(at(NOW + 1).message).toMatch(
      /too far in the future, timestamp: 1700000000001 .*err-mimir-too-far-in-future/,
    );
  });

  it('of one time are one if equal; a second value is refused', () => {
    const twice = push1([{ histograms: [histogram(1), histogram(1)] }]);
    expect(twice.message).toBeUndefined();
    expect(twice.accepted.histogramsOk).toBe(1);
    const other = push1([{ histograms: [histogram(1), histogram(1, { sum: 2 })] }]);
    expect(other.message).toMatch(/err-mimir-sample-duplicate-timestamp/);
    expect(other.accepted.histogramsOk).toBe(1);
  });

  it('are left out in silence where they are switched off', () => {
    const { series, message, accepted } = push1(
      [
        { samples: [{ value: 1, timestamp: 1 }], histograms: [histogram(1)] },
        { histograms: [histogram(1)] },
      ],
      { histogramsEnabled: false },
    );
    expect(message).toBeUndefined();
    expect(series).toHaveLength(1);
    expect([...accepted.discardedSamples]).toEqual([['native_histograms_disabled', 2]]);
  });

  describe('with a limit of buckets', () => {
    const six = histogram(7, { schema: 2, positive: [[1, [1, 2, 3, 4]]], negative: [[1, [5, 6]]] });
    const kept = (histogramBucketsMax: number, histogramsReduced = true) =>
      push1([{ histograms: [six] }], { histogramBucketsMax, histogramsReduced });

    it('pass at and below it', () => {
      for (const max of [0, 6, 7]) {
        expect(kept(max).series).toMatchObject([{ histograms: [{ schema: 2 }] }]);
      }
    });

    it('are brought below it above it', () => {
      expect(kept(5).series).toMatchObject([
        {
          histograms: [
            {
              schema: 1,
              countInt: 21,
              positiveSpans: [{ offset: 1, length: 2 }],
              positiveDeltas: [3, 4],
              negativeSpans: [{ offset: 1, length: 1 }],
              negativeDeltas: [11],
              timestamp: 7,
            },
          ],
        },
      ]);
      expect(kept(3).series).toMatchObject([
        { histograms: [{ positiveDeltas: [10], negativeDeltas: [11] }] },
      ]);
    });

    it('are refused where that is off, or no lower schema would do', () => {
      const tail = 'timestamp: 7 series: m{job="x"}, buckets: 6, limit: 5';
      expect(kept(5, false).message).toBe(
        `received a native histogram sample with too many buckets, ${tail} (err-mimir-max-native-histogram-buckets)`,
      );
      const { message, accepted } = kept(2);
      expect(message).toBe(
        'received a native histogram sample with too many buckets and cannot reduce, timestamp: 7 series: m{job="x"}, buckets: 6, limit: 2 (err-mimir-not-reducible-native-histogram)',
      );
      expect([...accepted.discardedSamples]).toEqual([['max_native_histogram_buckets', 1]]);
    });

    it('are refused with custom buckets', () => {
      const custom = histogram(7, { schema: -53, positive: [[0, [1, 2, 3]]] });
      const { message } = push1([{ histograms: [custom] }], { histogramBucketsMax: 2 });
      expect(message).toBe(
        'received a native histogram sample with more custom buckets than the limit, timestamp: 7 series: m{job="x"}, buckets: 3, limit: 2 (err-mimir-native-histogram-custom-buckets-not-reducible)',
      );
      expect(push1([{ histograms: [custom] }], { histogramBucketsMax: 3 }).message).toBeUndefined();
    });
  });
});
