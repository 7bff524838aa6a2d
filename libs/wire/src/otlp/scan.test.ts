// The scan against the slow reference on random requests, and against anything that isn't a request.
import { hashBytes } from '@weir/bytes';
import { labelsOf } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PushKernel } from '../push-kernel/push-kernel.ts';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import {
  encode,
  NOW,
  nanos,
  RULES,
  type ScannedHistogram,
  type ScannedSeries,
  scanBytes,
  TRANSLATION,
} from './otlp-fixture.ts';
import {
  type Attribute,
  boundsFor,
  type ExpectedSeries,
  type SentMetric,
  type SentPoint,
  type SentResource,
  translate,
} from './reference-fixture.ts';
import { OtlpScan } from './scan.ts';
import { OTLP_STRATEGIES } from './translation.ts';

const attribute: fc.Arbitrary<Attribute> = fc.record({
  key: fc.constantFrom('a', 'b.c', 'b_c', 'Zone', 'é', 'http.route', '_x', '_'),
  value: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ stringValue: fc.constantFrom('v', 'wörter', '', 'x'.repeat(140)) }),
    },
    fc.record({ intValue: fc.integer() }),
    fc.record({ boolValue: fc.boolean() }),
  ),
});
const attributes = fc.uniqueArray(attribute, { maxLength: 4, selector: ({ key }) => key });

const resourceAttributes = fc.uniqueArray(
  fc.record({
    key: fc.constantFrom(
      'service.name',
      'service.namespace',
      'service.instance.id',
      'host',
      'a',
      'b.c',
    ),
    value: fc.record({ stringValue: fc.constantFrom('one', 'two') }),
  }),
  { maxLength: 5, selector: ({ key }) => key },
);

const point: fc.Arbitrary<SentPoint> = fc
  .record({
    attributes,
    timeMs: fc.integer({ min: NOW - 400_000, max: NOW }),
    startMs: fc.constantFrom(0, NOW - 1_000_000, NOW),
    isStale: fc.boolean(),
    isInt: fc.boolean(),
    value: fc.oneof(fc.integer(), fc.double({ noNaN: true })),
    exemplars: fc.array(
      fc.record({
        timeMs: fc.integer({ min: NOW - 1000, max: NOW }),
        value: fc.constantFrom(0.001, 1, 3, 1e8),
        traceId: fc.constantFrom(
          '0102030405060708090a0b0c0d0e0f10',
          'ff000000000000000000000000000000',
        ),
      }),
      { maxLength: 2 },
    ),
    counts: fc.array(fc.constantFrom(0, 0, 0, 1, 2, 1000), { minLength: 1, maxLength: 6 }),
    hasSum: fc.boolean(),
    scale: fc.integer({ min: -4, max: 12 }),
    offset: fc.integer({ min: -300, max: 300 }),
  })
  .map((made) => ({
    ...made,
    value: made.isInt ? Math.trunc((made.value || 0) / 1e300) + 7 : made.value,
  }));

const metric: fc.Arbitrary<SentMetric> = fc.record({
  name: fc.constantFrom('m', 'm.n', 'total', 'größe', 'ß'),
  unit: fc.constantFrom('', 's', '1', 'By/s'),
  kind: fc.constantFrom('gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'),
  isMonotonic: fc.boolean(),
  temporality: fc.constantFrom(2, 2, 2, 1, 0),
  points: fc.array(point, { maxLength: 3 }),
});

const resources: fc.Arbitrary<SentResource[]> = fc.array(
  fc.record({
    attributes: resourceAttributes,
    scopes: fc.array(
      fc.record({
        name: fc.constantFrom('', 'scope'),
        attributes: fc.constantFrom([], [{ key: 'k.k', value: { stringValue: 'v' } }]),
        metrics: fc.array(metric, { maxLength: 3 }),
      }),
      { maxLength: 2 },
    ),
  }),
  { maxLength: 2 },
);

const translation = fc.record({
  strategy: fc.constantFrom(...OTLP_STRATEGIES),
  underscoresKept: fc.boolean(),
  keyPrefixed: fc.boolean(),
  promotedAttributes: fc.constantFrom([], ['host', 'b.c'], ['a']),
  identifyingKept: fc.boolean(),
  scopeLabels: fc.boolean(),
  customBuckets: fc.boolean(),
  deltas: fc.boolean(),
  startTimes: fc.constantFrom('none', 'cumulative', 'all'),
});

describe('OtlpScan', () => {
  it.each([
    ['by itself', undefined],
    ['with the kernel', new PushKernel()],
  ])(
    'makes of random requests what the reference makes, however it is interrupted, %s',
    (_, kernel) => {
      // One scan for all: what it remembers must never show.
      const scan = new OtlpScan();
      fc.assert(
        fc.property(resources, translation, fc.constantFrom(1, 200, 1e9), (sent, how, budget) => {
          const body = encode({ resourceMetrics: sent.map(encodable) });
          const rules = { labelNamesMax: 100, labelNamesInfoMax: 100 };
          const found = scanBytes(body, { scan, translation: how, budget, rules, kernel });
          const expected = translate(sent, how);
          expect(found.series.map(comparable)).toEqual(expected.series.map(expectable));
          expect(found.metadata.map(({ type, family, unit }) => ({ type, family, unit }))).toEqual(
            expected.metadata,
          );
          expect(found.scan.pointsRejected).toBe(expected.rejected);
          expect(found.accepted.rejectedSamples > 0).toBe(expected.rejected > 0);
          for (const [index, { labels }] of found.series.entries()) {
            const bytes = labelsOf(labels);
            expect(found.hashes[index]).toBe(hashBytes(bytes, 0, bytes.length, 5));
          }
        }),
        { numRuns: 150 },
      );
    },
  );

  it('never fails otherwise than with an error for the client', () => {
    const scan = new OtlpScan();
    fc.assert(
      fc.property(
        resources.filter((sent) => sent.length > 0),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        (sent, edits) => {
          const body = encode({ resourceMetrics: sent.map(encodable) });
          if (body.length === 0) return;
          for (const [place, byte] of edits) body[place % body.length] = byte;
          try {
            scanBytes(body, { scan, translation: { deltas: true } });
          } catch (error) {
            expect(error).toMatchObject({ kind: 'invalid' });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('shares the time with others though nothing comes of what it reads', () => {
    const empty = encode({ resourceMetrics: Array.from({ length: 1000 }, () => ({})) });
    const refused = Array.from({ length: 1000 }, (_, index) => ({ name: `m${index}`, gauge: {} }));
    for (const body of [
      empty,
      encode({ resourceMetrics: [{ scopeMetrics: [{ metrics: refused }] }] }),
    ]) {
      const scan = new OtlpScan();
      const accepted = new AcceptedWrite();
      scan.start(body, body.length, { seed: 5, rules: RULES, translation: TRANSLATION });
      let slices = 1;
      while (!scan.run(25_600, accepted)) slices++;
      expect(slices).toBeGreaterThanOrEqual(10);
    }
  });

  it('refuses a request with more attributes than anybody has', () => {
    const own = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        key: `k${index}`,
        value: { stringValue: 'v' },
      }));
    const metrics = (count: number) => [
      { name: 'a', gauge: { dataPoints: [{ timeUnixNano: nanos(NOW), attributes: own(count) }] } },
    ];
    for (const [count, fails] of [
      [10_000, false],
      [10_001, true],
    ] as const) {
      for (const sent of [
        { scopeMetrics: [{ metrics: metrics(count) }] },
        { resource: { attributes: own(count) }, scopeMetrics: [{ metrics: metrics(1) }] },
      ]) {
        const scanned = () => scanBytes(encode({ resourceMetrics: [sent] }));
        if (fails) expect(scanned).toThrow('more than 10000 attributes');
        else expect(scanned().accepted.metadataOk).toBe(1);
      }
    }
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        try {
          scanBytes(Buffer.from(body));
        } catch (error) {
          expect(error).toMatchObject({ kind: 'invalid' });
        }
      }),
      { numRuns: 500 },
    );
  });
});

function encodable({ attributes: own, scopes }: SentResource): object {
  return {
    resource: { attributes: own },
    scopeMetrics: scopes.map(({ name, attributes: ofScope, metrics }) => ({
      scope: { name, attributes: ofScope },
      metrics: metrics.map((one) => ({
        name: one.name,
        unit: one.unit,
        description: 'h',
        [one.kind]: pointsOf(one),
      })),
    })),
  };
}

function pointsOf({ kind, isMonotonic, temporality, points }: SentMetric): object {
  const dataPoints = points.map((one): object => {
    const count = one.counts.reduce((sum, each) => sum + each, 0);
    const shared = {
      attributes: one.attributes,
      timeUnixNano: nanos(one.timeMs),
      startTimeUnixNano: one.startMs === 0 ? 0 : nanos(one.startMs),
      flags: one.isStale ? 1 : 0,
    };
    const exemplars = one.exemplars.map(({ timeMs, value, traceId }) => ({
      ...{ timeUnixNano: nanos(timeMs), asDouble: value, traceId: Buffer.from(traceId, 'hex') },
    }));
    const sum = one.hasSum || kind === 'summary' ? { sum: one.value } : {};
    switch (kind) {
      case 'summary':
        return { ...shared, count, ...sum, quantileValues: [{ quantile: 0.5, value: one.value }] };
      case 'histogram':
        return {
          ...shared,
          exemplars,
          count,
          ...sum,
          bucketCounts: one.counts,
          explicitBounds: boundsFor(one.counts),
        };
      case 'exponentialHistogram':
        return {
          ...shared,
          exemplars,
          count,
          ...sum,
          scale: one.scale,
          positive: { offset: one.offset, bucketCounts: one.counts },
        };
      default:
        return {
          ...shared,
          exemplars,
          ...(one.isInt ? { asInt: one.value } : { asDouble: one.value }),
        };
    }
  });
  return { dataPoints, aggregationTemporality: temporality, isMonotonic };
}

function comparable(one: ScannedSeries): object {
  const native = one.histograms.map(nativeShown)[0];
  return {
    labels: one.labels,
    samples: one.samples.map(([t, value]) => [t, Number.isNaN(value) ? 'stale' : value]),
    exemplars: sorted(one.exemplars),
    createdMs: one.createdMs,
    ...(native === undefined ? {} : { native }),
  };
}

function nativeShown(message: ScannedHistogram): ExpectedSeries['native'] {
  const positive: Record<number, number> = {};
  let at = 0;
  let count = 0;
  const deltas = [...message.positiveDeltas];
  for (const { offset, length } of message.positiveSpans) {
    at += offset;
    for (let index = 0; index < length; index++) {
      count += deltas.shift()!;
      if (count > 0) positive[at] = count;
      at++;
    }
  }
  const { schema, countInt, resetHint } = message;
  return { schema, positive, count: countInt, hint: resetHint };
}

function expectable(one: ExpectedSeries): object {
  const { native, exemplars, ...rest } = one;
  return { ...rest, exemplars: sorted(exemplars), ...(native === undefined ? {} : { native }) };
}

function sorted(exemplars: readonly { timestamp: number; value: number }[]): unknown[] {
  return [...exemplars].sort((a, b) => a.timestamp - b.timestamp);
}
