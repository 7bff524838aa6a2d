// GET /api/v1/freshness, and the headers that say how fresh an answer must be, through the routes.
import { defaultsOf } from '@weir/config';
import { createHttpServer, httpFlags, tenantOf } from '@weir/http';
import { limitsFlags } from '@weir/limits';
import type { ReadFreshness } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { createInlineExecutor } from './executor/inline-executor.ts';
import { createQuerier } from './querier.ts';
import { querierRoutes } from './querier-routes.ts';
import { querierFlags } from './querier-settings.ts';
import type { QueryRequest } from './query-request.ts';

const NOW_MS = 1_000_000;

function createApi(answers: readonly (readonly ReadFreshness[])[], level = 'eventual') {
  const telemetry = silentTelemetry();
  const clock = { ...systemClock, nowMs: () => NOW_MS };
  const settings = defaultsOf(querierFlags);
  const owners = answers.map((found) => ({
    partitions: found.map(({ partition }) => partition),
    port: {
      async *read() {
        yield Buffer.from(JSON.stringify(found));
      },
    },
  }));
  const catalog = { blocks: async () => [] };
  const parts = { owners: { owners: async () => owners }, catalog, clock, telemetry };
  const inline = createInlineExecutor(createQuerier(settings, parts));
  const seen: QueryRequest[] = [];
  const server = createHttpServer(defaultsOf(httpFlags), { telemetry, clock });
  const executor = {
    ...inline,
    execute(request: QueryRequest, signal: AbortSignal) {
      seen.push(request);
      return inline.execute(request, signal);
    },
  };
  querierRoutes(server, settings, executor, {
    tenantOf: (request) => tenantOf(request, { multitenancy: true, noAuthTenant: '' }),
    limitsFor: () => ({ ...defaultsOf(limitsFlags), readConsistency: level }),
    version: '',
    revision: '',
  });
  const get = async (url: string, headers: Record<string, string> = {}) => {
    const answer = await server.inject({ url, headers: { 'x-scope-orgid': 't', ...headers } });
    return { status: answer.statusCode, body: answer.json() };
  };
  return { get, seen, server };
}

describe('freshness', () => {
  it('is the worst lag and the newest sample of all partitions', async () => {
    const { get } = createApi([
      [
        { partition: 2, applied: 5, end: 8, lagMs: 2_500, newestSampleMs: NOW_MS - 4_000 },
        { partition: 0, applied: 7, end: 7, lagMs: 0, newestSampleMs: NOW_MS - 1_000 },
      ],
      [{ partition: 1, applied: 0, end: 0, lagMs: 0 }],
    ]);
    const { status, body } = await get('/api/v1/freshness');
    expect(status).toBe(200);
    expect(body.data).toEqual({
      time: '1970-01-01T00:16:40.000Z',
      lagSeconds: 2.5,
      lagRecords: 3,
      newestSample: '1970-01-01T00:16:39.000Z',
      sampleAgeSeconds: 1,
      partitions: [
        {
          ...{ partition: 0, appliedOffset: 7, endOffset: 7, lagSeconds: 0 },
          ...{ newestSample: '1970-01-01T00:16:39.000Z', sampleAgeSeconds: 1 },
        },
        {
          ...{ partition: 1, appliedOffset: 0, endOffset: 0, lagSeconds: 0 },
          ...{ newestSample: null, sampleAgeSeconds: null },
        },
        {
          ...{ partition: 2, appliedOffset: 5, endOffset: 8, lagSeconds: 2.5 },
          ...{ newestSample: '1970-01-01T00:16:36.000Z', sampleAgeSeconds: 4 },
        },
      ],
    });
  });

  it('says what it does not know', async () => {
    const { get } = createApi([[{ partition: 0, applied: 5, end: 8 }]]);
    const { data } = (await get('/api/v1/freshness')).body;
    expect([data.lagSeconds, data.lagRecords, data.newestSample]).toEqual([null, 3, null]);
  });

  it('needs a tenant', async () => {
    const { server } = createApi([]);
    expect((await server.inject({ url: '/api/v1/freshness' })).statusCode).toBe(401);
  });
});

describe('the consistency of a request', () => {
  it("is the header's, else the tenant's", async () => {
    const asked = async (level: string, headers: Record<string, string>) => {
      const { get, seen } = createApi([], level);
      await get('/prometheus/api/v1/labels', headers);
      return seen[0]?.consistency;
    };
    expect(await asked('eventual', {})).toEqual({ level: 'eventual' });
    expect(await asked('strong', {})).toEqual({ level: 'strong' });
    expect(await asked('eventual', { 'X-Read-Consistency': 'strong' })).toEqual({
      level: 'strong',
    });
    expect(await asked('strong', { 'X-Read-Consistency': 'eventual' })).toEqual({
      level: 'eventual',
    });
  });
});
