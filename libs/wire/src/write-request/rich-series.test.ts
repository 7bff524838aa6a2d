// Exemplars, start timestamps and histograms of a push: what becomes of them in a record, and each rule about
// exemplars at, below and above its bound.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RemoteWrite1Scan } from '../remote-write-1/scan.ts';
import {
  exemplar,
  histogram,
  LABELS,
  label,
  NOW,
  push1,
  push2,
  RULES,
  run,
  TimeSeries,
  WriteRequest,
} from './rich-series-fixture.ts';
import type { WriteRules } from './write-rules.ts';

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
