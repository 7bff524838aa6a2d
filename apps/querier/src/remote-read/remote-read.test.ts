// Remote read through its route, over an owner in memory: both kinds of answers decoded by other decoders,
// what is asked and what is left out, and every refusal.
import { crc32c } from '@weir/bytes';
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createHttpServer, httpFlags, tenantOf } from '@weir/http';
import { limitsFlags } from '@weir/limits';
import { createMatcher, labelsOf, labelValue, SampleColumns } from '@weir/model';
import { type LocalReader, type ReadRequest, type SeriesChunks, serveRead } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import {
  CHUNK_XOR,
  type Chunk,
  chunkSampleCount,
  decodeXorChunk,
  encodeXorChunk,
  HistogramChunk,
  readHistogramChunk,
} from '@weir/tsdb/chunk';
import protobuf from 'protobufjs';
import { compressSync, uncompressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { createInlineExecutor } from '../executor/inline-executor.ts';
import { createQuerier } from '../querier.ts';
import { querierRoutes } from '../querier-routes.ts';
import { querierFlags } from '../querier-settings.ts';
import { READ_REQUEST_MAX_BYTES } from './remote-read.ts';
import { sentChunks } from './sent-chunks.ts';

const root = protobuf.loadSync(new URL('../../../../proto/remote.proto', import.meta.url).pathname);
const type = (name: string) => root.lookupType(`prometheus.${name}`);
const STEP_MS = 15_000;

function floats(count: number, fromMs = 0, base = 0): Chunk {
  const t = Float64Array.from({ length: count }, (_, at) => fromMs + at * STEP_MS);
  const v = t.map((ms) => base + ms / 1000);
  const bytes = encodeXorChunk(t, v, 0, count);
  return { minT: t[0]!, maxT: t[count - 1]!, encoding: CHUNK_XOR, bytes };
}

const NONE = new Float64Array(0);

function histograms(count: number, isFloat: boolean, fromMs = 0): Chunk {
  const open = HistogramChunk.start(isFloat);
  for (let at = 0; at < count; at++) {
    open.tryAppend(fromMs + at * STEP_MS, {
      ...{ isFloat, isStale: false, resetHint: 0, schema: 1, zeroThreshold: 0.1, zeroCount: 1 },
      ...{ count: at + 1, sum: at * 2, positiveSpans: Int32Array.of(0, 1) },
      ...{ negativeSpans: new Int32Array(0), positiveBuckets: Float64Array.of(at) },
      ...{ negativeBuckets: NONE, customValues: NONE },
    });
  }
  const { minT, maxT, encoding } = open;
  return { minT, maxT, encoding, bytes: open.bytes() };
}

const series = (labels: Record<string, string>, ...chunks: Chunk[]): SeriesChunks => ({
  labels: labelsOf(labels),
  chunks,
});

/** In label order. */
const STORED = [
  series({ __name__: 'h', kind: 'float' }, histograms(5, true)),
  series({ __name__: 'h', kind: 'integer' }, histograms(130, false)),
  series({ __name__: 'long' }, floats(300)),
  series({ __name__: 'up', job: 'a' }, floats(20), floats(20, 20 * STEP_MS)),
  series({ __name__: 'up', job: 'b' }, floats(10, 0, 1000)),
];

interface Options {
  readonly maxSamples?: number;
  readonly failAfter?: number;
}

function createApi({ maxSamples = 50_000_000, failAfter = Infinity }: Options = {}) {
  const asked: ReadRequest[] = [];
  const reader: Partial<LocalReader> = {
    async select(request) {
      asked.push(request);
      const matchers = request.matchers.map(createMatcher);
      const found = STORED.filter(({ labels }) =>
        matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
      );
      const batches = (async function* () {
        for (const [at, one] of found.entries()) {
          if (at >= failAfter) throw new WeirError('unavailable', 'the owner has gone');
          yield [one];
        }
      })();
      return { heldBlocks: [], sources: [batches] };
    },
  };
  const port = {
    read: (request: ReadRequest, signal: AbortSignal) =>
      serveRead(reader as LocalReader, request, signal),
  };
  const [telemetry, clock] = [silentTelemetry(), systemClock];
  const settings = { ...defaultsOf(querierFlags), maxSamples };
  const owners = { owners: async () => [{ port, partitions: [0] }] };
  const catalog = { blocks: async () => [] };
  const querier = createQuerier(settings, { owners, catalog, telemetry, clock });
  const server = createHttpServer(defaultsOf(httpFlags), { telemetry, clock });
  querierRoutes(server, settings, createInlineExecutor(querier), {
    tenantOf: (request) => tenantOf(request, { multitenancy: true, noAuthTenant: 'anonymous' }),
    limitsFor: () => defaultsOf(limitsFlags),
    ...{ version: '0', revision: '0' },
  });
  const post = async (payload: Uint8Array, headers: Record<string, string> = {}) =>
    server.inject({
      method: 'POST',
      url: '/prometheus/api/v1/read',
      headers: { 'x-scope-orgid': 't', 'accept-encoding': 'gzip', ...headers },
      payload: Buffer.from(payload),
    });
  const read = (request: object) =>
    post(compressSync(Buffer.from(type('ReadRequest').encode(request).finish())));
  return { post, read, asked };
}

const named = (name: string, more: object[] = []) => [
  { type: 0, name: '__name__', value: name },
  ...more,
];
const WHOLE = { startTimestampMs: 0, endTimestampMs: 1e9 };
const TEXT = 'text/plain; charset=utf-8';

interface Decoded {
  readonly labels: readonly { name: string; value: string }[];
  readonly samples?: readonly { value: number; timestamp: number }[];
  readonly histograms?: readonly { timestamp: number; countInt?: number; countFloat?: number }[];
}

function samplesOf(body: Buffer): (readonly Decoded[])[] {
  const response = type('ReadResponse').decode(uncompressSync(body) as Buffer);
  const { results = [] } = type('ReadResponse').toObject(response, { longs: Number }) as {
    results?: { timeseries?: Decoded[] }[];
  };
  return results.map(({ timeseries = [] }) => timeseries);
}

interface Frame {
  readonly sizeBytes: number;
  readonly queryIndex: number;
  readonly chunkedSeries: readonly {
    readonly labels: readonly { name: string; value: string }[];
    readonly chunks: readonly {
      minTimeMs: number;
      maxTimeMs: number;
      type: number;
      data: Uint8Array;
    }[];
  }[];
}

function framesOf(body: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < body.length; ) {
    let sizeBytes = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = body[at++]!;
      sizeBytes += (byte & 127) * scale;
      if (byte < 128) break;
    }
    const message = body.subarray(at + 4, at + 4 + sizeBytes);
    expect(message.length).toBe(sizeBytes);
    expect(body.readUInt32BE(at)).toBe(crc32c(message));
    at += 4 + sizeBytes;
    const object = type('ChunkedReadResponse').toObject(
      type('ChunkedReadResponse').decode(message),
      { longs: Number, enums: Number, arrays: true, defaults: true },
    );
    frames.push({ sizeBytes, ...(object as Omit<Frame, 'sizeBytes'>) });
  }
  return frames;
}

const told = (labels: Decoded['labels']) => labels.map(({ value }) => value).join('/');

describe('remote read of samples', () => {
  it('answers each query with its series in order, within the range', async () => {
    const { read, asked } = createApi();
    const answer = await read({
      queries: [
        { startTimestampMs: 15_000, endTimestampMs: 45_000, matchers: named('up') },
        { ...WHOLE, matchers: named('nothing') },
        { ...WHOLE, matchers: named('h', [{ type: 3, name: 'kind', value: 'int.*' }]) },
      ],
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
    });
    const [up, nothing, h] = samplesOf(answer.rawPayload);
    expect(up!.map(({ labels }) => told(labels))).toEqual(['up/a', 'up/b']);
    expect(up![1]!.samples).toEqual([
      { timestamp: 15_000, value: 1015 },
      { timestamp: 30_000, value: 1030 },
      { timestamp: 45_000, value: 1045 },
    ]);
    expect(nothing).toEqual([]);
    expect(h).toHaveLength(1);
    expect(h![0]!.histograms![4]).toMatchObject({ timestamp: 60_000, countFloat: 5 });
    expect(asked.map(({ minT, maxT }) => [minT, maxT])).toEqual([
      [15_000, 45_000],
      [0, 1e9],
      [0, 1e9],
    ]);
  });

  it('heeds hints: the needed range, and series without samples', async () => {
    const { read, asked } = createApi();
    const query = (hints: object) => ({ ...WHOLE, matchers: named('up'), hints });
    const answer = await read({
      queries: [
        query({ startMs: 30_000, endMs: 2e9 }),
        query({ func: 'series' }),
        query({ startMs: 2e9, endMs: 3e9 }),
      ],
    });
    const [narrow, labels, none] = samplesOf(answer.rawPayload);
    expect(narrow![0]!.samples![0]!.timestamp).toBe(30_000);
    expect(labels).toHaveLength(2);
    expect(labels![0]!.samples).toBeUndefined();
    expect(none).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  it.each([
    [50, 200],
    [49, 400],
  ])('of 50 samples with a limit of %i answers %i', async (maxSamples, status) => {
    const { read } = createApi({ maxSamples });
    const answer = await read({ queries: [{ ...WHOLE, matchers: named('up') }] });
    expect(answer.statusCode).toBe(status);
    if (status === 400) expect(answer.body).toBe('exceeded sample limit (49)\n');
  });
});

describe('remote read of chunks', () => {
  it('streams one series a frame, in order, chunks of 120 samples at most, with their query', async () => {
    const { read } = createApi();
    const answer = await read({
      queries: [
        { ...WHOLE, matchers: [{ type: 2, name: '__name__', value: '.+' }] },
        { startTimestampMs: 16_000, endTimestampMs: 29_999, matchers: named('long') },
        { startTimestampMs: 1e8, endTimestampMs: 1e9, matchers: named('up') },
      ],
      acceptedResponseTypes: [7, 1, 0],
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe(
      'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse',
    );
    expect(answer.headers['content-encoding']).toBeUndefined();
    const frames = framesOf(answer.rawPayload);
    expect(
      frames.map(({ queryIndex, chunkedSeries }) => [queryIndex, chunkedSeries.length]),
    ).toEqual([...Array.from({ length: 5 }, () => [0, 1]), [1, 1]]);
    const all = frames.slice(0, 5).map(({ chunkedSeries: [one] }) => one!);
    expect(all.map(({ labels }) => told(labels))).toEqual([
      'h/float',
      'h/integer',
      'long',
      'up/a',
      'up/b',
    ]);
    const kinds = all.map(({ chunks }) => chunks.map(({ type }) => type));
    expect(kinds).toEqual([[3], [2, 2], [1, 1, 1], [1, 1], [1]]);
    for (const { chunks } of all) {
      for (const { type, data } of chunks) {
        expect(chunkSampleCount(type, data)).toBeLessThanOrEqual(120);
      }
    }
    const samples = new SampleColumns();
    for (const { data } of all[2]!.chunks) decodeXorChunk(data, samples, -Infinity, Infinity);
    expect([...samples.t.subarray(0, samples.count)]).toEqual(
      Array.from({ length: 300 }, (_, at) => at * STEP_MS),
    );
  });

  it('leaves chunks out that have no part in the range', async () => {
    const { read } = createApi();
    const range = { startTimestampMs: 20 * STEP_MS, endTimestampMs: 20 * STEP_MS };
    const answer = await read({
      queries: [{ ...range, matchers: named('up') }],
      acceptedResponseTypes: [1],
    });
    const frames = framesOf(answer.rawPayload);
    expect(frames).toHaveLength(1);
    expect(frames[0]!.chunkedSeries[0]!.chunks).toMatchObject([
      { minTimeMs: 20 * STEP_MS, maxTimeMs: 39 * STEP_MS },
    ]);
  });

  it('is an empty stream where nothing is found', async () => {
    const answer = await createApi().read({
      queries: [{ ...WHOLE, matchers: named('nothing') }],
      acceptedResponseTypes: [1],
    });
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
  });

  it('answers an error while nothing was sent', async () => {
    const answer = await createApi({ failAfter: 0 }).read({
      queries: [{ ...WHOLE, matchers: named('up') }],
      acceptedResponseTypes: [1],
    });
    expect([answer.statusCode, answer.body]).toEqual([503, 'the owner has gone\n']);
  });
});

describe('remote read refuses', () => {
  const encode = (request: object) =>
    compressSync(Buffer.from(type('ReadRequest').encode(request).finish()));
  const query = (matcher: object) => ({ queries: [{ ...WHOLE, matchers: [matcher] }] });

  it.each([
    ['no snappy', Buffer.from('hello'), /^snappy: corrupt input/],
    ['nothing', Buffer.alloc(0), /^snappy: corrupt input/],
    ['no request', compressSync(Buffer.from([0xff])), /^unexpected end of input/],
    ['unknown answers', encode({ acceptedResponseTypes: [5] }), /^server does not support any/],
    ['a bad matcher', encode(query({ type: 2, name: 'a', value: '(' })), /^error parsing regexp/],
  ])('%s', async (_, body, text) => {
    const answer = await createApi().post(body);
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toBe(TEXT);
    expect(answer.body).toMatch(text);
  });

  it('requests of more than 1 MiB, and takes one of that', async () => {
    const unknown = (size: number) => {
      const message = Buffer.alloc(size);
      message[0] = 0x7a;
      for (let at = 1, rest = size - 4; at < 4; at++, rest >>= 7) {
        message[at] = (rest & 127) | (at < 3 ? 128 : 0);
      }
      return compressSync(message);
    };
    const { post } = createApi();
    expect((await post(unknown(READ_REQUEST_MAX_BYTES))).statusCode).toBe(200);
    const over = await post(unknown(READ_REQUEST_MAX_BYTES + 1));
    expect([over.statusCode, over.body]).toEqual([
      413,
      'received message larger than max (1048577 vs 1048576)\n',
    ]);
  });

  it.each([
    ['', 401],
    ['a|b', 422],
    ['a|a', 200],
  ])('tenants %j with %i', async (tenant, status) => {
    const { post } = createApi();
    expect((await post(encode({}), { 'x-scope-orgid': tenant })).statusCode).toBe(status);
  });
});

describe('sentChunks', () => {
  it('merges what overlaps, the earlier source first', () => {
    const sent = sentChunks([floats(100, 0, 5), floats(100, 50 * STEP_MS)], 0, 1e9);
    const samples = new SampleColumns();
    for (const { bytes } of sent) decodeXorChunk(bytes, samples, -Infinity, Infinity);
    expect(samples.count).toBe(150);
    expect([samples.v[99], samples.v[100]]).toEqual([5 + 99 * 15, 100 * 15]);
    for (const { encoding, bytes } of sent) {
      expect(chunkSampleCount(encoding, bytes)).toBeLessThanOrEqual(120);
    }
  });

  it('splits long chunks of histograms, and keeps every sample', () => {
    for (const isFloat of [false, true]) {
      const sent = sentChunks([histograms(250, isFloat)], 0, 1e9);
      const lengths = sent.map(({ encoding, bytes }) => chunkSampleCount(encoding, bytes));
      expect(lengths).toEqual([120, 120, 10]);
      const counts: number[] = [];
      for (const { encoding, bytes } of sent) {
        readHistogramChunk(encoding, bytes, -Infinity, Infinity, (_, h) => counts.push(h.count));
      }
      expect(counts).toEqual(Array.from({ length: 250 }, (_, at) => at + 1));
    }
  });

  it('passes chunks of 120 samples as they are', () => {
    const chunk = floats(120);
    expect(sentChunks([chunk], 0, 1e9)[0]).toBe(chunk);
    expect(sentChunks([floats(121)], 0, 1e9)).toHaveLength(2);
  });
});
