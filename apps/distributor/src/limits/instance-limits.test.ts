// What one process takes, whoever pushes: pushes and bytes in flight, samples a second; under, at and over each, in each
// protocol. Over a limit nothing of a push is stored, and those in flight go on.
import { defaultsOf } from '@weir/config';
import { describe, expect, it } from 'vitest';
import { distributorFlags } from '../distributor-flags.ts';
import { NOW, type Setup, setUp, VERSION_2 } from '../push-fixture.ts';
import {
  ALL,
  answerTo,
  lines,
  otlpJson,
  type Probe,
  type Protocol,
  remoteWrite1,
  remoteWrite2,
  WHOLE,
} from './limit-fixture.ts';

const instance = (what: string, id: string) =>
  `the write request has been rejected because the distributor exceeded the ${what} (err-mimir-distributor-${id}). To adjust the related limit, configure -distributor.instance-limits.${id}, or contact your service administrator.`;
const PUSHES = instance('allowed number of inflight push requests', 'max-inflight-push-requests');
const BYTES = instance(
  'allowed total size in bytes of inflight push requests',
  'max-inflight-push-requests-bytes',
);
const RATE = instance('ingestion rate limit', 'max-ingestion-rate');
const SHED = 'cortex_distributor_instance_rejected_requests_total';

const many = (count: number): Probe => ({
  metric: 'm',
  samples: Array.from({ length: count }, (_, at) => ({ value: at, timestamp: NOW + at })),
});

function open(settings: Setup['settings'], setup: Setup = {}) {
  // One partition: one record a push.
  const own = { active: [0], ...setup, settings: { influxEnabled: true, ...settings } };
  const made = setUp(own);
  const send = (protocol: Protocol, samples = 3) => answerTo(protocol, [many(samples)], made);
  return { ...made, send };
}

/** A log that holds what it gets until it is opened. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), produce: () => opened.then(() => []) };
}

/** What a push has in flight at most: what came, what it says, and the records made of it. */
const NEEDED: Readonly<Record<Protocol, number>> = {
  'remote write 1.0': snappyNeed(remoteWrite1([many(3)])),
  'remote write 2.0': snappyNeed(remoteWrite2([many(3)])),
  OTLP: (1 + 2 + 8) * otlpJson([many(3)]).length,
  'line protocol': (1 + 4) * Buffer.byteLength(lines([many(3)])),
};

function snappyNeed(body: Uint8Array): number {
  const plain = body[0]! < 128 ? body[0]! : (body[0]! & 127) | (body[1]! << 7);
  return body.length + 2 * plain;
}

describe.each(ALL)('%s', (protocol) => {
  it.each([
    ['under', 3, 'taken'],
    ['at', 2, 'taken'],
    ['over', 1, 'refused'],
    ['without', 0, 'taken'],
  ])('one push beside another, %s the limit', async (_title, inflightPushesMax, outcome) => {
    const { produce, open: openLog } = gate();
    const { send, produced, metric } = open({ inflightPushesMax }, { produce });
    const first = send('remote write 1.0');
    const second = send(protocol);
    if (outcome === 'refused') {
      const { status, refusal } = await second;
      expect([status, refusal]).toEqual([503, PUSHES]);
      expect(await metric(SHED)).toMatchObject([
        { labels: { reason: 'distributor_max_inflight_push_requests' }, value: 1 },
      ]);
    }
    openLog();
    expect((await first).status).toBe(200);
    if (outcome === 'taken') expect((await second).status).toBe(WHOLE[protocol]);
    expect(produced).toHaveLength(outcome === 'taken' ? 2 : 1);
    expect((await send(protocol)).status).toBe(WHOLE[protocol]);
  });

  it.each([
    ['over', -1, 503],
    ['at', 0, WHOLE[protocol]],
    ['under', 1, WHOLE[protocol]],
  ])('bytes of a push, %s the limit', async (_title, room, expected) => {
    const now = { ...defaultsOf(distributorFlags), inflightBytesMax: NEEDED[protocol] + room };
    const { send, produced, metric } = open({}, { instanceLimits: () => now });
    const { status, refusal } = await send(protocol);
    const isShed = expected === 503;
    expect([status, refusal]).toEqual([expected, isShed ? BYTES : '']);
    expect(produced).toHaveLength(isShed ? 0 : 1);
    expect(await metric(SHED)).toMatchObject(
      isShed
        ? [{ labels: { reason: 'distributor_max_inflight_push_requests_bytes' }, value: 1 }]
        : [],
    );
    // The limit is raised while the process runs.
    now.inflightBytesMax = 1_000_000;
    expect((await send(protocol)).status).toBe(WHOLE[protocol]);
    expect(await metric('cortex_distributor_instance_limits')).toContainEqual({
      labels: { limit: 'max_inflight_push_requests_bytes' },
      value: 1_000_000,
    });
  });

  it('no limit of bytes', async () => {
    const { send } = open({ inflightBytesMax: 0 });
    expect((await send(protocol)).status).toBe(WHOLE[protocol]);
  });

  // A fifth of what came in the first second is the average after it.
  it.each([
    ['under', 99, WHOLE[protocol]],
    ['at', 100, 503],
    ['over', 101, 503],
  ])('samples a second, %s the limit', async (_title, samples, expected) => {
    const { send, produced, advance, metric } = open({ ingestionRateMax: 20 });
    await send(protocol, samples);
    expect((await send(protocol, 0)).status).toBe(WHOLE[protocol]);
    advance(1_000);
    const before = produced.length;
    const { status, refusal } = await send(protocol);
    const isShed = expected === 503;
    expect([status, refusal]).toEqual([expected, isShed ? RATE : '']);
    expect(produced.length - before).toBe(isShed ? 0 : 1);
    expect(await metric(SHED)).toMatchObject(
      isShed ? [{ labels: { reason: 'distributor_max_ingestion_rate' }, value: 1 }] : [],
    );
    // It falls again.
    advance(1_000);
    expect((await send(protocol)).status).toBe(WHOLE[protocol]);
  });

  it('no limit of samples a second', async () => {
    const { send, advance } = open({ ingestionRateMax: 0 });
    await send(protocol, 500);
    advance(1_000);
    expect((await send(protocol)).status).toBe(WHOLE[protocol]);
  });
});

it('a push of 2.0 that is shed has written nothing, and says so', async () => {
  const { push } = setUp({ settings: { inflightBytesMax: 10 } });
  const answer = await push(remoteWrite2([many(1)]), { contentType: VERSION_2 });
  expect(answer.headers).toMatchObject({
    'x-prometheus-remote-write-samples-written': '0',
    'x-prometheus-remote-write-histograms-written': '0',
    'x-prometheus-remote-write-exemplars-written': '0',
    'retry-after': expect.stringMatching(/^[6-9]$/),
  });
});
