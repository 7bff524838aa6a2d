// The ingester's routes, over an ingester that only remembers what it was asked.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import type { TenantStats } from '@weir/head';
import { createHttpServer, httpFlags } from '@weir/http';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { encodeBlockMeta } from '@weir/tsdb/block';
import { describe, expect, it } from 'vitest';
import type { Grace } from './pages/tenant-data.ts';
import { type FlushRequest, registerRoutes } from './routes.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 4 * HOUR_MS;
const ULID = '01M7XXT90YV5YZPAQG18PYMNGR';
const json = { accept: 'application/json' };

interface Setup {
  readonly running?: boolean;
  readonly failure?: WeirError;
  readonly dir?: string;
  readonly grace?: Partial<Grace>;
  readonly head?: Partial<TenantStats>;
}

function serve({ running = true, failure, dir = '/x', grace, head: more }: Setup = {}) {
  const asked: FlushRequest[] = [];
  const server = createHttpServer(defaultsOf(httpFlags), {
    telemetry: silentTelemetry(),
    clock: systemClock,
  });
  const window = { tenant: 'a', minT: 0, maxT: 7_200_000, firstOffset: 0, lastOffset: 3 };
  const block = { ulid: ULID, dir, window };
  const head = { tenant: 'b', series: 2, eventTimeMs: 15_000, minTimeMs: 0, ...more };
  const partition = { position: 4, seriesCount: 2, damage: undefined };
  const ingester = {
    async flush(request: FlushRequest) {
      asked.push(request);
      if (failure) throw failure;
    },
    stats: async () => [
      { ...partition, partition: 0, tenants: [head], blocks: [block] },
      { ...partition, partition: 1, tenants: [{ ...head, series: 3 }], blocks: [] },
    ],
  };
  registerRoutes(server, ingester, {
    nowMs: () => NOW_MS,
    running: () => running,
    partitionCount: () => 3,
    uploadedMs: (number, ulid) => (number === 0 && ulid === ULID ? HOUR_MS : undefined),
    graceOf: () => ({ creationGraceMs: 0, pastGraceMs: 0, outOfOrderWindowMs: 0, ...grace }),
    tenantOf: ({ headers }) => String(headers['x-scope-orgid']),
  });
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
    expect((await serve({ running: false }).server.inject('/ingester/flush')).statusCode).toBe(503);
    const { server } = serve({ failure: new WeirError('unavailable', 'the bucket is down') });
    const answer = await server.inject('/ingester/flush?wait=true');
    expect([answer.statusCode, answer.body]).toEqual([503, 'the bucket is down']);
  });

  it('lists tenants of heads and blocks, as JSON and as a page', async () => {
    const { server } = serve();
    const url = '/ingester/tenants';
    expect((await server.inject({ url, headers: json })).json()).toEqual({
      Now: '1970-01-01T04:00:00.000Z',
      Tenants: [
        { Tenant: 'a', Blocks: 1, MinTime: '', MaxTime: '', Warning: '' },
        {
          ...{ Tenant: 'b', Blocks: 0, MinTime: '0', Warning: '' },
          MaxTime: '1970-01-01T00:00:15Z (15000)',
        },
      ],
    });
    const page = (await server.inject(url)).body;
    expect(page).toContain('<a href="/ingester/tsdb/b">b</a>');
    expect(page).toContain('1 partition is being opened');
  });

  it('warns of times at the limit plus one, not at it', async () => {
    const warning = async (setup: Setup) => {
      const { server } = serve(setup);
      const answer = await server.inject({ url: '/ingester/tenants', headers: json });
      return answer.json().Tenants[1].Warning;
    };
    const ahead = (ms: number) => ({
      grace: { creationGraceMs: 10 },
      head: { eventTimeMs: NOW_MS + ms },
    });
    expect(await warning(ahead(10))).toBe('');
    expect(await warning(ahead(11))).toBe('TSDB Head max timestamp too far in the future');
    const behind = (ms: number) => ({
      grace: { pastGraceMs: 10, outOfOrderWindowMs: 5 },
      head: { minTimeMs: NOW_MS - ms },
    });
    expect(await warning(behind(15))).toBe('');
    expect(await warning(behind(16))).toBe('TSDB Head min timestamp too far in the past');
    expect(await warning({ head: { minTimeMs: -1e15 } })).toBe('');
  });

  it('shows the head and blocks of one tenant', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-block-'));
    const meta = {
      ...{ version: 1 as const, ulid: ULID, minTime: 5, maxTime: 7000 },
      ...{ stats: { numSamples: 9, numSeries: 2 }, compaction: { level: 1, sources: [ULID] } },
    };
    await writeFile(join(dir, 'meta.json'), encodeBlockMeta(meta));
    const { server } = serve({ dir });
    const get = (tenant: string, headers = {}) =>
      server.inject({ url: `/ingester/tsdb/${tenant}`, headers });
    const [block] = (await get('a', json)).json().Blocks;
    expect(block).toEqual({
      ...{ ID: ULID, Partition: 0, OutOfOrder: false, Compaction: meta.compaction },
      ...{ MinTime: '1970-01-01T00:00:00Z (5)', MaxTime: '1970-01-01T00:00:07Z (7000)' },
      ...{ Stats: meta.stats, UploadedOn: '1970-01-01T01:00:00Z' },
    });
    const { Head, Partitions, Tenant } = (await get('b', json)).json();
    expect([Tenant, Head.NumSeries, Head.MinTime]).toEqual(['b', 5, '0']);
    expect(Partitions.map(({ NumSeries }: { NumSeries: number }) => NumSeries)).toEqual([2, 3]);
    expect((await get('a')).body).toContain(`<code>${ULID}</code>`);
    await rm(dir, { recursive: true });
    expect((await get('a', json)).json().Blocks[0]).toMatchObject({ ID: ULID, Stats: {} });
    const none = await get('c');
    expect([none.statusCode, none.body]).toEqual([404, 'TSDB not found for tenant c']);
  });

  it('tells the metrics of one tenant, or 404', async () => {
    const { server } = serve();
    const get = (tenant: string) =>
      server.inject({ url: '/ingester/tsdb_metrics', headers: { 'x-scope-orgid': tenant } });
    const lines = (await get('b')).body.split('\n').filter((line) => /^[a-z]/.test(line));
    expect(lines).toEqual([
      ...['prometheus_tsdb_head_series 5', 'prometheus_tsdb_head_min_time 0'],
      ...['prometheus_tsdb_head_max_time 15000', 'prometheus_tsdb_head_min_time_seconds 0'],
      ...['prometheus_tsdb_head_max_time_seconds 15', 'prometheus_tsdb_blocks_loaded 0'],
    ]);
    expect((await get('a')).body).toContain('prometheus_tsdb_blocks_loaded 1');
    expect((await get('a')).body).not.toContain('head_min_time');
    const none = await get('c');
    expect([none.statusCode, none.body]).toEqual([404, 'user registry not found\n']);
    const wrong = await server.inject({ method: 'POST', url: '/ingester/tsdb_metrics' });
    expect(wrong.statusCode).toBe(405);
  });
});
