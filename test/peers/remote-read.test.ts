// A real Prometheus 3 that has no data of its own reads Weir's through remote_read, and must answer PromQL as
// Weir does: streamed chunks and samples, from heads, and again from blocks. A relay between the two takes
// out of requests what the case doesn't want, and keeps what was answered.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chunkSampleCount } from '@weir/tsdb/chunk';
import { encodeHistogram } from '@weir/wire/log-record';
import protobuf from 'protobufjs';
import { compressSync, uncompressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { histogramData, START_MS, STEP_MS } from '../support/histogram-data.ts';
import { api } from '../support/prometheus-api.ts';
import { type PrometheusProcess, readRemotely } from '../support/prometheus-process.ts';
import { push } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const MINUTE_MS = 60_000;
const WINDOW_MS = 120 * MINUTE_MS;
const TENANT = 'test';
const SAMPLES = 300;
const BATCH = 50;
const SAMPLES_TYPE = 0;
const CHUNKS_TYPE = 1;

const root = protobuf.loadSync(new URL('../../proto/remote.proto', import.meta.url).pathname);
const ReadRequest = root.lookupType('prometheus.ReadRequest');
const ReadResponse = root.lookupType('prometheus.ChunkedReadResponse');

/** Over the end of a window: part of it is in a block after the flush, and the rest is. */
const startMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS - 2 * WINDOW_MS + 90 * MINUTE_MS;
const endMs = startMs + (SAMPLES - 1) * STEP_MS;

const EXPRESSIONS = [
  'up',
  'count({__name__=~".+"})',
  '{__name__=~"req.*",job!="b"}',
  'sum by (job) (rate(requests_total[5m]))',
  'increase(requests_total{job=~"a|c"}[20m])',
  'max_over_time(up[10m:1m]) or vector(7)',
  'requests_total offset 7m',
  'requests_total @ end()',
  'histogram_quantile(0.9, {kind=~".+"})',
  'histogram_count(rate({kind!=""}[10m]))',
  'histogram_sum({kind!=""})',
  '{kind!=""}',
  'absent(nothing{a="b"})',
  'label_replace(up, "x", "$1", "job", "(.)")',
  'sum(up) / on() group_left count(requests_total)',
];

interface Relay {
  readonly server: Server;
  readonly base: string;
  accepts: number;
  readonly types: Set<string>;
  chunkSamplesMax: number;
}

async function startRelay(target: string): Promise<Relay> {
  const server = createServer(async (request, response) => {
    const body = uncompressSync(await bodyOf(request)) as Buffer;
    const message = ReadRequest.decode(body) as protobuf.Message & {
      acceptedResponseTypes: number[];
    };
    message.acceptedResponseTypes = [relay.accepts];
    const answer = await fetch(target + request.url, {
      method: 'POST',
      headers: { 'x-scope-orgid': String(request.headers['x-scope-orgid']) },
      body: compressSync(Buffer.from(ReadRequest.encode(message).finish())),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const type = answer.headers.get('content-type') ?? '';
    relay.types.add(type);
    if (relay.accepts === CHUNKS_TYPE && answer.ok) lookInto(bytes);
    response.writeHead(answer.status, {
      'content-type': type,
      ...(relay.accepts === SAMPLES_TYPE && answer.ok && { 'content-encoding': 'snappy' }),
    });
    response.end(bytes);
  });
  const relay: Relay = {
    ...{ server, accepts: CHUNKS_TYPE, types: new Set<string>(), chunkSamplesMax: 0 },
    base: `http://127.0.0.1:${await freePort()}`,
  };
  /** Prometheus checks the framing; here only what it would read without complaint. */
  const lookInto = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; ) {
      let size = 0;
      for (let scale = 1, byte = 128; byte >= 128; scale *= 128) {
        byte = bytes[at++]!;
        size += (byte & 127) * scale;
      }
      const frame = ReadResponse.decode(
        bytes.subarray(at + 4, at + 4 + size),
      ) as protobuf.Message & {
        chunkedSeries: { chunks: { type: number; data: Uint8Array }[] }[];
      };
      at += 4 + size;
      for (const { type, data } of frame.chunkedSeries.flatMap(({ chunks }) => chunks)) {
        relay.chunkSamplesMax = Math.max(relay.chunkSamplesMax, chunkSampleCount(type, data));
      }
    }
  };
  server.listen(Number(new URL(relay.base).port), '127.0.0.1');
  await once(server, 'listening');
  return relay;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

let weir: WeirProcess;
let prometheus: PrometheusProcess;
let relay: Relay;
let directory: string;

async function pushAll(): Promise<void> {
  const rich = histogramData().map(({ labels, samples }) => ({
    labels,
    samples: samples.map(([t, value]) => [t + startMs - START_MS, value] as const),
  }));
  for (let from = 0; from < SAMPLES; from += BATCH) {
    const times = Array.from({ length: BATCH }, (_, n) => startMs + (from + n) * STEP_MS);
    const floats = ['a', 'b', 'c'].flatMap((job, at) => [
      { labels: { __name__: 'up', job }, samples: times.map((t) => [t, at % 2] as const) },
      {
        labels: { __name__: 'requests_total', job, path: '/ü "x"' },
        samples: times.map((t, n) => [t, ((from + n) * (at + 1) * 1.7) % 300] as const),
      },
    ]);
    const isNow = (t: number) => t >= times[0]! && t < times[0]! + BATCH * STEP_MS;
    const histograms = rich.map(({ labels, samples }) => ({
      labels,
      samples: samples.flatMap(([t, value]) =>
        isNow(t) && typeof value === 'number' ? [[t, value] as const] : [],
      ),
      histograms: samples.flatMap(([t, value]) =>
        isNow(t) && typeof value !== 'number'
          ? [encodeHistogram({ t, startT: 0, histogram: value })]
          : [],
      ),
    }));
    const { status, body } = await push(weir.base, [...floats, ...histograms]);
    expect([status, body]).toEqual([200, '']);
  }
}

/** What is the same in both: sorted, without what an answer may add. */
async function answerOf(base: string, path: string, parameters: Record<string, string>) {
  const { status, data, error } = await api(base, path, parameters, TENANT);
  if (status === 'error') return { error };
  const { resultType, result } = data as { resultType: string; result: unknown[] };
  const key = (one: unknown) => JSON.stringify((one as { metric: object }).metric);
  return { resultType, result: [...result].sort((a, b) => (key(a) < key(b) ? -1 : 1)) };
}

/** Where two answers differ; numbers may in their last digits, which depend on the order of additions. */
function difference(ours: unknown, theirs: unknown, where: string): string | undefined {
  if (typeof ours === 'object' && typeof theirs === 'object' && ours && theirs) {
    const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
    for (const key of keys) {
      const [left, right] = [ours, theirs].map((one) => (one as Record<string, unknown>)[key]);
      const found = difference(left, right, `${where}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (ours === theirs) return undefined;
  const [left, right] = [Number(ours), Number(theirs)];
  if (Math.abs(left - right) <= 1e-9 * Math.max(Math.abs(left), Math.abs(right))) return undefined;
  return `${where}: ${ours}, not ${theirs}`;
}

async function compareAll(): Promise<void> {
  const seconds = (ms: number) => String(ms / 1000);
  for (const expression of EXPRESSIONS) {
    const range = { start: seconds(startMs), end: seconds(endMs), step: '97' };
    for (const [path, parameters] of [
      ['/api/v1/query_range', { query: expression, ...range }],
      ['/api/v1/query', { query: expression, time: seconds(startMs + 47 * MINUTE_MS) }],
    ] as const) {
      const ours = await answerOf(`${weir.base}/prometheus`, path, parameters);
      const theirs = await answerOf(prometheus.base, path, parameters);
      expect(difference(ours, theirs, `${path} ${expression}`)).toBeUndefined();
      expect(ours.error ?? ours.result?.length, expression).toBeTruthy();
    }
  }
}

describe('a Prometheus that reads from Weir', () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-read-'));
    weir = new WeirProcess({
      port: await freePort(),
      flags: ['-target=all', `-data-dir=${join(directory, 'data')}`, '-log.level=warn'],
    });
    await weir.start();
    await pushAll();
    relay = await startRelay(weir.base);
    prometheus = await readRemotely(`${relay.base}/prometheus/api/v1/read`, TENANT);
  });

  afterAll(async () => {
    await prometheus.stop();
    relay.server.close();
    await weir.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const kinds = [
    ['streamed chunks', CHUNKS_TYPE],
    ['samples', SAMPLES_TYPE],
  ] as const;

  it.each(kinds)(`agrees on ${EXPRESSIONS.length} expressions, heads, %s`, async (_, type) => {
    relay.accepts = type;
    await compareAll();
  });

  it('and again from blocks', async () => {
    const flush = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
    expect(flush.status).toBe(204);
    for (const [, type] of kinds) {
      relay.accepts = type;
      await compareAll();
    }
    expect([...relay.types].sort()).toEqual([
      'application/x-protobuf',
      'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse',
    ]);
    expect(relay.chunkSamplesMax).toBeGreaterThan(50);
    expect(relay.chunkSamplesMax).toBeLessThanOrEqual(120);
  });
});
