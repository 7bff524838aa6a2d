// Weir as one process, as `npm start` runs it: push, query, restart, flush, lost disk, and bad input.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  api,
  query,
  queryRange,
  rawSamples,
  type VectorSeries,
} from '../support/prometheus-api.ts';
import { push, type TestSeries } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const STEP_MS = 15_000;
const STEPS = 40;

function counters(startMs: number, count: number): TestSeries[] {
  return Array.from({ length: count }, (_, index) => ({
    labels: { __name__: 'requests_total', instance: `i-${index}`, job: `job-${index % 3}` },
    samples: Array.from(
      { length: STEPS },
      (_, step) => [startMs + step * STEP_MS, step * (index + 1)] as const,
    ),
  }));
}

describe('one process', () => {
  let directory: string;
  let weir: WeirProcess;
  let startMs: number;
  let prometheus: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-one-'));
    weir = new WeirProcess({
      port: await freePort(),
      flags: ['-target=all', `-data-dir=${directory}`, '-log.level=warn'],
    });
    await weir.start();
    prometheus = `${weir.base}/prometheus`;
    startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - STEPS * STEP_MS;
  });

  afterEach(async () => {
    await weir.stop();
    await rm(directory, { recursive: true });
  });

  it('answers a query with what was pushed before the answer', async () => {
    const answer = await push(weir.base, counters(startMs, 9));
    expect(answer).toMatchObject({ status: 200, body: '' });
    const endMs = startMs + (STEPS - 1) * STEP_MS;
    const { result } = await query(prometheus, 'sum by (job)(rate(requests_total[5m]))', endMs);
    const values = (result as VectorSeries[]).map(({ metric, value }) => [metric.job, value[1]]);
    expect(values.map(([job]) => job).sort()).toEqual(['job-0', 'job-1', 'job-2']);
    expect(Number(values.find(([job]) => job === 'job-0')![1])).toBeCloseTo((1 + 4 + 7) / 15, 9);
    const range = { startMs: endMs - 60_000, endMs, stepMs: STEP_MS };
    const matrix = await queryRange(prometheus, 'requests_total{instance="i-1"}', range);
    expect(matrix[0]!.values.map(([, value]) => value)).toEqual(['70', '72', '74', '76', '78']);
  });

  it('answers labels, label values, series and build information', async () => {
    await push(weir.base, counters(startMs, 3));
    const get = async (path: string, parameters = {}) =>
      (await api(prometheus, path, parameters)).data;
    expect(await get('/api/v1/labels')).toEqual(['__name__', 'instance', 'job']);
    expect(await get('/api/v1/label/instance/values')).toEqual(['i-0', 'i-1', 'i-2']);
    expect(await get('/api/v1/series', { 'match[]': 'requests_total{job="job-1"}' })).toEqual([
      { __name__: 'requests_total', instance: 'i-1', job: 'job-1' },
    ]);
    expect(await get('/api/v1/status/buildinfo')).toMatchObject({ application: 'Grafana Mimir' });
  });

  it('keeps everything over a graceful restart', async () => {
    await push(weir.base, counters(startMs, 3), { version: 2 });
    expect(await weir.stop()).toBe(0);
    await weir.start();
    const samples = await rawSamples(prometheus, 'requests_total', '1h', Date.now());
    expect(samples.map(({ values }) => values.length)).toEqual([STEPS, STEPS, STEPS]);
  });

  it('keeps everything when flushed, and when the ingester loses its disk after that', async () => {
    await push(weir.base, counters(startMs, 3));
    const before = await rawSamples(prometheus, 'requests_total', '1h', Date.now());
    const flush = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
    expect(flush.status).toBe(204);
    const blocks = await readdir(join(directory, 'blocks', 'test'));
    expect(blocks.length).toBeGreaterThan(0);
    expect(existsSync(join(directory, 'blocks', 'test', blocks[0]!, 'index'))).toBe(true);
    expect(await rawSamples(prometheus, 'requests_total', '1h', Date.now())).toEqual(before);
    await push(weir.base, [
      { labels: { __name__: 'later_total' }, samples: [[startMs + STEPS * STEP_MS, 7]] },
    ]);
    await weir.stop();
    await rm(join(directory, 'tsdb'), { recursive: true });
    await weir.start();
    expect(await rawSamples(prometheus, 'requests_total', '1h', Date.now())).toEqual(before);
    const later = await rawSamples(prometheus, 'later_total', '1h', Date.now());
    expect(later[0]!.values.map(([, value]) => value)).toEqual(['7']);
  });

  it('keeps tenants apart', async () => {
    await push(weir.base, counters(startMs, 2), { tenant: 'a' });
    expect(await rawSamples(prometheus, 'requests_total', '1h', Date.now(), 'b')).toEqual([]);
    expect(await rawSamples(prometheus, 'requests_total', '1h', Date.now(), 'a')).toHaveLength(2);
  });

  it('answers bad input with a 4xx that says what is wrong', async () => {
    const post = (headers: Record<string, string>, body: string) =>
      fetch(`${weir.base}/api/v1/push`, { method: 'POST', headers, body });
    const noTenant = await post({}, 'x');
    expect([noTenant.status, await noTenant.text()]).toEqual([401, 'no org id\n']);
    const text = await post({ 'x-scope-orgid': 'test', 'content-type': 'text/plain' }, 'x');
    expect(text.status).toBe(415);
    const noSnappy = await post(
      { 'x-scope-orgid': 'test', 'content-type': 'application/x-protobuf' },
      'x',
    );
    expect(noSnappy.status).toBe(400);
    expect(await noSnappy.text()).not.toBe('');
    const parse = await api(prometheus, '/api/v1/query', { query: 'sum(' });
    expect(parse).toMatchObject({ status: 'error', errorType: 'bad_data' });
    expect(parse.error).toMatch(/^invalid parameter "query": 1:5: parse error: /);
    const missing = await fetch(`${weir.base}/nothing/here`);
    expect(missing.status).toBe(404);
  });

  it('shows its pages', async () => {
    const text = async (path: string, accept = '*/*') => {
      const response = await fetch(weir.base + path, { headers: { accept } });
      expect(response.status, path).toBe(200);
      return response.text();
    };
    expect(await text('/')).toContain('/services');
    expect(await text('/config')).toContain('http_listen_port');
    expect(await text('/services', 'application/json')).toContain('"status":"Running"');
    expect(await text('/ready')).toBe('ready');
    await push(weir.base, counters(startMs, 2));
    const metrics = await text('/metrics');
    expect(metrics).toContain('cortex_distributor_received_samples_total');
    expect(metrics).toContain('cortex_ingester_memory_series');
    expect(metrics).toContain('cortex_request_duration_seconds_bucket');
  });
});
