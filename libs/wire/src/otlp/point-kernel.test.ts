// The kernel's points against the plain scan's: the same runs to the byte, counts and refusals, for whatever is sent.
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { PushKernel } from '../push-kernel/push-kernel.ts';
import {
  encode,
  NOW,
  nanos,
  OtlpRequest,
  runOf,
  type ScanOptions,
  scanBytes,
} from './otlp-fixture.ts';
import { OtlpScan } from './scan.ts';

const KEYS = [
  ['a', 'b.c'],
  ['b.c', 'a'],
  ['a', 'b.c', 'zone'],
  ['http.request.method', 'http.response.status_code'],
  ['b.c', 'b_c'],
  ['é'],
  [],
];
const rare = (max: number) => fc.nat(max).map((value) => value === 0);
const text = (value: string) => ({ stringValue: value });
const attributeValue = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('x', 'y', 'v'.repeat(130), 'v'.repeat(290)).map(text) },
  { weight: 3, arbitrary: fc.constantFrom(0, 200, -1, -7).map((value) => ({ intValue: value })) },
  fc
    .constantFrom('9223372036854775807', '-9223372036854775808')
    .map((value) => ({ intValue: value })),
  fc.boolean().map((value) => ({ boolValue: value })),
  fc.constantFrom('', 'é', 'v'.repeat(301)).map(text),
  fc.constantFrom(1.5).map((value) => ({ doubleValue: value })),
);
const pointOf = fc
  .record({
    keys: fc.constantFrom(...KEYS),
    values: fc.array(attributeValue, { minLength: 3, maxLength: 3 }),
    backMs: fc.constantFrom(0, 1, 5000),
    isLate: rare(20),
    start: fc.constantFrom(0, 0, 1000, -1),
    number: fc.constantFrom(
      { asDouble: 1.5 },
      { asDouble: -0 },
      { asInt: '-3' },
      { asInt: '9007199254740993' },
      {},
    ),
    flags: rare(9),
    hasExemplar: rare(9),
  })
  .map(({ keys, values, backMs, isLate, start, number, flags, hasExemplar }) => {
    const timeMs = isLate ? NOW + 5 : NOW - backMs;
    return {
      attributes: keys.map((key, index) => ({ key, value: values[index] })),
      timeUnixNano: nanos(timeMs),
      ...(start === 0 ? {} : { startTimeUnixNano: nanos(timeMs - start) }),
      ...number,
      ...(flags ? { flags: 1 } : {}),
      ...(hasExemplar ? { exemplars: [{ timeUnixNano: nanos(NOW), asDouble: 2 }] } : {}),
    };
  });
/** What makes a point one of a classic histogram. */
const histogramOf = fc.record(
  {
    count: fc.constantFrom('0', '7', '9007199254740993'),
    sum: fc.constantFrom(0, 1.5, Number.NaN),
    min: fc.constant(0.5),
    bucketCounts: fc.constantFrom([1, 2, 3], [1, 2], [1], ['18446744073709551615', 2, 3, 4, 5], []),
    explicitBounds: fc.constantFrom(
      [0.5, 1],
      [0.5, 1],
      [1e-7, 1e21, Number.POSITIVE_INFINITY],
      [],
      [2, 1],
    ),
  },
  { requiredKeys: ['bucketCounts', 'explicitBounds'] },
);
const histogramMetricOf = fc
  .record({
    name: fc.constantFrom('h', 'h.n', 'größe', 'n'.repeat(120)),
    points: fc.array(fc.tuple(pointOf, histogramOf), { maxLength: 4 }),
    temporality: fc.constantFrom(2, 2, 2, 1),
  })
  .map(({ name, points, temporality }) => ({
    name,
    unit: 's',
    histogram: {
      dataPoints: points.map(
        ([{ attributes, timeUnixNano, startTimeUnixNano, flags, exemplars }, own]) => ({
          ...own,
          attributes,
          timeUnixNano,
          ...(startTimeUnixNano === undefined ? {} : { startTimeUnixNano }),
          ...(flags === undefined ? {} : { flags }),
          ...(exemplars === undefined ? {} : { exemplars }),
        }),
      ),
      aggregationTemporality: temporality,
    },
  }));
const numberMetricOf = fc
  .record({
    name: fc.constantFrom('m', 'm.n', 'größe', 'n'.repeat(150), 'n'.repeat(310)),
    points: fc.array(pointOf, { maxLength: 6 }),
    kind: fc.constantFrom('gauge', 'sum', 'sum'),
    temporality: fc.constantFrom(2, 2, 2, 1),
  })
  .map(({ name, points, kind, temporality }) => ({
    name,
    unit: 's',
    [kind]: {
      dataPoints: points,
      ...(kind === 'sum' ? { aggregationTemporality: temporality, isMonotonic: true } : {}),
    },
  }));
const metricOf = fc.oneof({ weight: 2, arbitrary: numberMetricOf }, histogramMetricOf);
const resource = fc.constantFrom(
  [],
  [{ key: 'service.name', value: text('shop') }],
  [
    { key: 'service.name', value: text('läden') },
    { key: 'service.instance.id', value: text('one') },
    { key: 'host', value: text('h'.repeat(128)) },
  ],
);
const bodyOf = fc
  .record({
    resources: fc.array(fc.tuple(resource, fc.array(metricOf, { maxLength: 4 })), { maxLength: 3 }),
    edits: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
    isEdited: fc.nat(3).map((value) => value === 0),
  })
  .map(({ resources, edits, isEdited }) => {
    const resourceMetrics = resources.map(([attributes, metrics]) => ({
      resource: { attributes },
      scopeMetrics: [{ scope: { name: 's' }, metrics }],
    }));
    const body = Buffer.from(encode({ resourceMetrics }));
    if (isEdited && body.length > 0) for (const [at, byte] of edits) body[at % body.length] = byte;
    return body;
  });

function outcome(body: Uint8Array, options: ScanOptions) {
  try {
    const { accepted, scan, series } = scanBytes(body, options);
    const runs = Array.from({ length: accepted.count }, (_, index) => ({
      bytes: Buffer.from(runOf(accepted, index, options.kernel)).toString('latin1'),
      hash: accepted.hash[index],
      samples: accepted.samples[index],
    }));
    const { samplesIn, samplesOk, metadataOk, exemplarsOk, discardedSamples } = accepted;
    const { firstRejection, expandedBytes } = accepted;
    const counts = { samplesIn, samplesOk, metadataOk, exemplarsOk, discardedSamples };
    const { points, pointsRejected } = scan;
    return {
      told: { runs, ...counts, firstRejection, points, pointsRejected, series },
      expandedBytes,
    };
  } catch (error) {
    expect(error).toMatchObject({ kind: 'invalid' });
    return { told: String(error), expandedBytes: 0 };
  }
}

describe('the point kernel', () => {
  const kernel = new PushKernel();

  // Settings stay for a while, as what was learnt goes with them.
  it.each([
    ['none', false],
    ['cumulative', false],
    ['all', false],
    ['none', true],
  ] as const)(
    'makes of random requests what the plain scan makes, start times %s, legacy names %s',
    (startTimes, legacyNames) => {
      const plain = new OtlpScan();
      const fast = new OtlpScan();
      let taken = 0;
      fc.assert(
        fc.property(bodyOf, fc.constantFrom(1, 200, 1e9), (body, budget) => {
          const translation = {
            startTimes,
            promotedAttributes: ['host'],
            deltas: startTimes === 'all',
          };
          const rules = { legacyNames, timestampMinMs: NOW - 4000 };
          const options = { budget, translation, rules };
          const wanted = outcome(body, { ...options, scan: plain });
          const found = outcome(body, { ...options, scan: fast, kernel });
          expect(found.told).toEqual(wanted.told);
          if (found.expandedBytes > 0) taken++;
        }),
        { numRuns: 1500 },
      );
      expect(taken).toBeGreaterThan(200);
    },
  );

  it('takes metrics that it knows whole, with metadata that is told once a request', () => {
    const scan = new OtlpScan();
    const metric = (name: string, kind: string, value: number, description: string) => ({
      name,
      description,
      [kind]: {
        dataPoints: [
          {
            attributes: [{ key: 'k', value: text('v') }],
            timeUnixNano: nanos(NOW),
            asDouble: value,
          },
        ],
        ...(kind === 'sum' ? { aggregationTemporality: 2, isMonotonic: true } : {}),
      },
    });
    const request = (value: number) => {
      const metrics = [
        metric('one', 'gauge', value, 'help'),
        metric('größe', 'sum', value, 'help'),
        metric('one', 'gauge', value + 1, 'other help'),
      ];
      return encode({
        resourceMetrics: [{ scopeMetrics: [{ metrics }] }, { scopeMetrics: [{ metrics }] }],
      });
    };
    for (const [value, isKnown] of [
      [1, false],
      [2, true],
      [3, true],
    ] as const) {
      const body = request(value);
      const { told } = outcome(body, { scan, kernel });
      expect(told).toEqual(outcome(body, {}).told);
      expect(told).toMatchObject({ metadataOk: 2, samplesOk: 6, points: 6 });
      if (!isKnown) continue;
      const { accepted } = scanBytes(request(value + 10), { scan, kernel });
      const plain = [...accepted.from.subarray(0, accepted.count)].filter((from) => from < 0);
      expect(plain).toHaveLength(0);
    }
  });

  it('knows metrics whose settings stand before their points', () => {
    const scan = new OtlpScan();
    const field = (tag: number, bytes: Uint8Array) =>
      protobuf.Writer.create().uint32(tag).bytes(bytes).finish();
    const sum = OtlpRequest.root.lookupType('weir.otlp.Sum');
    const body = (value: number, temporality: number) => {
      const point = { timeUnixNano: nanos(NOW), asDouble: value };
      const points = sum.encode(sum.fromObject({ dataPoints: [point, point] })).finish();
      const settings = Uint8Array.of(0x10, temporality, 0x18, 1);
      const metric = Buffer.concat([
        field(0x0a, Buffer.from('m')),
        field(0x3a, Buffer.concat([settings, points])),
      ]);
      return field(0x0a, field(0x12, field(0x12, metric)));
    };
    for (const [temporality, isTaken] of [
      [2, false],
      [2, true],
      [1, false],
      [2, true],
    ] as const) {
      const { told } = outcome(body(1, temporality), { scan, kernel });
      expect(told).toEqual(outcome(body(1, temporality), {}).told);
      const { accepted } = scanBytes(body(2, temporality), { scan, kernel });
      const taken = [...accepted.from.subarray(0, accepted.count)].filter((from) => from >= 0);
      if (temporality === 1) expect(accepted.count).toBe(0);
      else if (isTaken) expect(taken).toHaveLength(accepted.count);
    }
  });

  it('takes classic histograms whole, series by series, and more of them than its columns hold', () => {
    const scan = new OtlpScan();
    const bounds = Array.from({ length: 40 }, (_, at) => at / 8);
    const point = (at: number) => ({
      attributes: [{ key: 'k', value: text(`v${at}`) }],
      timeUnixNano: nanos(NOW),
      count: 500,
      sum: at,
      bucketCounts: [...bounds, 0].map((_, bucket) => bucket),
      explicitBounds: bounds,
    });
    const dataPoints = Array.from({ length: 300 }, (_, at) => point(at));
    const histogram = { dataPoints, aggregationTemporality: 2 };
    const body = encode({
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'h', histogram }] }] }],
    });
    const wanted = outcome(body, {});
    for (const plain of [1, 0]) {
      const found = outcome(body, { scan, kernel });
      expect(found.told).toEqual(wanted.told);
      const { accepted } = scanBytes(body, { scan: plain > 0 ? new OtlpScan() : scan, kernel });
      const rewritten = [...accepted.from.subarray(0, accepted.count)].filter((from) => from < 0);
      expect(rewritten.length).toBe(plain > 0 ? 1 + 43 : 0);
    }
  });

  it('forgets metrics where there are too many, and learns them again', () => {
    const scan = new OtlpScan();
    const plain = new OtlpScan();
    const request = (from: number) =>
      encode({
        resourceMetrics: [
          {
            scopeMetrics: [
              {
                metrics: Array.from({ length: 1500 }, (_, at) => ({
                  name: `${'m'.repeat(60)}${from + at}`,
                  gauge: { dataPoints: [{ timeUnixNano: nanos(NOW), asDouble: at }] },
                })),
              },
            ],
          },
        ],
      });
    let most = 0;
    for (const from of [0, 0, 1500, 3000, 4500, 0, 0]) {
      const body = request(from);
      const found = outcome(body, { scan, kernel });
      expect(found.told).toEqual(outcome(body, { scan: plain }).told);
      most = Math.max(most, found.expandedBytes);
    }
    expect(most).toBeGreaterThan(1500 * 100);
  });

  it('takes all points but the first of a shape, and more than its columns hold', () => {
    const point = (at: number) => ({
      attributes: [
        { key: 'k', value: text(`v${at}`) },
        { key: 'status', value: { intValue: 200 } },
      ],
      timeUnixNano: nanos(NOW),
      asDouble: at,
    });
    const dataPoints = Array.from({ length: 9001 }, (_, at) => point(at));
    const body = encode({
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints } }] }] }],
    });
    const wanted = outcome(body, {});
    const { told, expandedBytes } = outcome(body, { kernel });
    expect(told).toEqual(wanted.told);
    const { accepted } = scanBytes(body, { kernel });
    expect([...accepted.from.subarray(0, accepted.count)].filter((from) => from < 0)).toHaveLength(
      2,
    );
    expect(expandedBytes).toBeGreaterThan(9000 * 40);
  });

  it('learns shapes for as long as there is room, and then anew', () => {
    const scan = new OtlpScan();
    const plain = new OtlpScan();
    for (let round = 0; round < 40; round++) {
      const resourceMetrics = Array.from({ length: 40 }, (_, shape) => ({
        resource: {
          attributes: [
            { key: 'service.name', value: text('s') },
            { key: `r${round}`, value: text('p') },
          ],
        },
        scopeMetrics: [
          {
            metrics: [
              {
                name: 'm',
                gauge: {
                  dataPoints: [1, 2].map((value) => ({
                    attributes: Array.from({ length: 8 }, (_, at) => ({
                      key: `${'k'.repeat(40)}${round}_${shape}_${at}`,
                      value: text(`${value}`),
                    })),
                    timeUnixNano: nanos(NOW),
                    asDouble: value,
                  })),
                },
              },
            ],
          },
        ],
      }));
      const body = encode({ resourceMetrics });
      const options = { translation: { promotedAttributes: ['*'] } };
      const wanted = outcome(body, { ...options, scan: plain });
      expect(outcome(body, { ...options, scan, kernel }).told).toEqual(wanted.told);
    }
  });
});
