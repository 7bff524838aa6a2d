// The ingester's routes, over an ingester that only remembers what it was asked.

import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createHttpServer, httpFlags } from '@weir/http';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { type FlushRequest, registerRoutes } from './routes.ts';

function serve(running = true, failure?: WeirError) {
  const asked: FlushRequest[] = [];
  const server = createHttpServer(defaultsOf(httpFlags), {
    telemetry: silentTelemetry(),
    clock: systemClock,
  });
  const window = { tenant: 'a', minT: 0, maxT: 7_200_000, firstOffset: 0, lastOffset: 3 };
  const block = { ulid: '01M7XXT90YV5YZPAQG18PYMNGR', dir: '/x', window };
  const head = { tenant: 'b', series: 2, eventTimeMs: 15_000, minTimeMs: 0 };
  const ingester = {
    async flush(request: FlushRequest) {
      asked.push(request);
      if (failure) throw failure;
    },
    stats: async () => [
      {
        ...{ partition: 0, position: 4, seriesCount: 2, damage: undefined },
        ...{ tenants: [head], blocks: [block] },
      },
    ],
  };
  registerRoutes(server, ingester, { nowMs: () => 0, running: () => running });
  return { server, asked };
}

describe('ingester routes', () => {
  it('flushes the tenants of query and form, and answers 204', async () => {
    const { server, asked } = serve();
    const answer = await server.inject({
      method: 'POST',
      url: '/ingester/flush?wait=true&tenant=a',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'tenant=b',
    });
    expect(answer.statusCode).toBe(204);
    expect(asked).toEqual([{ tenants: ['b', 'a'], wait: true }]);
  });

  it('answers 503 when not running, and the error of a flush that failed', async () => {
    expect((await serve(false).server.inject('/ingester/flush')).statusCode).toBe(503);
    const { server } = serve(true, new WeirError('unavailable', 'the bucket is down'));
    const answer = await server.inject('/ingester/flush?wait=true');
    expect([answer.statusCode, answer.body]).toEqual([503, 'the bucket is down']);
  });

  it('lists tenants of heads and blocks', async () => {
    const { server } = serve();
    const { Tenants } = (await server.inject('/ingester/tenants')).json();
    expect(Tenants).toMatchObject([
      { Tenant: 'a', Blocks: 1, MinTime: '' },
      { Tenant: 'b', Blocks: 0, MaxTime: '1970-01-01T00:00:15.000Z' },
    ]);
    const page = (await server.inject('/ingester/tsdb/a')).json();
    expect(page.Blocks).toMatchObject([{ ID: '01M7XXT90YV5YZPAQG18PYMNGR' }]);
    const none = await server.inject('/ingester/tsdb/c');
    expect([none.statusCode, none.body]).toEqual([404, 'TSDB not found for tenant c']);
  });
});
