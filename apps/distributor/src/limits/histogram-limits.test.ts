// Native histograms: under, at and over the number of buckets, with and without a lower resolution; schemas;
// what is wrong inside. In both versions of remote write; the resolution of OTLP's is brought down, too.
import type { TenantLimits } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import { decode, NOW, setUp } from '../push-fixture.ts';
import { PART, REMOTE_WRITE, send, WHOLE } from './limit-fixture.ts';

interface Case {
  readonly limits?: Partial<TenantLimits>;
  readonly histogram: object;
  /** Absent: it is stored. */
  readonly refusal?: string;
  /** Nothing is stored, and nothing said. */
  readonly ignored?: boolean;
}

/** So many buckets with one observation each, side by side. */
const buckets = (count: number, schema = 0): object => ({
  ...{ countInt: count, zeroCountInt: 0, sum: 1, schema, timestamp: NOW },
  positiveSpans: [{ offset: 0, length: count }],
  positiveDeltas: [1, ...new Array(count - 1).fill(0)],
});
const custom = (count: number, more: object = {}): object => ({
  ...buckets(count, -53),
  customValues: Array.from({ length: count }, (_, at) => at + 1),
  ...more,
});
/** As far apart as no schema brings together. */
const APART = {
  ...buckets(4, -4),
  positiveSpans: [0, 50, 50, 50].map((offset) => ({ offset, length: 1 })),
};

const SHOWN = `timestamp: ${NOW} series: m`;
const AFFECTED = '. The affected sample has timestamp 2023-11-14T22:13:20Z and is from series m';
const tooMany = (count: number, limit: number) =>
  `received a native histogram sample with too many buckets, ${SHOWN}, buckets: ${count}, limit: ${limit} (err-mimir-max-native-histogram-buckets)`;
const notReducible = (count: number, limit: number) =>
  `received a native histogram sample with too many buckets and cannot reduce, ${SHOWN}, buckets: ${count}, limit: ${limit} (err-mimir-not-reducible-native-histogram)`;
const tooManyCustom = (count: number, limit: number) =>
  `received a native histogram sample with more custom buckets than the limit, ${SHOWN}, buckets: ${count}, limit: ${limit} (err-mimir-native-histogram-custom-buckets-not-reducible)`;
const schema = (number: number) =>
  `received a native histogram sample with an invalid schema: ${number} (err-mimir-invalid-native-histogram-schema)`;
const fault = (message: string, id: string) =>
  `${message} (err-mimir-native-histogram-${id})${AFFECTED}`;

const kept = (histogramBucketsMax: number) => ({ histogramBucketsMax, histogramsReduced: false });
const reduced = (histogramBucketsMax: number) => ({ histogramBucketsMax });

const CASES: Readonly<Record<string, Case>> = {
  'no limit of buckets': { limits: kept(0), histogram: buckets(500) },
  'one bucket less than the limit': { limits: kept(8), histogram: buckets(7) },
  'as many buckets as the limit': { limits: kept(8), histogram: buckets(8) },
  'one bucket more than the limit': {
    limits: kept(8),
    histogram: buckets(9),
    refusal: tooMany(9, 8),
  },
  'both sides count': {
    limits: kept(3),
    histogram: {
      ...buckets(2),
      ...{ countInt: 4, negativeSpans: [{ offset: 0, length: 2 }], negativeDeltas: [1, 0] },
    },
    refusal: tooMany(4, 3),
  },
  'reduced: as many buckets as the limit': { limits: reduced(8), histogram: buckets(8) },
  'reduced: one more than the limit': { limits: reduced(8), histogram: buckets(9) },
  'reduced: many more than the limit': { limits: reduced(8), histogram: buckets(300, 8) },
  'what can not be reduced': { limits: reduced(3), histogram: APART, refusal: notReducible(4, 3) },
  'custom: as many buckets as the limit': { limits: reduced(8), histogram: custom(8) },
  'custom: one more than the limit': {
    ...{ limits: reduced(8), histogram: custom(9), refusal: tooManyCustom(9, 8) },
  },
  'histograms are left out': {
    limits: { histogramsEnabled: false },
    histogram: buckets(1),
    ignored: true,
  },
  'left out, whatever is wrong': {
    limits: { histogramsEnabled: false },
    histogram: buckets(1, 99),
    ignored: true,
  },
  'the lowest schema': { histogram: buckets(1, -4) },
  'below the lowest schema': { histogram: buckets(1, -5), refusal: schema(-5) },
  'the highest schema': { histogram: buckets(1, 8) },
  'above the highest schema': { histogram: buckets(1, 9), refusal: schema(9) },
  'custom buckets': { histogram: custom(2) },
  'below custom buckets': { histogram: custom(2, { schema: -54 }), refusal: schema(-54) },
  'above custom buckets': { histogram: custom(2, { schema: -52 }), refusal: schema(-52) },
  'fewer observations than the count': {
    histogram: { ...buckets(2), countInt: 3 },
    refusal: fault(
      "2 observations found in buckets, but the Count field is 3: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)",
      'count-mismatch',
    ),
  },
  'fewer than the count, where the sum is NaN': {
    histogram: { ...buckets(2), countInt: 3, sum: NaN },
  },
  'more than the count, where the sum is NaN': {
    histogram: { ...buckets(2), countInt: 1, sum: NaN },
    refusal: fault(
      "2 observations found in buckets, but the Count field is 1: histogram's observation count should be at least the number of observations found in the buckets",
      'count-not-big-enough',
    ),
  },
  'a bucket below zero': {
    histogram: { ...buckets(2), countInt: 0, positiveDeltas: [1, -2] },
    refusal: fault(
      'positive side: bucket number 2 has observation count of -1: histogram has a bucket whose observation count is negative',
      'negative-bucket-count',
    ),
  },
  'a span that goes back': {
    histogram: { ...buckets(2), positiveSpans: [1, -1].map((offset) => ({ offset, length: 1 })) },
    refusal: fault(
      'positive side: span number 2 with offset -1: histogram has a span whose offset is negative',
      'span-negative-offset',
    ),
  },
  'spans for more buckets': {
    histogram: { ...buckets(2), positiveSpans: [{ offset: 0, length: 3 }] },
    refusal: fault(
      'positive side: spans need 3 buckets, have 2 buckets: histogram spans specify different number of buckets than provided',
      'spans-buckets-mismatch',
    ),
  },
  'custom: too few bounds': {
    histogram: custom(3, { customValues: [1] }),
    refusal: fault(
      'custom buckets: only 1 custom bounds defined which is insufficient to cover total span length of 3: histogram custom bounds are too few',
      'custom-buckets-mismatch',
    ),
  },
  'custom: bounds that do not rise': {
    histogram: custom(2, { customValues: [1, 1] }),
    refusal: fault(
      'custom buckets: previous bound is 1.000000 and current is 1.000000: histogram custom bounds must be in strictly increasing order',
      'custom-buckets-invalid',
    ),
  },
  'custom: an infinite bound': {
    histogram: custom(2, { customValues: [1, Number.POSITIVE_INFINITY] }),
    refusal: fault(
      'custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite',
      'custom-buckets-infinite',
    ),
  },
};

describe('native histograms', () => {
  const all = Object.entries(CASES).flatMap(([title, own]) =>
    REMOTE_WRITE.map((protocol) => [protocol, title, own] as const),
  );
  it.each(all)('%s: %s', async (protocol, _title, { limits = {}, histogram, refusal, ignored }) => {
    const probe = { metric: 'm', histograms: [histogram] };
    const outcome = await send(protocol, probe, { limits });
    expect(outcome).toEqual({
      status: (refusal === undefined ? WHOLE : PART)[protocol],
      refusal: refusal ?? '',
      stored: refusal === undefined && !ignored ? 1 : 0,
      rejected: 0,
    });
  });
});

describe('exponential histograms of OTLP', () => {
  const request = (counts: number[], scale: number) => {
    const dataPoint = {
      ...{ timeUnixNano: `${NOW}000000`, count: counts.length, sum: 1, scale },
      positive: { offset: 0, bucketCounts: counts },
    };
    const metric = {
      name: 'm',
      exponentialHistogram: { aggregationTemporality: 2, dataPoints: [dataPoint] },
    };
    const body = Buffer.from(
      JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] }),
    );
    const how = { tenant: 'tenant', encoding: 'json' as const, compression: '' };
    return { ...how, retryAttempt: undefined, body };
  };
  const ones = (count: number) => new Array<number>(count).fill(1);

  it.each([
    ['as many buckets as the limit', ones(8), kept(8), undefined],
    ['one more than the limit', ones(9), kept(8), tooMany(9, 8)],
    ['one more than the limit, reduced', ones(9), reduced(8), undefined],
  ])('%s', async (_title, counts, limits, refusal) => {
    const { distributor, produced } = setUp({ limits });
    const answer = await distributor.otlp.receive(request(counts, 0));
    expect([answer.status, answer.message]).toEqual([refusal ? 400 : 200, refusal ?? '']);
    expect(decode(produced)).toHaveLength(refusal ? 0 : 1);
  });
});
