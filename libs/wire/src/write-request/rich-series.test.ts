// Histograms, exemplars and start timestamps of a push: what becomes of them in a record, and each rule at,
// below and above its bound, with Mimir's texts.
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { encodeHistogram } from '../histogram/encode-histogram.ts';
import { histogramOf } from '../histogram/histogram-fixture.ts';
import { RemoteWrite1Scan } from '../remote-write-1/scan.ts';
import { RemoteWrite2Scan } from '../remote-write-2/scan.ts';
import { AcceptedWrite } from './accepted-write.ts';
import type { WriteRules } from './write-rules.ts';

const schema = protobuf.loadSync(
  new URL('../../../../proto/write.proto', import.meta.url).pathname,
);
const WriteRequest = schema.lookupType('weir.write.WriteRequest');
const Request = schema.lookupType('weir.write.Request');
const TimeSeries = schema.lookupType('weir.write.TimeSeries');
const Histogram = schema.lookupType('weir.write.Histogram');

const NOW = 1_700_000_000_000;
const RULES: WriteRules = {
  labelNameBytesMax: 1024,
  labelValueBytesMax: 2048,
  labelNamesMax: 30,
  labelNamesInfoMax: 80,
  timestampMaxMs: NOW,
  timestampMinMs: 0,
  legacyNames: false,
  metadataBytesMax: 1024,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};

const label = (name: string, value: string) => ({
  name: Buffer.from(name),
  value: Buffer.from(value),
});
const LABELS = [label('__name__', 'm'), label('job', 'x')];

interface Sent {
  samples?: object[];
  histograms?: object[];
  exemplars?: object[];
  createdTimestamp?: number;
}

interface Scanned {
  accepted: AcceptedWrite;
  series: Record<string, unknown>[];
  message: string | undefined;
}

function run(
  scanner: RemoteWrite1Scan | RemoteWrite2Scan,
  body: Uint8Array,
  rules: WriteRules,
): Scanned {
  const accepted = new AcceptedWrite();
  scanner.start(body, body.length, 5);
  while (!scanner.run(1 << 20, rules, accepted));
  const runs = Array.from({ length: accepted.count }, (_, index) => {
    const from = accepted.from[index]!;
    const source = from < 0 ? accepted.rewritten.bytes : body;
    const start = from < 0 ? ~from : from;
    return source.slice(start, start + accepted.size[index]!);
  });
  const decoded = WriteRequest.toObject(WriteRequest.decode(Buffer.concat(runs)), {
    longs: Number,
  }) as { timeseries?: Record<string, unknown>[] };
  return {
    accepted,
    series: decoded.timeseries ?? [],
    message: accepted.firstRejection?.message,
  };
}

function push1(sent: Sent[], rules: Partial<WriteRules> = {}): Scanned {
  const timeseries = sent.map((one) => ({ labels: LABELS, ...one }));
  const body = WriteRequest.encode({ timeseries }).finish();
  return run(new RemoteWrite1Scan(), body, { ...RULES, ...rules });
}

/** With the symbols m, job, x and a, b; exemplars' labels are references. */
function push2(sent: Sent[]): Scanned {
  const symbols = ['', '__name__', 'm', 'job', 'x', 'a', 'b'].map((text) => Buffer.from(text));
  const timeseries = sent.map((one) => ({ labelsRefs: [1, 2, 3, 4], ...one }));
  return run(new RemoteWrite2Scan(), Request.encode({ symbols, timeseries }).finish(), RULES);
}

/** A histogram as protobufjs takes it. */
const histogram = (t: number, plan: Parameters<typeof histogramOf>[0] = {}, startT = 0) =>
  Histogram.decode(Buffer.from(encodeHistogram({ t, startT, histogram: histogramOf(plan) })));
const exemplar = (timestamp: number, ...labels: [string, string][]) => ({
  labels: labels.map(([name, value]) => label(name, value)),
  value: 1.5,
  timestamp,
});

describe('what a record gets', () => {
  it('everything of a 1.0 series, in one entry, histograms in the bytes they came in', () => {
    const sent = {
      samples: [{ value: 1, timestamp: 20 }],
      histograms: [histogram(30, { positive: [[1, [2, 3]]] })],
      exemplars: [exemplar(21, ['trace_id', 'b'])],
      createdTimestamp: 10,
    };
    const { series, accepted } = push1([sent]);
    const whole = WriteRequest.encode({ timeseries: [{ labels: LABELS, ...sent }] }).finish();
    expect(series).toEqual(
      (WriteRequest.toObject(WriteRequest.decode(whole), { longs: Number }) as { timeseries: [] })
        .timeseries,
    );
    expect(accepted.samples[0]).toBe(1);
    expect([...accepted.extras]).toEqual([[0, { histograms: 1, buckets: 2, exemplars: 1 }]]);
    const { histogramsIn, histogramsOk, histogramBucketsOk, exemplarsIn, exemplarsOk } = accepted;
    expect([histogramsIn, histogramsOk, histogramBucketsOk, exemplarsIn, exemplarsOk]).toEqual([
      1, 1, 2, 1, 1,
    ]);
  });

  it('exemplars alone and histograms alone, as Prometheus sends them', () => {
    const { series, message } = push1([
      { exemplars: [exemplar(21, ['a', 'b'])] },
      { histograms: [histogram(30)] },
    ]);
    expect(message).toBeUndefined();
    expect(series).toMatchObject([
      { labels: LABELS, exemplars: [{ labels: [label('a', 'b')], value: 1.5, timestamp: 21 }] },
      { labels: LABELS, histograms: [{ timestamp: 30 }] },
    ]);
  });

  it('all labels, also those that stand behind other fields', () => {
    const parts = [
      { labels: LABELS, exemplars: [exemplar(21, ['a', 'b'])] },
      { labels: [label('instance', 'i')], samples: [{ value: 1, timestamp: 20 }] },
    ].map((one) => TimeSeries.encode(one).finish());
    const body = Buffer.concat(parts);
    const request = Buffer.concat([Uint8Array.of(0x0a, body.length), body]);
    const { series } = run(new RemoteWrite1Scan(), request, RULES);
    expect(series).toMatchObject([
      {
        labels: [LABELS[0], label('instance', 'i'), LABELS[1]],
        samples: [{ timestamp: 20 }],
        exemplars: [{ timestamp: 21 }],
      },
    ]);
  });

  it('the same of 2.0, whose samples tell their starts: an entry for each run of one start', () => {
    const { series, accepted } = push2([
      {
        samples: [
          { value: 1, timestamp: 20, startTimestamp: 10 },
          { value: 2, timestamp: 30, startTimestamp: 10 },
          { value: 1, timestamp: 40, startTimestamp: 35 },
          { value: 1, timestamp: 50 },
        ],
        histograms: [histogram(60, {}, 55)],
        exemplars: [{ labelsRefs: [5, 6], value: 1.5, timestamp: 41 }],
      },
    ]);
    expect(series).toMatchObject([
      { samples: [{ timestamp: 20 }, { timestamp: 30 }], createdTimestamp: 10 },
      { samples: [{ timestamp: 40 }], createdTimestamp: 35 },
      { samples: [{ timestamp: 50 }] },
      {
        histograms: [{ timestamp: 60, startTimestamp: 55 }],
        exemplars: [{ labels: [label('a', 'b')], timestamp: 41 }],
        createdTimestamp: 55,
      },
    ]);
    expect(series[2]).not.toHaveProperty('createdTimestamp');
    expect(new Set(accepted.hash.subarray(0, 4)).size).toBe(1);
    expect([accepted.samplesOk, accepted.histogramsOk, accepted.exemplarsOk]).toEqual([4, 1, 1]);
  });

  it('the start of plain 2.0 series without the slow path knowing, and none that is not before its sample', () => {
    const starts = (startTimestamp: number) =>
      push2([{ samples: [{ value: 1, timestamp: 20, startTimestamp }] }]).series[0]!
        .createdTimestamp;
    expect([starts(19), starts(20), starts(21), starts(-1), starts(0)]).toEqual([
      19,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('fails on a reference of an exemplar that the symbols do not have', () => {
    const bad = (labelsRefs: number[]) => () =>
      push2([{ exemplars: [{ labelsRefs, value: 1, timestamp: 5 }] }]);
    expect(bad([5, 7])).toThrow('symbol reference 7 is out of range, the request has 7 symbols');
    expect(bad([5])).toThrow('odd number of label references');
  });
});

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

describe('exemplars', () => {
  const reasons = (exemplars: object[], rules: Partial<WriteRules> = {}) => {
    const { accepted, message } = push1(
      [{ samples: [{ value: 1, timestamp: 1_000_000 }], exemplars }],
      rules,
    );
    expect(message).toBeUndefined();
    expect(accepted.samplesOk).toBe(1);
    return [...accepted.discardedExemplars.keys()];
  };
  const T = 1_000_000;

  it.each([
    ['no label', exemplar(T), 'exemplar_labels_missing'],
    ['no time', exemplar(0, ['a', 'b']), 'exemplar_timestamp_invalid'],
    ['labels without a name or value', exemplar(T, ['a', ''], ['', 'b']), 'exemplar_labels_blank'],
    ['a name twice', exemplar(T, ['a', 'b'], ['a', 'c']), 'exemplar_labels_invalid'],
    [
      'more than five minutes before its samples',
      exemplar(T - 300_001, ['a', 'b']),
      'exemplar_too_old',
    ],
    ['a time to come', exemplar(NOW + 1, ['a', 'b']), 'exemplar_too_far_in_future'],
  ])('with %s are dropped, and nobody is told', (_, sent, reason) => {
    expect(reasons([sent])).toEqual([reason]);
  });

  it('at those bounds stay', () => {
    expect(reasons([exemplar(T - 300_000, ['a', 'b']), exemplar(NOW, ['a', 'b'])])).toEqual([]);
  });

  it('may have labels of 128 characters, however many bytes', () => {
    expect(reasons([exemplar(T, ['ab', 'ü'.repeat(125)])])).toEqual([]);
    expect(reasons([exemplar(T, ['ab', 'ü'.repeat(126)])])).toEqual([]);
    expect(reasons([exemplar(T, ['ab', 'ü'.repeat(127)])])).toEqual(['exemplar_labels_too_long']);
  });

  it('are all dropped where the tenant keeps none', () => {
    expect(reasons([exemplar(T, ['a', 'b'])], { exemplarsEnabled: false })).toEqual([
      'exemplars_disabled',
    ]);
  });

  it('go by time, with their labels sorted and without empty ones', () => {
    const { series } = push1([
      { exemplars: [exemplar(9, ['b', '1'], ['a', '2'], ['c', '']), exemplar(8, ['a', 'b'])] },
    ]);
    expect(series[0]).toMatchObject({
      exemplars: [{ timestamp: 8 }, { timestamp: 9, labels: [label('a', '2'), label('b', '1')] }],
    });
  });

  it('of a series that is refused go with it', () => {
    const body = WriteRequest.encode({
      timeseries: [{ labels: [label('x', 'y')], exemplars: [exemplar(8, ['a', 'b'])] }],
    }).finish();
    const { accepted } = run(new RemoteWrite1Scan(), body, RULES);
    expect([...accepted.discardedExemplars]).toEqual([['series_refused', 1]]);
    expect(accepted.count).toBe(0);
  });
});

it('never fails otherwise than with an error for the client', () => {
  const sent = {
    labels: LABELS,
    histograms: [histogram(30, { positive: [[1, [2, 3]]] })],
    exemplars: [exemplar(21, ['a', 'b'])],
    createdTimestamp: 10,
  };
  const body = WriteRequest.encode({ timeseries: [sent] }).finish();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 4 }),
      (edits) => {
        const edited = body.slice();
        for (const [index, byte] of edits) edited[index] = byte;
        try {
          run(new RemoteWrite1Scan(), edited, { ...RULES, histogramBucketsMax: 1 });
        } catch (error) {
          expect(error).toMatchObject({ kind: 'invalid' });
        }
      },
    ),
    { numRuns: 3000 },
  );
});
