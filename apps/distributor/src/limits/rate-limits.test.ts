// Rates of a tenant, and the size of one push: under, at and over each.
import { defaultsOf } from '@weir/config';
import type { TenantLimits } from '@weir/limits';
import { limitsFlags } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import { distributorFlags } from '../distributor-flags.ts';
import { NOW, type Setup, setUp } from '../push-fixture.ts';
import { createPushRates } from '../push-rates.ts';
import { ALL, answerTo, type Probe, type Protocol, remoteWrite1, WHOLE } from './limit-fixture.ts';

const contact = (...flags: string[]) =>
  `. To adjust the related per-tenant limits, configure ${flags.map((flag) => `-distributor.${flag}`).join(' and ')}, or contact your service administrator.`;
const TOTAL =
  '. This limit is applied on the total number of samples, exemplars and metadata received across all distributors (err-mimir-tenant-max-ingestion-rate)';
const ITEMS = contact('ingestion-rate-limit', 'ingestion-burst-size');
const overRate = (rate: number, burst: number) =>
  `the request has been rejected because the tenant exceeded the ingestion rate limit, set to ${rate} items/s with a maximum allowed burst of ${burst}${TOTAL}${ITEMS}`;
const overBurst = (burst: number, items: number) =>
  `the request has been rejected because the tenant exceeded the ingestion burst size limit, set to ${burst}, with ${items} items${TOTAL}${ITEMS}`;
const overRequests = (rate: number, burst: number) =>
  `the request has been rejected because the tenant exceeded the request rate limit, set to ${rate} requests/s across all distributors with a maximum allowed burst of ${burst} (err-mimir-tenant-max-request-rate)${contact('request-rate-limit', 'request-burst-size')}`;

const many = (count: number): Probe => ({
  metric: 'm',
  samples: Array.from({ length: count }, (_, at) => ({ value: at, timestamp: NOW + at })),
});

function open(limits: Partial<TenantLimits>, settings: Setup['settings'] = {}) {
  const made = setUp({ limits, settings: { influxEnabled: true, ...settings } });
  return {
    ...made,
    send: (protocol: Protocol, items: number) =>
      // OTLP counts one more for the metadata of its metric.
      answerTo(protocol, [many(protocol === 'OTLP' ? items - 1 : items)], made),
  };
}

describe.each(ALL)('items of a tenant, %s', (protocol) => {
  const limits = { ingestionRate: 10, ingestionBurstSize: 100 };

  it.each([99, 100])('%i items of a burst of 100', async (items) => {
    expect((await open(limits).send(protocol, items)).status).toBe(WHOLE[protocol]);
  });

  it('one item more than the burst', async () => {
    const { send, produced } = open(limits);
    const { status, refusal } = await send(protocol, 101);
    expect([status, refusal, produced.length]).toEqual([429, overBurst(100, 101), 0]);
  });

  it('what is left of the burst, and one more', async () => {
    const { send } = open(limits);
    await send(protocol, 90);
    const { status, refusal } = await send(protocol, 11);
    expect([status, refusal]).toEqual([429, overRate(10, 100)]);
    expect((await send(protocol, 10)).status).toBe(WHOLE[protocol]);
  });

  it('comes back at its rate', async () => {
    const { send, advance } = open(limits);
    await send(protocol, 100);
    advance(4_999);
    expect((await send(protocol, 50)).status).toBe(429);
    advance(1);
    expect((await send(protocol, 50)).status).toBe(WHOLE[protocol]);
  });

  it('a rate of 0 is no limit', async () => {
    const { send } = open({ ingestionRate: 0, ingestionBurstSize: 1 });
    expect((await send(protocol, 500)).status).toBe(WHOLE[protocol]);
  });

  it('a burst that is a multiple of the rate', async () => {
    const { send } = open({ ...limits, ingestionBurstFactor: 1.5 });
    expect((await send(protocol, 16)).refusal).toBe(overBurst(15, 16));
    expect((await send(protocol, 15)).status).toBe(WHOLE[protocol]);
  });
});

describe.each(ALL)('pushes of a tenant, %s', (protocol) => {
  it('as many as the burst, and one more', async () => {
    const { send, advance, metric } = open({ requestRate: 2, requestBurstSize: 3 });
    for (let push = 0; push < 3; push++) {
      expect((await send(protocol, 2)).status).toBe(WHOLE[protocol]);
    }
    const { status, refusal } = await send(protocol, 2);
    expect([status, refusal]).toEqual([429, overRequests(2, 3)]);
    expect(await metric('cortex_discarded_requests_total')).toMatchObject([
      { labels: { user: 'tenant', reason: 'rate_limited' }, value: 1 },
    ]);
    advance(499);
    expect((await send(protocol, 2)).status).toBe(429);
    advance(1);
    expect((await send(protocol, 2)).status).toBe(WHOLE[protocol]);
  });

  it('a rate of 0 is no limit', async () => {
    const { send } = open({ requestRate: 0, requestBurstSize: 0 });
    for (let push = 0; push < 5; push++) {
      expect((await send(protocol, 2)).status).toBe(WHOLE[protocol]);
    }
  });
});

describe('rates are shared among distributors, bursts are not', () => {
  const limits = {
    ...defaultsOf(limitsFlags),
    ...{ ingestionRate: 10, ingestionBurstSize: 100, requestRate: 10, requestBurstSize: 1 },
  };
  const metrics = { requestRateLimited: () => {}, shed: () => {} };

  it.each([
    [0, 1_000],
    [1, 1_000],
    [2, 2_000],
    [4, 4_000],
  ])('%i distributors: 10 items in %i ms', (count, passedMs) => {
    let nowMs = 0;
    const clock = { steadyMs: () => nowMs };
    const rates = createPushRates(defaultsOf(distributorFlags), {
      ...{ clock, metrics, distributors: () => count },
    });
    rates.take('t', limits, 100);
    nowMs = passedMs - 1;
    expect(() => rates.take('t', limits, 10)).toThrow(overRate(10, 100));
    nowMs = passedMs;
    rates.take('t', limits, 10);
    rates.enter('t', limits);
    nowMs += passedMs / 10 - 1;
    expect(() => rates.enter('t', limits)).toThrow(overRequests(10, 1));
    nowMs += 1;
    rates.enter('t', limits);
  });
});

describe('sizes', () => {
  const body = remoteWrite1([many(50)]);
  const size = (bytes: number, kind: string, limit: number) =>
    `the incoming push request has been rejected because its message size of ${bytes} bytes (${kind}) is larger than the allowed limit of ${limit} bytes (err-mimir-distributor-max-write-message-size). To adjust the related limit, configure -distributor.max-recv-msg-size, or contact your service administrator.`;
  /** Snappy says first how much it is. */
  const plainBytes = (body[0]! & 127) | (body[1]! << 7);

  it.each([
    ['over the limit', plainBytes - 1, size(plainBytes, 'uncompressed', plainBytes - 1)],
    ['at the limit', plainBytes, ''],
    ['under the limit', plainBytes + 1, ''],
    [
      'compressed, over the limit',
      body.length - 1,
      size(body.length, 'compressed', body.length - 1),
    ],
    ['compressed, at the limit', body.length, size(plainBytes, 'uncompressed', body.length)],
  ])('remote write: %s', async (_title, recvMessageBytesMax, text) => {
    const answer = await setUp({ settings: { recvMessageBytesMax } }).push(body);
    expect([answer.status, answer.body]).toEqual([text === '' ? 200 : 400, text]);
  });

  it.each(['OTLP', 'line protocol'] as const)('%s: at the limit and over it', async (protocol) => {
    const [flag, setting, name] =
      protocol === 'OTLP'
        ? (['max-otlp-request-size', 'otlpRequestBytesMax', 'OTLP'] as const)
        : (['max-influx-request-size', 'influxRequestBytesMax', 'Influx'] as const);
    const push = (limit: number) => open({}, { [setting]: limit }).send(protocol, 2);
    const over = await push(10);
    const bytes = Number(/message size of (\d+) bytes/.exec(over.refusal)?.[1]);
    expect([over.status, over.refusal]).toEqual([
      413,
      `the incoming ${name} request has been rejected because its message size of ${bytes} bytes (compressed) is larger than the allowed limit of 10 bytes (err-mimir-distributor-${flag}). To adjust the related limit, configure -distributor.${flag}, or contact your service administrator.`,
    ]);
    expect((await push(bytes - 1)).status).toBe(413);
    expect((await push(bytes)).status).toBe(WHOLE[protocol]);
  });
});
