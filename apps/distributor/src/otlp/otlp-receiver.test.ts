// The OTLP receiver over a recording log: encodings, compressions, limits, partial success and errors, over
// HTTP and gRPC. Requests are encoded by protobufjs.
import { gzipSync } from 'node:zlib';
import { fastify } from 'fastify';
import { compressFrameSync } from 'lz4-napi';
import protobuf from 'protobufjs';
import { afterEach, describe, expect, it } from 'vitest';
import { decode, NOW, type Setup, setUp } from '../push-fixture.ts';

const schema = protobuf.loadSync(new URL('../../../../proto/otlp.proto', import.meta.url).pathname);
const type = (name: string) => schema.lookupType(`weir.otlp.${name}`);
const NANOS = `${BigInt(NOW) * 1_000_000n}`;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function gauge(name: string, attributes: object[] = []) {
  return { name, gauge: { dataPoints: [{ timeUnixNano: NANOS, asDouble: 1.5, attributes }] } };
}

function json(metrics: object[]): object {
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] };
}

function encoded(metrics: object[]): Buffer {
  const request = type('ExportMetricsServiceRequest');
  return Buffer.from(request.encode(request.fromObject(json(metrics))).finish());
}

async function server(setup: Setup = {}) {
  const made = setUp(setup);
  const http = fastify();
  closing.push(() => http.close());
  made.distributor.routes(http);
  const post = (payload: Buffer | string, headers: Record<string, string> = {}) =>
    http.inject({
      method: 'POST',
      url: '/otlp/v1/metrics',
      payload,
      headers: { 'content-type': 'application/x-protobuf', ...headers },
    });
  return { ...made, post };
}

const names = (produced: Parameters<typeof decode>[0]) =>
  decode(produced).map(({ labels }) => Buffer.from(labels[0]!.value).toString());

const BAD = {
  name: 'b',
  sum: { aggregationTemporality: 1, dataPoints: [{ timeUnixNano: NANOS, asInt: 1 }] },
};

describe('POST /otlp/v1/metrics', () => {
  it('logs and answers in protobuf', async () => {
    const { post, produced, metric } = await server();
    const answer = await post(encoded([gauge('a.b')]));
    expect([answer.statusCode, answer.rawPayload.length]).toEqual([200, 0]);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-length': '0',
      'x-content-type-options': 'nosniff',
    });
    expect(names(produced)).toEqual(['a.b']);
    expect(await metric('cortex_distributor_otlp_requests_total')).toMatchObject([{ value: 1 }]);
    expect(await metric('cortex_distributor_requests_in_total')).toMatchObject([
      { labels: { version: 'otlp' }, value: 1 },
    ]);
  });

  it('logs and answers in JSON', async () => {
    const { post, produced } = await server();
    const answer = await post(JSON.stringify(json([gauge('a')])), {
      'content-type': 'application/json; charset=utf-8',
    });
    expect([answer.statusCode, answer.body]).toEqual([200, '{}']);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(names(produced)).toEqual(['a']);
  });

  it.each<[string, (body: Buffer) => Buffer]>([
    ['gzip', (body) => gzipSync(body)],
    ['lz4', (body) => compressFrameSync(body)],
    ['zstd', zstdRaw],
    ['identity', (body) => body],
  ])('takes %s', async (encoding, compress) => {
    const { post, produced } = await server();
    const body = encoded(Array.from({ length: 100 }, (_, index) => gauge(`metric_${index}`)));
    const answer = await post(compress(body), { 'content-encoding': encoding });
    expect(answer.statusCode).toBe(200);
    expect(names(produced)).toHaveLength(100);
  });

  it.each(['gzip', 'lz4', 'zstd'])('answers 400 to corrupt %s', async (encoding) => {
    const { post } = await server();
    const answer = await post(Buffer.from('nonsense, nonsense'), { 'content-encoding': encoding });
    expect(status(answer)).toEqual([400, 3, `${encoding}: corrupt input`]);
  });

  it.each([
    ['text/plain', '', /^unsupported content type: text\/plain, supported: /],
    ['application/x-protobuf', 'br', /^unsupported compression: br\. Only "gzip", "lz4", "zstd"/],
  ])('answers 415 to %s %s', async (contentType, contentEncoding, message) => {
    const { post } = await server();
    const answer = await post(encoded([]), {
      'content-type': contentType,
      'content-encoding': contentEncoding,
    });
    expect(status(answer)).toEqual([415, 3, expect.stringMatching(message)]);
    expect(answer.headers['content-type']).toBe('application/x-protobuf');
  });

  it('answers 413 above the size limit, before and after decompression', async () => {
    const body = encoded([gauge('a'.repeat(2000))]);
    for (const [otlpRequestBytesMax, expected] of [
      [body.length, 200],
      [body.length - 1, 413],
    ] as const) {
      const { post } = await server({ settings: { otlpRequestBytesMax } });
      expect((await post(body)).statusCode).toBe(expected);
      for (const [encoding, packed] of [
        ['gzip', gzipSync(body)],
        ['lz4', compressFrameSync(body)],
      ] as const) {
        const answer = await post(packed, { 'content-encoding': encoding });
        expect([encoding, answer.statusCode]).toEqual([encoding, expected]);
      }
    }
    const { post } = await server({ settings: { otlpRequestBytesMax: 100 } });
    const [, , message] = status(await post(body));
    expect(message).toMatch(/err-mimir-distributor-max-otlp-request-size/);
  });

  it('keeps the good points and counts the others', async () => {
    const { post, produced, metric } = await server();
    const answer = await post(encoded([gauge('a'), BAD, gauge('c', [key('k', 'x'.repeat(3000))])]));
    expect(answer.statusCode).toBe(200);
    expect(exported(answer.rawPayload)).toEqual({
      partialSuccess: {
        rejectedDataPoints: 2,
        errorMessage: 'otlp parse error: invalid temporality and type combination for metric "b"',
      },
    });
    expect(names(produced)).toEqual(['a']);
    expect(await metric('cortex_discarded_samples_total')).toMatchObject([
      { labels: { reason: 'otlp_parse_error' }, value: 1 },
      { labels: { reason: 'label_value_too_long' }, value: 1 },
    ]);
    const inJson = await post(JSON.stringify(json([gauge('a'), BAD])), {
      'content-type': 'application/json',
    });
    expect(JSON.parse(inJson.body)).toMatchObject({ partialSuccess: { rejectedDataPoints: '1' } });
  });

  it('answers 400 where nothing could be taken', async () => {
    const { post, produced } = await server();
    const text = 'otlp parse error: invalid temporality and type combination for metric "b"';
    expect(status(await post(encoded([BAD])))).toEqual([400, 3, text]);
    const inJson = await post(JSON.stringify(json([BAD])), { 'content-type': 'application/json' });
    expect(JSON.parse(inJson.body)).toEqual({ code: 3, message: text });
    expect(produced).toEqual([]);
  });

  it('speaks of attributes', async () => {
    const { post } = await server({ limits: { labelValueBytesMax: 5 } });
    expect((await post(encoded([gauge('a', [key('k', '12345')])]))).statusCode).toBe(200);
    const [, , message] = status(await post(encoded([gauge('a', [key('k', '123456')])])));
    expect(message).toMatch(
      /^received a metric whose attribute value length of 6 exceeds the limit of 5, attribute: 'k', value: '123456' \(truncated\) metric: 'a' \(err-mimir-label-value-too-long\)\./,
    );
  });

  it('takes an empty request, and a metric without points, as success', async () => {
    const { post } = await server();
    expect((await post(encoded([]))).statusCode).toBe(200);
    const answer = await post(encoded([{ name: 'a', gauge: {} }]));
    expect([answer.statusCode, answer.rawPayload.length]).toEqual([200, 0]);
  });

  it.each([
    ['no protobuf', Buffer.from([0x0a, 0xff]), 'application/x-protobuf'],
    ['no JSON', '{', 'application/json'],
    ['no OTLP', '{"resourceMetrics": 1}', 'application/json'],
  ])('answers 400 to what is %s', async (_, body, contentType) => {
    const { post } = await server();
    expect((await post(body, { 'content-type': contentType })).statusCode).toBe(400);
  });

  it('answers 429 and 503 with Retry-After', async () => {
    const limited = await server({ limits: { ingestionRate: 1, ingestionBurstSize: 1 } });
    const answer = await limited.post(encoded([gauge('a'), gauge('b')]));
    expect(status(answer).slice(0, 2)).toEqual([429, 8]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(6);
    const broken = await server({ produce: () => Promise.reject(new Error('broken')) });
    const failed = await broken.post(encoded([gauge('a')]));
    expect(status(failed).slice(0, 2)).toEqual([503, 14]);
    expect(Number(failed.headers['retry-after'])).toBeGreaterThanOrEqual(6);
  });

  it("translates as the tenant's settings say", async () => {
    const limits = {
      otelStrategy: 'UnderscoreEscapingWithSuffixes',
      otelDeltas: true,
      otelPromotedAttributes: ['host'],
    };
    const { post, produced } = await server({ limits });
    await post(encoded([BAD]));
    expect(names(produced)).toEqual(['b']);
  });
});

function key(name: string, value: string): object {
  return { key: name, value: { stringValue: value } };
}

function exported(body: Uint8Array): object {
  const response = type('ExportMetricsServiceResponse');
  return response.toObject(response.decode(body), { longs: Number });
}

function status(answer: { statusCode: number; rawPayload: Buffer }): [number, number, string] {
  const { code, message } = type('Status').toObject(type('Status').decode(answer.rawPayload));
  return [answer.statusCode, code, message];
}

/** A frame of raw blocks: what any encoder may write. */
function zstdRaw(body: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(body.length);
  const block = Buffer.alloc(4);
  block.writeUInt32LE((body.length << 3) | 1);
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]);
  return Buffer.concat([header, size, block.subarray(0, 3), body]);
}
