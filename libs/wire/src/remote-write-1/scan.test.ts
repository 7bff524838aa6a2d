// The scanner against an independent decoder (protobufjs on proto/write.proto) and a plain model of
// what a push should become: whatever is sent, the runs decode to exactly the canonical good series.
import { hashBytes } from '@weir/bytes';
import { decodeLabels } from '@weir/model';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import { RemoteWrite1Scan } from './scan.ts';

const schema = protobuf.loadSync(
  new URL('../../../../proto/write.proto', import.meta.url).pathname,
);
const WriteRequest = schema.lookupType('weir.write.WriteRequest');

const NOW = 1_700_000_000_000;
const RULES: WriteRules = {
  labelNameBytesMax: 10,
  labelValueBytesMax: 300,
  labelNamesMax: 4,
  labelNamesInfoMax: 6,
  timestampMaxMs: NOW,
  timestampMinMs: Number.NEGATIVE_INFINITY,
  legacyNames: false,
  metadataBytesMax: 20,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};
const SEED = 77;

interface Sent {
  labels: { name: string | Uint8Array; value: string | Uint8Array }[];
  samples?: { value?: number; timestamp?: number }[];
  exemplars?: object[];
  histograms?: object[];
}

interface Push {
  timeseries?: Sent[];
  metadata?: { type?: number; metricFamilyName?: string; help?: string; unit?: string }[];
}

const bytesOf = (value: string | Uint8Array) => Buffer.from(value as string);

function encode(push: Push): Uint8Array {
  return WriteRequest.encode({
    timeseries: (push.timeseries ?? []).map((series) => ({
      ...series,
      labels: series.labels.map((label) => ({
        name: bytesOf(label.name),
        value: bytesOf(label.value),
      })),
    })),
    metadata: (push.metadata ?? []).map((entry) => ({
      type: entry.type ?? 0,
      metricFamilyName: bytesOf(entry.metricFamilyName ?? ''),
      help: bytesOf(entry.help ?? ''),
      unit: bytesOf(entry.unit ?? ''),
    })),
  }).finish();
}

interface Scanned {
  accepted: AcceptedWrite;
  series: { labels: [string, string][]; samples: [number, number][] }[];
  metadata: object[];
  message: string | undefined;
}

function scan(body: Uint8Array, rules = RULES, budget = 1 << 20): Scanned {
  const accepted = new AcceptedWrite();
  const scanner = new RemoteWrite1Scan();
  scanner.start(body, body.length, SEED);
  while (!scanner.run(budget, rules, accepted));
  const record = Buffer.concat(
    Array.from({ length: accepted.count }, (_, index) => {
      const from = accepted.from[index]!;
      const size = accepted.size[index]!;
      return from >= 0
        ? body.slice(from, from + size)
        : accepted.rewritten.bytes.slice(~from, ~from + size);
    }),
  );
  const decoded = WriteRequest.toObject(WriteRequest.decode(record), { longs: Number }) as {
    timeseries?: {
      labels: { name: Buffer; value: Buffer }[];
      samples: { value?: number; timestamp?: number }[];
    }[];
    metadata?: { type?: number; metricFamilyName: Buffer; help?: Buffer; unit?: Buffer }[];
  };
  return {
    accepted,
    series: (decoded.timeseries ?? []).map((series) => ({
      labels: series.labels.map((l): [string, string] => [l.name.toString(), l.value.toString()]),
      samples: series.samples.map((s): [number, number] => [s.timestamp ?? 0, s.value ?? 0]),
    })),
    metadata: (decoded.metadata ?? []).map((entry) => ({
      type: entry.type ?? 0,
      family: entry.metricFamilyName.toString(),
      help: entry.help?.toString() ?? '',
      unit: entry.unit?.toString() ?? '',
    })),
    message: accepted.firstRejection?.message,
  };
}

const label = (name: string, value: string) => ({ name, value });
const named = (name: string, ...labels: { name: string; value: string }[]) => [
  label('__name__', name),
  ...labels,
];
const at = (timestamp: number, value = 1) => ({ timestamp, value });

describe('RemoteWrite1Scan', () => {
  it('leaves canonical series where they are', () => {
    const body = encode({
      timeseries: [
        { labels: named('up', label('job', 'a')), samples: [at(5), at(NOW)] },
        { labels: named('up', label('job', 'ü')), samples: [at(0, 0), at(1, -0)].slice(1) },
      ],
    });
    const { accepted, series } = scan(body);
    expect(accepted.count).toBe(2);
    expect(accepted.rewritten.size).toBe(0);
    expect(accepted.samplesOk).toBe(3);
    expect(Array.from(accepted.samples.subarray(0, 2))).toEqual([2, 1]);
    expect(series[0]).toEqual({
      labels: [
        ['__name__', 'up'],
        ['job', 'a'],
      ],
      samples: [
        [5, 1],
        [NOW, 1],
      ],
    });
    expect(accepted.firstRejection).toBeUndefined();
  });

  it('hashes the canonical label bytes, rewritten or not', () => {
    const sorted = scan(
      encode({
        timeseries: [{ labels: named('up', label('a', 'x'), label('b', 'y')), samples: [at(1)] }],
      }),
    );
    const unsorted = scan(
      encode({
        timeseries: [
          {
            labels: [label('b', 'y'), label('c', ''), label('__name__', 'up'), label('a', 'x')],
            samples: [at(1)],
          },
        ],
      }),
    );
    expect(unsorted.accepted.from[0]).toBeLessThan(0);
    expect(unsorted.series).toEqual(sorted.series);
    expect(unsorted.accepted.hash[0]).toBe(sorted.accepted.hash[0]);
    const labels = Buffer.concat([
      Buffer.from('0a0e0a085f5f6e616d655f5f12027570', 'hex'),
      Buffer.from('0a060a0161120178', 'hex'),
      Buffer.from('0a060a0162120179', 'hex'),
    ]);
    expect(decodeLabels(labels)).toEqual([
      { name: '__name__', value: 'up' },
      { name: 'a', value: 'x' },
      { name: 'b', value: 'y' },
    ]);
    expect(sorted.accepted.hash[0]).toBe(hashBytes(labels, 0, labels.length, SEED));
  });

  const longName = 'n'.repeat(10);
  const longValue = 'v'.repeat(300);
  const cases: [string, Sent['labels'], RegExp | undefined][] = [
    ['names at the limit', named('m', label(longName, 'x')), undefined],
    ['a name above the limit', named('m', label(`${longName}n`, 'x')), /label-name-too-long\)/],
    ['a value at the limit', named('m', label('a', longValue)), undefined],
    [
      'a value above the limit',
      named('m', label('a', `${longValue}v`)),
      /length of 301 exceeds the limit of 300.*err-mimir-label-value-too-long/,
    ],
    [
      'as many labels as allowed',
      named('m', label('a', '1'), label('b', '1'), label('c', '1')),
      undefined,
    ],
    [
      'one label too many',
      named('m', label('a', '1'), label('b', '1'), label('c', '1'), label('d', '1')),
      /^received a series whose number of labels exceeds the limit \(actual: 5, limit: 4\) series: 'm\{a="1", b="1", c="1", d="1"\}' \(err-mimir-max-label-names-per-series\)\. To adjust the related per-tenant limit, configure -validation\.max-label-names-per-series, or contact your service administrator\.$/,
    ],
    [
      'as many labels as an info metric may have',
      named(
        'm_info',
        label('a', '1'),
        label('b', '1'),
        label('c', '1'),
        label('d', '1'),
        label('e', '1'),
      ),
      undefined,
    ],
    [
      'one label too many for an info metric',
      named('m_info', ...'abcdef'.split('').map((name) => label(name, '1'))),
      /actual: 7, limit: 6.*err-mimir-max-label-names-per-info-series/,
    ],
    [
      'no metric name',
      [label('a', 'x')],
      /^received series has no metric name \(err-mimir-missing-metric-name\)$/,
    ],
    ['no labels', [], /missing-metric-name/],
    [
      'a name twice',
      named('m', label('a', '1'), label('a', '2')),
      /duplicate label name, label: 'a' series: 'm\{a="1", a="2"\}' \(err-mimir-duplicate-label-names\)$/,
    ],
    ['an empty name', named('m', label('', '1')), /invalid label: ''.*err-mimir-label-invalid/],
    [
      'a value that is not UTF-8',
      [label('__name__', 'm'), { name: 'a', value: Uint8Array.of(255) }],
      /err-mimir-label-value-invalid/,
    ],
    [
      'a name that is not UTF-8',
      [label('__name__', 'm'), { name: Uint8Array.of(255), value: 'a' }],
      /err-mimir-label-invalid/,
    ],
    [
      'a metric name that is not UTF-8',
      [{ name: '__name__', value: Uint8Array.of(255) }],
      /err-mimir-metric-name-invalid/,
    ],
    ['a UTF-8 name', named('метрика', label('ключ', 'x')), undefined],
    ['an uppercase name before __name__', [label('Z', 'x'), label('__name__', 'm')], undefined],
  ];
  it.each(cases)('answers %s', (_title, labels, expected) => {
    const good: Sent = { labels: named('good'), samples: [at(1)] };
    const result = scan(encode({ timeseries: [{ labels, samples: [at(1), at(2)] }, good] }));
    if (expected === undefined) {
      expect(result.message).toBeUndefined();
      expect(result.accepted.samplesOk).toBe(3);
    } else {
      expect(result.message).toMatch(expected);
      expect(result.series).toHaveLength(1);
      expect([...result.accepted.discardedSamples.values()]).toEqual([2]);
    }
  });

  it('applies the legacy name scheme when told to', () => {
    const legacy = { ...RULES, legacyNames: true };
    const one = (labels: Sent['labels']) =>
      scan(encode({ timeseries: [{ labels, samples: [at(1)] }] }), legacy).message;
    expect(one(named('a:b', label('c', 'ü')))).toBeUndefined();
    expect(one(named('1a'))).toMatch(/metric-name-invalid/);
    expect(one(named('aü'))).toMatch(/invalid metric name: 'a' \(non-ascii characters removed\)/);
    expect(one(named('a', label('b:c', 'x')))).toMatch(/label-invalid/);
    expect(one(named('a', label('b.c', 'x')))).toMatch(/label-invalid/);
  });

  it('drops samples outside the time range and keeps the others', () => {
    const rules = { ...RULES, timestampMinMs: 100 };
    const result = scan(
      encode({
        timeseries: [{ labels: named('m'), samples: [at(99), at(100), at(NOW), at(NOW + 1)] }],
      }),
      rules,
    );
    expect(result.series[0]!.samples).toEqual([
      [100, 1],
      [NOW, 1],
    ]);
    expect(result.message).toMatch(
      /too far in the past, timestamp: 99 series: 'm' \(err-mimir-too-far-in-past\)/,
    );
    expect(result.accepted.discardedSamples).toEqual(
      new Map([
        ['too_far_in_past', 1],
        ['too_far_in_future', 1],
      ]),
    );
  });

  it('keeps negative timestamps', () => {
    const result = scan(encode({ timeseries: [{ labels: named('m'), samples: [at(-5)] }] }));
    expect(result.series[0]!.samples).toEqual([[-5, 1]]);
  });

  it('takes equal duplicates as one sample, and refuses a second value', () => {
    const equal = scan(
      encode({ timeseries: [{ labels: named('m'), samples: [at(3), at(3), at(2)] }] }),
    );
    expect(equal.series[0]!.samples).toEqual([
      [3, 1],
      [2, 1],
    ]);
    expect(equal.message).toBeUndefined();
    const different = scan(
      encode({ timeseries: [{ labels: named('m'), samples: [at(3), at(3, 9)] }] }),
    );
    expect(different.series[0]!.samples).toEqual([[3, 1]]);
    expect(different.message).toMatch(/err-mimir-sample-duplicate-timestamp/);
  });

  it('keeps the payload of a stale marker on both paths', () => {
    const stale = '09020000000000f07f1001';
    const ascending = Buffer.from(
      `0a1d0a0d0a085f5f6e616d655f5f12016d120b${stale}`.replace('0a1d', '0a1c'),
      'hex',
    );
    const rewritten = Buffer.from(`0a1e0a0d0a085f5f6e616d655f5f12016d120b${stale}1a00`, 'hex');
    for (const body of [ascending, rewritten]) {
      const { accepted } = scan(body);
      const bytes = accepted.from[0]! < 0 ? accepted.rewritten.bytes : body;
      expect(Buffer.from(bytes).toString('hex')).toContain(stale);
    }
  });

  it('validates metadata and cuts long help between characters', () => {
    const result = scan(
      encode({
        metadata: [
          { type: 1, metricFamilyName: 'a', help: `${'x'.repeat(19)}ü`, unit: 's' },
          { type: 99, metricFamilyName: 'b' },
          { metricFamilyName: 'c'.repeat(21) },
          { metricFamilyName: 'd', unit: 'u'.repeat(21) },
          { help: 'nameless' },
        ],
      }),
    );
    expect(result.metadata).toEqual([
      { type: 1, family: 'a', help: 'x'.repeat(19), unit: 's' },
      { type: 0, family: 'b', help: '', unit: '' },
    ]);
    expect([...result.accepted.discardedMetadata.keys()]).toEqual([
      'metric_name_too_long',
      'unit_too_long',
      'metadata_missing_metric_name',
    ]);
    expect(result.accepted.hash[0]).toBe(hashBytes(Buffer.from('a'), 0, 1, SEED));
  });

  it('skips unknown fields and those a client may not set', () => {
    const body = Buffer.concat([Buffer.from('1002', 'hex'), Buffer.from('c03e01', 'hex')]);
    const result = scan(body);
    expect(result.accepted.count).toBe(0);
    expect(result.message).toBeUndefined();
  });

  it('agrees with an independent decoder on whatever is sent', () => {
    const text = fc.constantFrom(
      '',
      'a',
      'b',
      'ab',
      'Z',
      'ü',
      'm_info',
      'n'.repeat(11),
      'v'.repeat(200),
      '\ud800',
    );
    const labels = fc.array(
      fc.record({ name: fc.oneof(fc.constant('__name__'), text), value: text }),
      { maxLength: 7 },
    );
    const time = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(NOW, NOW + 1, 2 ** 40, -(2 ** 50)),
    );
    const samples = fc.array(
      fc.record({ timestamp: time, value: fc.constantFrom(0, 1, 2.5, Number.NaN) }),
      { maxLength: 4 },
    );
    const series = fc.record({ labels, samples });
    fc.assert(
      fc.property(
        fc.array(series, { maxLength: 6 }),
        fc.integer({ min: 1, max: 500 }),
        (timeseries, budget) => {
          const result = scan(encode({ timeseries }), RULES, budget);
          expect(result.series).toEqual(
            timeseries.map(expectedSeries).filter((one) => one !== undefined),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });
});

/** What Mimir's rules make of one series, written down without a scanner. */
function expectedSeries(sent: Sent) {
  const labels = sent.labels
    .map((one): [string, string] => [
      Buffer.from(one.name as string).toString(),
      Buffer.from(one.value as string).toString(),
    ])
    .filter(([, value]) => value !== '')
    .sort((a, b) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])));
  const metric = labels.find(([name]) => name === '__name__')?.[1];
  if (metric === undefined || labels.length > (metric.endsWith('_info') ? 6 : 4)) return undefined;
  const names = labels.map(([name]) => name);
  if (names.includes('') || new Set(names).size < names.length) return undefined;
  if (names.some((name) => Buffer.byteLength(name) > 10)) return undefined;
  const samples: [number, number][] = [];
  for (const { timestamp, value } of sent.samples ?? []) {
    if (timestamp! > NOW || samples.some(([earlier]) => earlier === timestamp)) continue;
    samples.push([timestamp!, value!]);
  }
  return samples.length === 0 ? undefined : { labels, samples };
}
