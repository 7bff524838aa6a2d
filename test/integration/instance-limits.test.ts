// The limits of one process over real connections, set in the runtime configuration file while it runs: in every
// protocol the status, the exact text and when to come back; what was taken before, beside and after is stored, and
// what was refused is not.
import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import protobuf from 'protobufjs';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../support/raw-http.ts';
import { encodeWriteRequest, encodeWriteRequestV2 } from '../support/remote-write.ts';
import { SenderTarget } from '../support/sender-target.ts';

const TENANT = 'test';
const GRPC_METHOD = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const INFLUX = '/api/v1/push/influx/write?precision=ms';
const ROOM_BYTES = 100_000;
const patience = { timeout: 60_000 };

const schema = protobuf.loadSync(new URL('../../proto/otlp.proto', import.meta.url).pathname);
const ExportRequest = schema.lookupType('weir.otlp.ExportMetricsServiceRequest');
const Status = schema.lookupType('weir.otlp.Status');

const instance = (what: string, id: string) =>
  `the write request has been rejected because the distributor exceeded the ${what} (err-mimir-distributor-${id}). To adjust the related limit, configure -distributor.instance-limits.${id}, or contact your service administrator.`;
const PUSHES = instance('allowed number of inflight push requests', 'max-inflight-push-requests');
const BYTES = instance(
  'allowed total size in bytes of inflight push requests',
  'max-inflight-push-requests-bytes',
);
const RATE = instance('ingestion rate limit', 'max-ingestion-rate');

interface Outcome {
  /** Of HTTP, or gRPC's. */
  readonly status: number;
  readonly text: string;
  readonly retryAfterSeconds: number;
}

interface Sender {
  readonly body: (metric: string) => Uint8Array;
  readonly send: (body: Uint8Array) => Promise<Outcome>;
  /** What it has in flight at most. */
  readonly need: (body: Uint8Array) => number;
  readonly taken: number;
  readonly shed: number;
}

let target: SenderTarget;

async function post(
  path: string,
  body: Uint8Array,
  type: string,
  textOf: (body: Uint8Array) => string,
): Promise<Outcome> {
  const headers = { 'x-scope-orgid': TENANT, 'content-type': type };
  const init = { method: 'POST', headers, body: new Uint8Array(body) };
  const answer = await fetch(target.base + path, init);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const text = answer.ok ? '' : textOf(bytes);
  const retryAfterSeconds = Number(answer.headers.get('retry-after') ?? 0);
  return { status: answer.status, text, retryAfterSeconds };
}

async function overGrpc(body: Uint8Array): Promise<Outcome> {
  const session = connect(`http://${target.grpc}`);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  const headers = { 'content-type': 'application/grpc', te: 'trailers', 'x-scope-orgid': TENANT };
  const found: Record<string, unknown> = {};
  try {
    await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({ ':method': 'POST', ':path': GRPC_METHOD, ...headers });
      stream.on('error', reject);
      stream.on('response', (response) => Object.assign(found, response));
      stream.on('trailers', (trailers) => Object.assign(found, trailers));
      stream.on('close', resolve);
      stream.resume();
      stream.end(Buffer.concat([prefix, body]));
    });
  } finally {
    session.close();
  }
  // RetryInfo { Duration { int64 seconds = 1 } = 1 }.
  const info = Buffer.from(String(found['google.rpc.retryinfo-bin'] ?? ''), 'base64');
  return {
    status: Number(found['grpc-status']),
    text: decodeURIComponent(String(found['grpc-message'] ?? '')),
    retryAfterSeconds: info.at(-1) ?? 0,
  };
}

const series = (metric: string) => [
  { labels: { __name__: metric }, samples: [[Date.now(), 1]] as const },
];
const otlp = (name: string) => ({
  resourceMetrics: [
    {
      scopeMetrics: [
        {
          metrics: [
            { name, gauge: { dataPoints: [{ timeUnixNano: `${Date.now()}000000`, asDouble: 1 }] } },
          ],
        },
      ],
    },
  ],
});
const otlpBytes = (name: string) =>
  new Uint8Array(ExportRequest.encode(ExportRequest.fromObject(otlp(name))).finish());
const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString().trim();
const snappyNeed = (body: Uint8Array) => body.length + 2 * body[0]!;
const REMOTE_WRITE = 'application/x-protobuf';
const VERSION_2 = `${REMOTE_WRITE};proto=io.prometheus.write.v2.Request`;

const SENDERS: Readonly<Record<string, Sender>> = {
  'remote write 1.0': {
    body: (metric) => compressSync(encodeWriteRequest(series(metric))),
    send: (body) => post('/api/v1/push', body, REMOTE_WRITE, utf8),
    ...{ need: snappyNeed, taken: 200, shed: 503 },
  },
  'remote write 2.0': {
    body: (metric) => compressSync(encodeWriteRequestV2(series(metric))),
    send: (body) => post('/api/v1/push', body, VERSION_2, utf8),
    ...{ need: snappyNeed, taken: 204, shed: 503 },
  },
  'OTLP protobuf': {
    body: otlpBytes,
    send: (body) =>
      post('/otlp/v1/metrics', body, REMOTE_WRITE, (bytes) => {
        const { code, message } = Status.toObject(Status.decode(bytes));
        expect(code).toBe(14);
        return message;
      }),
    ...{ need: (body) => 3 * body.length, taken: 200, shed: 503 },
  },
  'OTLP JSON': {
    body: (metric) => Buffer.from(JSON.stringify(otlp(metric))),
    send: (body) =>
      post('/otlp/v1/metrics', body, 'application/json', (bytes) => {
        const { code, message } = JSON.parse(utf8(bytes));
        expect(code).toBe(14);
        return message;
      }),
    ...{ need: (body) => 11 * body.length, taken: 200, shed: 503 },
  },
  'OTLP gRPC': {
    body: otlpBytes,
    send: overGrpc,
    ...{ need: (body) => 3 * body.length, taken: 0, shed: 14 },
  },
  'line protocol': {
    body: (metric) => Buffer.from(`${metric} value=1 ${Date.now()}`),
    send: (body) => post(INFLUX, body, 'text/plain', (bytes) => JSON.parse(utf8(bytes)).error),
    ...{ need: (body) => 5 * body.length, taken: 204, shed: 503 },
  },
};

beforeAll(async () => {
  target = await SenderTarget.start(['-runtime-config.reload-period=100ms']);
}, 60_000);
afterAll(() => target.stop());

/** Sets limits of the process and waits until they hold. */
async function limit(limits: Readonly<Record<string, number>>): Promise<void> {
  await target.configure({ distributor_limits: limits });
  const [[name, value]] = Object.entries(limits) as [[string, number]];
  const line = `cortex_distributor_instance_limits{limit="${name}"} ${value}\n`;
  await until(async () => (await metrics()).includes(line));
}

async function metrics(): Promise<string> {
  return (await fetch(`${target.base}/metrics`)).text();
}

async function metric(name: string): Promise<number> {
  const line = (await metrics()).split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? Number.NaN);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await isSo()) return;
    await sleep(20);
  }
  throw new Error('it did not happen');
}

/** Begins a push in line protocol of one series, `size` bytes of it a remark; it holds what it sent. */
async function begin(name: string, size: number) {
  const client = await new RawClient(Number(new URL(target.base).port)).opened();
  const end = `\n${name} value=1 ${Date.now()}`;
  await client.send(
    `POST ${INFLUX} HTTP/1.1\r\nhost: x\r\nx-scope-orgid: ${TENANT}\r\ncontent-length: ${size + end.length}\r\n\r\n${'#'.repeat(size)}`,
  );
  const status = async () => (await client.answer()).status;
  const finish = async () => {
    await client.send(end);
    const answered = await status();
    client.end();
    return answered;
  };
  return { status, finish, cancel: () => client.end() };
}

const inFlight = (pushes: number, bytes: number) =>
  until(
    async () =>
      (await metric('cortex_distributor_inflight_push_requests')) === pushes &&
      (await metric('cortex_distributor_inflight_push_requests_bytes')) === bytes,
  );

async function stored(prefix: string): Promise<string[]> {
  const found = await target.samples(TENANT, `{__name__=~"${prefix}.*"}`);
  return found.map(({ metric }) => metric.__name__!).sort();
}

const nameOf = (protocol: string) => protocol.replaceAll(/[ .]/g, '_').toLowerCase();

describe.each(Object.entries(SENDERS))('%s', (protocol, { body, send, need, taken, shed }) => {
  const own = nameOf(protocol);
  const expectShed = (outcome: Outcome, text: string) => {
    expect(outcome).toEqual({ status: shed, text, retryAfterSeconds: expect.any(Number) });
    // The first attempt: six seconds, and half of it at most by chance.
    expect(outcome.retryAfterSeconds).toBeGreaterThanOrEqual(6);
    expect(outcome.retryAfterSeconds).toBeLessThanOrEqual(9);
  };

  it('pushes in flight: under, at and over the limit', patience, async () => {
    await limit({ max_inflight_push_requests: 3 });
    const name = `${own}_pushes_`;
    const held = [];
    const statuses = [];
    for (const count of [1, 2, 3]) {
      held.push(await begin(`${name}held_${count}`, 100));
      await inFlight(count, 100 * count);
      const outcome = await send(body(`${name}beside_${count}`));
      statuses.push(outcome.status);
      if (count === 3) expectShed(outcome, PUSHES);
    }
    expect(statuses).toEqual([taken, taken, shed]);
    for (const push of held) expect(await push.finish()).toBe(204);
    expect((await send(body(`${name}behind`))).status).toBe(taken);
    expect(await stored(name)).toEqual(
      [...['behind', 'beside_1', 'beside_2'], ...['held_1', 'held_2', 'held_3']].map(
        (end) => name + end,
      ),
    );
    await inFlight(0, 0);
  });

  it.each([
    ['under', -1],
    ['at', 0],
    ['over', 1],
  ])('bytes in flight: %s the limit', patience, async (title, more) => {
    await limit({ max_inflight_push_requests_bytes: ROOM_BYTES });
    const name = `${own}_bytes_${title}_`;
    const message = body(`${name}beside`);
    const heldBytes = ROOM_BYTES - need(message) + more;
    const held = await begin(`${name}held`, heldBytes);
    await inFlight(1, heldBytes);
    const outcome = await send(message);
    if (more > 0) expectShed(outcome, BYTES);
    else expect(outcome.status).toBe(taken);
    held.cancel();
    await inFlight(0, 0);
    expect((await send(body(`${name}behind`))).status).toBe(taken);
    const ends = more > 0 ? ['behind'] : ['behind', 'beside'];
    expect(await stored(name)).toEqual(ends.map((end) => name + end));
  });

  it('samples a second: under and over the limit', patience, async () => {
    const name = `${own}_rate_`;
    await limit({ max_ingestion_rate: 1e9 });
    const many = Array.from({ length: 50_000 }, (_, at) => ({
      labels: { __name__: 'many', at: String(at) },
      samples: [[Date.now(), 1]] as const,
    }));
    const first = await SENDERS['remote write 1.0']!.send(compressSync(encodeWriteRequest(many)));
    expect(first.status).toBe(200);
    await sleep(1_100);
    expect((await send(body(`${name}under`))).status).toBe(taken);
    await limit({ max_ingestion_rate: 10 });
    expectShed(await send(body(`${name}over`)), RATE);
    // Nobody waits for a body that isn't taken.
    const unread = await begin(`${name}unread`, 0);
    expect(await unread.status()).toBe(503);
    unread.cancel();
    await limit({ max_ingestion_rate: 0 });
    expect((await send(body(`${name}behind`))).status).toBe(taken);
    expect(await stored(name)).toEqual([`${name}behind`, `${name}under`]);
  });
});

it('each refusal was counted', async () => {
  const text = await metrics();
  const count = Object.keys(SENDERS).length;
  for (const [reason, times] of [
    ['distributor_max_inflight_push_requests', count],
    ['distributor_max_inflight_push_requests_bytes', count],
    ['distributor_max_ingestion_rate', 2 * count],
  ]) {
    expect(text).toContain(
      `cortex_distributor_instance_rejected_requests_total{reason="${reason}"} ${times}`,
    );
  }
});
