// What senders of OTLP are told, in both encodings: status, gRPC's code, text, Retry-After; and the headers that change
// a request's translation.

import { WeirError } from '@weir/errors';
import { fastify } from 'fastify';
import protobuf from 'protobufjs';
import { afterEach, describe, expect, it } from 'vitest';
import { decode, NOW, type Setup, setUp } from '../push-fixture.ts';

const schema = protobuf.loadSync(new URL('../../../../proto/otlp.proto', import.meta.url).pathname);
const Export = schema.lookupType('weir.otlp.ExportMetricsServiceRequest');
const Status = schema.lookupType('weir.otlp.Status');
const NANOS = `${BigInt(NOW) * 1_000_000n}`;
const ENCODINGS = ['application/x-protobuf', 'application/json'] as const;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const sum = (points: number) => ({
  resourceMetrics: [
    {
      scopeMetrics: [
        {
          metrics: [
            {
              ...{ name: 'a.b', unit: 's' },
              sum: {
                ...{ aggregationTemporality: 2, isMonotonic: true },
                dataPoints: Array.from({ length: points }, (_, at) => ({
                  timeUnixNano: NANOS,
                  asDouble: 1,
                  attributes: [{ key: 'at', value: { stringValue: `${at}` } }],
                })),
              },
            },
          ],
        },
      ],
    },
  ],
});

function post(contentType: string, setup: Setup, headers: Record<string, string> = {}, points = 2) {
  const made = setUp(setup);
  const http = fastify();
  closing.push(() => http.close());
  made.distributor.routes(http);
  const isJson = contentType === 'application/json';
  const payload = isJson
    ? JSON.stringify(sum(points))
    : Buffer.from(Export.encode(Export.fromObject(sum(points))).finish());
  const answered = http.inject({
    ...{ method: 'POST', url: '/otlp/v1/metrics', payload },
    headers: { 'content-type': contentType, ...headers },
  });
  return { ...made, answered };
}

interface Case {
  readonly setup: Setup;
  readonly status: number;
  readonly code: number;
  readonly message: RegExp;
  readonly headers?: Record<string, string>;
  readonly retried: boolean;
}

const failing = (error: unknown): Setup => ({ produce: () => Promise.reject(error) });
const CASES: Readonly<Record<string, Case>> = {
  'over the ingestion rate': {
    setup: { limits: { ingestionRate: 1, ingestionBurstSize: 1 } },
    ...{ status: 429, code: 8, message: /err-mimir-tenant-max-ingestion-rate/, retried: true },
  },
  'over the request rate': {
    setup: { limits: { requestRate: 1, requestBurstSize: 0 } },
    ...{ status: 429, code: 8, message: /err-mimir-tenant-max-request-rate/, retried: true },
  },
  'over the bytes in flight': {
    setup: { settings: { inflightBytesMax: 10 } },
    ...{ status: 503, code: 14, retried: true },
    message: /err-mimir-distributor-max-inflight-push-requests-bytes/,
  },
  'a log that is full': {
    setup: failing(new WeirError('unavailable', 'the log is full')),
    ...{ status: 503, code: 14, message: /the log is full$/, retried: true },
  },
  'a bug, which exporters would not repeat as a 500': {
    setup: failing(new Error('broken')),
    ...{ status: 503, code: 14, message: /broken$/, retried: true },
  },
  'no partition that is written': {
    setup: { active: [] },
    ...{ status: 503, code: 14, message: /no partition is active/, retried: true },
  },
  'too large': {
    setup: { settings: { otlpRequestBytesMax: 10 } },
    ...{ status: 413, code: 3, message: /err-mimir-distributor-max-otlp-request-size/ },
    retried: false,
  },
  'nothing that can be taken': {
    setup: { limits: { labelNamesMax: 1 } },
    ...{ status: 400, code: 3, message: /err-mimir-max-label-names-per-series/, retried: false },
  },
  'an unknown compression': {
    setup: {},
    headers: { 'content-encoding': 'br' },
    ...{ status: 415, code: 3, message: /^unsupported compression: br/, retried: false },
  },
};

describe.each(ENCODINGS)('errors in %s', (contentType) => {
  it.each(Object.entries(CASES))('%s', async (_name, { setup, headers, ...expected }) => {
    const answer = await post(contentType, setup, headers).answered;
    expect(answer.statusCode).toBe(expected.status);
    expect(answer.headers['content-type']).toBe(contentType);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    const body =
      contentType === 'application/json'
        ? JSON.parse(answer.body)
        : Status.toObject(Status.decode(answer.rawPayload));
    expect(body).toMatchObject({ code: expected.code });
    expect(body.message).toMatch(expected.message);
    const after = answer.headers['retry-after'];
    expect(after === undefined ? false : Number(after) >= 6).toBe(expected.retried);
  });
});

describe('headers for the translation', () => {
  const enabled = { otlpHeadersEnabled: true };
  const STRATEGY = 'X-Mimir-OTLP-TranslationStrategy';
  const SUFFIXES = 'X-Mimir-OTLP-AddSuffixes';
  const named = async (
    headers: Record<string, string>,
    limits: Setup['limits'] = {},
    settings: Setup['settings'] = enabled,
  ) => {
    const { answered, produced } = post(ENCODINGS[0], { settings, limits }, headers, 1);
    const answer = await answered;
    if (answer.statusCode !== 200) {
      return [answer.statusCode, Status.toObject(Status.decode(answer.rawPayload)).message];
    }
    return Buffer.from(decode(produced)[0]!.labels[0]!.value).toString();
  };

  it.each([
    ['UnderscoreEscapingWithSuffixes', 'a_b_seconds_total'],
    ['UnderscoreEscapingWithoutSuffixes', 'a_b'],
    ['NoUTF8EscapingWithSuffixes', 'a.b_seconds_total'],
    ['NoTranslation', 'a.b'],
  ])('%s makes %s', async (strategy, name) => {
    expect(await named({ [STRATEGY]: strategy })).toBe(name);
    expect(await named({ [STRATEGY]: strategy }, { otelStrategy: 'NoTranslation' })).toBe(name);
    expect(await named({ [STRATEGY]: strategy }, {}, {})).toBe('a.b');
  });

  it.each([
    ['true', {}, 'a.b_seconds_total'],
    ['false', {}, 'a.b'],
    ['True', { otelStrategy: 'UnderscoreEscapingWithoutSuffixes' }, 'a_b_seconds_total'],
    ['false', { otelStrategy: 'UnderscoreEscapingWithSuffixes' }, 'a_b'],
    ['false', { otelSuffixes: true }, 'a.b'],
    ['true', { nameValidationScheme: 'legacy' }, 'a_b_seconds_total'],
  ])('suffixes: %s with %j makes %s', async (value, limits, name) => {
    expect(await named({ [SUFFIXES]: value }, limits)).toBe(name);
  });

  it('are refused where they make no sense', async () => {
    expect(await named({ [STRATEGY]: 'Other' })).toEqual([
      400,
      "otel_translation_strategy: 'Other' is not one of UnderscoreEscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes, NoTranslation",
    ]);
    expect(await named({ [SUFFIXES]: 'yes' })).toEqual([
      400,
      "X-Mimir-OTLP-AddSuffixes: 'yes' is neither true nor false",
    ]);
    expect(await named({ [STRATEGY]: 'NoTranslation', [SUFFIXES]: 'true' })).toEqual([
      400,
      'otel_translation_strategy: NoTranslation contradicts otel_metric_suffixes_enabled',
    ]);
    const legacy = { nameValidationScheme: 'legacy' };
    expect(await named({ [STRATEGY]: 'NoTranslation' }, legacy)).toEqual([
      400,
      'otel_translation_strategy: NoTranslation needs name_validation_scheme utf8',
    ]);
  });
});
