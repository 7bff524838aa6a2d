// OTLP over gRPC, by gRPC's own client and by hand: answers and statuses, sizes, compression, bombs, malformed and
// cut frames, deadlines, cancelled and slow calls; and that what comes is counted while it comes.
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { gzipSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { systemClock } from '@weir/runtime';
import protobuf from 'protobufjs';
import { afterEach, describe, expect, it } from 'vitest';
import { createInflight } from '../inflight.ts';
import { decode, NOW, type Setup, setUp } from '../push-fixture.ts';
import { encodeGrpcMessage, parseGrpcTimeout } from './grpc-status.ts';
import { type OtlpGrpcSettings, openOtlpGrpc } from './otlp-grpc.ts';

const schema = protobuf.loadSync(new URL('../../../../proto/otlp.proto', import.meta.url).pathname);
const type = (name: string) => schema.lookupType(`weir.otlp.${name}`);
const METHOD = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const SIZE_MAX = 10_000;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function gauge(name: string) {
  return { name, gauge: { dataPoints: [{ timeUnixNano: `${NOW}000000`, asDouble: 1.5 }] } };
}

function encoded(metrics: object[]): Buffer {
  const request = type('ExportMetricsServiceRequest');
  const message = { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] };
  return Buffer.from(request.encode(request.fromObject(message)).finish());
}

const BAD = {
  name: 'b',
  sum: { aggregationTemporality: 1, dataPoints: [{ timeUnixNano: `${NOW}000000`, asInt: 1 }] },
};
const names = (produced: Parameters<typeof decode>[0]) =>
  decode(produced).map(({ labels }) => Buffer.from(labels[0]!.value).toString());

async function open(setup: Setup = {}, settings: Partial<OtlpGrpcSettings> = {}, roomBytes = 0) {
  const made = setUp({ ...setup, settings: { otlpRequestBytesMax: SIZE_MAX, ...setup.settings } });
  let inFlight = [0, 0];
  let peakBytes = 0;
  const metrics = {
    inflight: (...now: number[]) => {
      inFlight = now;
      peakBytes = Math.max(peakBytes, now[1]!);
    },
    shed: () => undefined,
  };
  const limits = { inflightPushesMax: 5, inflightBytesMax: roomBytes };
  const opened = await openOtlpGrpc(
    { address: '127.0.0.1', port: 0, requestBytesMax: SIZE_MAX, ...settings },
    {
      ...{ receiver: made.distributor.otlp, clock: systemClock, tenantOf: () => 'tenant' },
      inflight: createInflight(limits, metrics, systemClock),
    },
  );
  closing.push(() => opened.close());
  return { ...made, port: opened.port, inFlight: () => inFlight, peakBytes: () => peakBytes };
}

/** By gRPC's own client. */
async function client(setup: Setup = {}, options: grpc.ClientOptions = {}) {
  const made = await open(setup);
  const caller = new grpc.Client(
    `127.0.0.1:${made.port}`,
    grpc.credentials.createInsecure(),
    options,
  );
  closing.push(async () => caller.close());
  const call = (body: Buffer, more: Partial<grpc.CallOptions> = {}) =>
    new Promise<{ error: grpc.ServiceError | null; value: Buffer | undefined }>((resolve) => {
      const asItIs = (bytes: Buffer) => bytes;
      const done = (error: grpc.ServiceError | null, value?: Buffer) => resolve({ error, value });
      caller.makeUnaryRequest(METHOD, asItIs, asItIs, body, more, done);
    });
  return { ...made, call };
}

/** By hand. */
async function raw(made: { port: number }) {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${made.port}`);
  session.on('error', () => {});
  closing.push(async () => session.destroy());
  await once(session, 'connect');
  const start = (headers: Record<string, string> = {}) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': METHOD,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    stream.on('error', () => {});
    const found: Record<string, unknown> = {};
    stream.on('response', (response) => Object.assign(found, response));
    stream.on('trailers', (trailers) => Object.assign(found, trailers));
    stream.resume();
    const answer = async () => {
      if (!stream.closed) await once(stream, 'close');
      const status = found['grpc-status'] === undefined ? undefined : Number(found['grpc-status']);
      return { http: found[':status'], status, message: found['grpc-message'] };
    };
    return { stream, answer };
  };
  const call = (bytes: Uint8Array, headers: Record<string, string> = {}) => {
    const { stream, answer } = start(headers);
    stream.end(bytes);
    return answer();
  };
  return { start, call };
}

function frame(body: Uint8Array, flag = 0, length = body.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, body]);
}

async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 100_000 && !isSo(); turns++) await systemClock.yield();
  expect(isSo()).toBe(true);
}

describe("gRPC's own client", () => {
  it('gets its metrics logged and an answer', async () => {
    const { call, produced } = await client();
    expect(await call(encoded([gauge('a')]))).toMatchObject({ error: null, value: Buffer.of() });
    expect(names(produced)).toEqual(['a']);
    const { value } = await call(encoded([gauge('a'), BAD]));
    const response = type('ExportMetricsServiceResponse');
    expect(response.toObject(response.decode(value!), { longs: Number })).toMatchObject({
      partialSuccess: { rejectedDataPoints: 1 },
    });
  });

  it('gets them logged with gzip, too', async () => {
    const gzip = grpc.compressionAlgorithms.gzip;
    const options = { 'grpc.default_compression_algorithm': gzip };
    const { call, produced } = await client({}, options);
    expect((await call(encoded([gauge('a')]))).error).toBeNull();
    expect(names(produced)).toEqual(['a']);
  });

  it('is told what it may repeat, and when', async () => {
    const { call } = await client({ limits: { ingestionRate: 1, ingestionBurstSize: 1 } });
    const { error } = await call(encoded([gauge('a'), gauge('b')]));
    expect(error?.code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    const [details] = error!.metadata.get('grpc-status-details-bin');
    expect(Buffer.from(details!).toString('latin1')).toContain('google.rpc.RetryInfo');
    // Default settings say 6 to 9 seconds: a Duration in a field of its own.
    const [info] = error!.metadata.get('google.rpc.retryinfo-bin');
    expect(Buffer.from(info!).toString('hex')).toMatch(/^0a02080[6-9]$/);
    const refused = await (await client()).call(encoded([BAD]));
    expect(refused.error?.code).toBe(grpc.status.INVALID_ARGUMENT);
    expect(refused.error!.metadata.get('google.rpc.retryinfo-bin')).toEqual([]);
  });

  it('is refused what is too large, and taken at the limit', async () => {
    const { call } = await client();
    const over = encoded([gauge('a'.repeat(SIZE_MAX))]);
    const { error } = await call(over);
    expect([error?.code, error?.details]).toEqual([
      grpc.status.RESOURCE_EXHAUSTED,
      `grpc: received message larger than max (${over.length} vs. ${SIZE_MAX})`,
    ]);
    const fits = 'a'.repeat(SIZE_MAX - (over.length - SIZE_MAX));
    const at = encoded([gauge(fits)]);
    expect(at.length).toBe(SIZE_MAX);
    expect((await call(at)).error?.details).toMatch(/err-mimir-label-value-too-long/);
  });

  it('ends at its deadline', async () => {
    const { call } = await client({ produce: () => new Promise(() => {}) });
    const deadline = systemClock.nowMs() + 50;
    const { error } = await call(encoded([gauge('a')]), { deadline });
    expect(error?.code).toBe(grpc.status.DEADLINE_EXCEEDED);
  });
});

describe('a message', () => {
  const good = encoded([gauge('a')]);

  it.each<[string, Uint8Array, number, Record<string, string>?]>([
    ['that is whole', frame(good), 0],
    ['of nothing', frame(Buffer.of()), 0],
    ['that never came', Buffer.of(), 13],
    ['with half a prefix', Buffer.of(0, 0, 0), 13],
    ['that is cut off', frame(good).subarray(0, 20), 13],
    ['that is longer than it says', frame(good, 0, 10), 13],
    ['with another behind it', Buffer.concat([frame(good), frame(good)]), 13],
    ['with a strange flag', frame(good, 7), 13],
    ['of four GiB by its own words', frame(good, 0, 0xffffffff), 8],
    ['that is no OTLP', frame(Buffer.from('0aff', 'hex')), 3],
    ['of garbage said to be gzip', frame(good, 1), 3, { 'grpc-encoding': 'gzip' }],
    ['compressed by nothing that was named', frame(good, 1), 0],
    ['of an unknown compression', frame(good, 1), 12, { 'grpc-encoding': 'snappy' }],
    ['for another method', frame(good), 12, { ':path': '/a.B/C' }],
  ])('%s', async (_, bytes, status, headers) => {
    const { call } = await raw(await open());
    const found = await call(bytes, headers);
    expect([found.http, found.status]).toEqual([200, status]);
    expect(status === 0 || String(found.message).length > 3).toBe(true);
    expect((await call(frame(good))).status).toBe(0);
  });

  it('that is no gRPC gets 415', async () => {
    const { call } = await raw(await open());
    expect((await call(frame(good), { 'content-type': 'text/plain' })).http).toBe(415);
  });

  it('that unpacks to more than the limit is too large', async () => {
    const { call } = await raw(await open());
    const bomb = frame(gzipSync(Buffer.alloc(5_000_000)), 1);
    const found = await call(bomb, { 'grpc-encoding': 'gzip' });
    expect([found.status, decodeURIComponent(String(found.message))]).toEqual([
      8,
      expect.stringContaining('err-mimir-distributor-max-otlp-request-size'),
    ]);
  });

  it('is counted as it comes, and not before', async () => {
    const made = await open();
    const { start } = await raw(made);
    const { stream } = start();
    stream.write(frame(Buffer.alloc(100), 0, 9000));
    await until(() => made.inFlight()[1] === 100);
    stream.write(Buffer.alloc(50));
    await until(() => made.inFlight()[1] === 150);
    expect(made.inFlight()).toEqual([1, 150]);
    stream.close(constants.NGHTTP2_CANCEL);
    await until(() => made.inFlight()[0] === 0);
    expect(made.inFlight()).toEqual([0, 0]);
  });

  it('is refused for what it announces when there is no room', async () => {
    const made = await open({}, {}, 5000);
    const { start } = await raw(made);
    const { stream, answer } = start();
    stream.write(frame(Buffer.alloc(10), 0, 5001));
    expect(await answer()).toMatchObject({
      status: 14,
      message: expect.stringContaining('err-mimir-distributor-max-inflight-push-requests-bytes'),
    });
    expect(made.peakBytes()).toBe(0);
  });

  it('is refused when too many are in flight', async () => {
    const made = await open();
    const { start, call } = await raw(made);
    const waiting = Array.from({ length: 5 }, () => start().stream);
    for (const stream of waiting) stream.write(Buffer.of(0));
    await until(() => made.inFlight()[0] === 5);
    const found = await call(frame(good));
    expect([found.status, found.message]).toEqual([
      14,
      expect.stringContaining('err-mimir-distributor-max-inflight-push-requests)'),
    ]);
    waiting[0]!.close(constants.NGHTTP2_CANCEL);
    await until(() => made.inFlight()[0] === 4);
    expect((await call(frame(good))).status).toBe(0);
  });

  it('that does not come is not waited for', async () => {
    const made = await open({}, { readTimeoutMs: 50 });
    const { start } = await raw(made);
    const { stream, answer } = start();
    stream.write(Buffer.of(0));
    expect(await answer()).toMatchObject({ status: 4 });
    await until(() => made.inFlight()[0] === 0);
  });

  it('is not waited for beyond its deadline', async () => {
    const { start } = await raw(await open());
    const { stream, answer } = start({ 'grpc-timeout': '50m' });
    stream.write(Buffer.of(0));
    expect(await answer()).toMatchObject({ status: 4, message: 'context deadline exceeded' });
  });
});

it('a connection without calls is closed', async () => {
  const made = await open({}, { idleTimeoutMs: 50 });
  const session = connect(`http://127.0.0.1:${made.port}`);
  closing.push(async () => session.destroy());
  await once(session, 'close');
});

it('closing answers what is in flight', async () => {
  const waiting: (() => void)[] = [];
  const produce = () => new Promise<number[]>((done) => waiting.push(() => done([0])));
  const { call } = await raw(await open({ produce }));
  const answer = call(frame(encoded([gauge('a')])));
  await until(() => waiting.length === 1);
  const closed = closing.shift()!();
  waiting[0]!();
  expect((await answer).status).toBe(0);
  await closed;
});

it('statuses and deadlines in headers', () => {
  expect(encodeGrpcMessage('a %\nü')).toBe('a %25%0A%C3%BC');
  expect(['2H', '3M', '4S', '5m', '6u', '7n'].map(parseGrpcTimeout)).toEqual([
    ...[7_200_000, 180_000, 4000, 5],
    ...[expect.closeTo(0.006), expect.closeTo(7e-6)],
  ]);
  expect([undefined, '', '5', 'm', '123456789S', '-1S', '1x'].map(parseGrpcTimeout)).toEqual(
    Array(7).fill(undefined),
  );
});
