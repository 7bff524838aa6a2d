// A real Prometheus 3 that scrapes native histograms (its own, and classic ones made into custom buckets),
// exemplars and created timestamps sends all of it to Weir by remote write 1.0 and 2.0. What promtool
// dumps of Weir's blocks must be what it dumps of Prometheus's own data, and query_exemplars must answer
// the same. Prometheus sends no sample from before it watches its log (the zeros it made of created
// timestamps), and no custom buckets by 1.0.
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type MetricsApp, startMetricsApp } from '../support/metrics-app.ts';
import { startPrometheus } from '../support/prometheus-process.ts';
import { dumpBlocks, timeOf } from '../support/promtool.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const SECONDS = Math.min(20, Number(process.env.WEIR_PEER_SECONDS ?? 20));
const TENANT = 'peer';

interface SeriesExemplars {
  readonly seriesLabels: Readonly<Record<string, string>>;
  readonly exemplars: readonly object[];
}

async function exemplars(
  base: string,
  query: string,
  [start, end]: readonly [number, number],
): Promise<SeriesExemplars[]> {
  const params = new URLSearchParams({ query, start: String(start), end: String(end) });
  const response = await fetch(`${base}/api/v1/query_exemplars?${params}`, {
    headers: { 'x-scope-orgid': TENANT },
  });
  const { status, data } = (await response.json()) as { status: string; data: SeriesExemplars[] };
  expect(status).toBe('success');
  return [...data].sort((a, b) =>
    JSON.stringify(a.seriesLabels) < JSON.stringify(b.seriesLabels) ? -1 : 1,
  );
}

async function metric(base: string, name: string): Promise<number> {
  const text = await (await fetch(`${base}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

const isHistogram = (line: string) => /\} \{count:/.test(line);

describe('native histograms, exemplars and start times of a real Prometheus 3', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  async function start(version: 1 | 2, features: readonly string[]) {
    const directory = await mkdtemp(join(tmpdir(), 'weir-rich-'));
    stops.push(() => rm(directory, { recursive: true, force: true }));
    const app: MetricsApp = await startMetricsApp();
    stops.push(() => app.stop());
    const weir = new WeirProcess({
      port: await freePort(),
      flags: ['-target=all', `-data-dir=${join(directory, 'weir')}`, '-log.level=warn'],
    });
    await weir.start();
    stops.push(() => weir.stop());
    const data = join(directory, 'prometheus');
    const prometheus = await startPrometheus({
      scrape: [],
      remoteWrite: [{ url: `${weir.base}/api/v1/push`, version }],
      tenant: TENANT,
      rich: { features, app: app.address, data },
    });
    const readyMs = Date.now();
    let running = true;
    const stopPrometheus = async () => {
      if (running) await prometheus.stop();
      running = false;
    };
    stops.push(stopPrometheus);
    return { directory, app, weir, prometheus, data, readyMs, stopPrometheus };
  }

  async function flushed(weir: WeirProcess, directory: string): Promise<string[]> {
    const flush = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
    expect(flush.status).toBe(204);
    const blocks = join(directory, 'tsdb');
    await cp(join(directory, 'weir', 'blocks', TENANT), blocks, { recursive: true });
    expect((await readdir(blocks)).length).toBeGreaterThan(0);
    return dumpBlocks(blocks);
  }

  const cases: [1 | 2, readonly string[]][] = [
    [1, ['exemplar-storage', 'created-timestamp-zero-ingestion']],
    [2, ['exemplar-storage', 'created-timestamp-zero-ingestion']],
  ];
  it.each(cases)('arrive by remote write %d.0 as they are there', async (version, features) => {
    const { directory, weir, prometheus, data, readyMs, stopPrometheus } = await start(
      version,
      features,
    );
    await sleep(SECONDS * 1000);
    expect(await metric(prometheus.base, 'prometheus_remote_storage_histograms_failed_total')).toBe(
      0,
    );
    expect(await metric(prometheus.base, 'prometheus_remote_storage_exemplars_failed_total')).toBe(
      0,
    );

    // Prometheus sends what it has left before it ends.
    await stopPrometheus();
    const isSent = (line: string) =>
      timeOf(line) >= readyMs && (version === 2 || !line.includes('"app_seconds"'));
    const kept = (await flushed(weir, directory)).filter(isSent);
    const wanted = (await dumpBlocks(data)).filter(isSent);
    expect(wanted.filter(isHistogram).length).toBeGreaterThan(20);
    expect(wanted.some((line) => line.includes('"app_seconds"'))).toBe(version === 2);
    const missing = new Set(wanted);
    for (const line of kept) missing.delete(line);
    expect([...missing].slice(0, 10)).toEqual([]);
    expect(kept).toEqual(wanted);
  });

  it.each([1, 2] as const)('exemplars of %d.0 are told as there', async (version) => {
    const { weir, prometheus, readyMs } = await start(version, ['exemplar-storage']);
    await sleep(SECONDS * 1000);
    // From before it follows the end of its log Prometheus sends none; by 1.0 no custom buckets, without
    // which their series isn't there.
    const range = [readyMs / 1000 + 3, Date.now() / 1000 - 4] as const;
    const query = version === 1 ? 'app_requests_total' : '{job="app"}';
    const [ours, theirs] = [
      await exemplars(`${weir.base}/prometheus`, query, range),
      await exemplars(prometheus.base, query, range),
    ];
    expect(theirs.length).toBe(version === 1 ? 1 : 2);
    expect(ours).toEqual(theirs);
  });

  it('start times of 2.0 become zeros where the counting began', async () => {
    const features = ['exemplar-storage', 'st-storage'];
    const { directory, app, weir, stopPrometheus } = await start(2, features);
    await sleep(SECONDS * 1000);
    await stopPrometheus();
    const lines = await flushed(weir, directory);
    const createdMs = app.createdSeconds * 1000;
    const first = (name: string) =>
      lines
        .filter((line) => line.includes(`__name__="${name}"`))
        .sort(
          (a, b) => Number(a.slice(a.lastIndexOf(' '))) - Number(b.slice(b.lastIndexOf(' '))),
        )[0];
    expect(first('app_requests_total')).toMatch(new RegExp(` 0 ${createdMs}$`));
    expect(first('app_seconds')).toMatch(new RegExp(`\\{count:0, sum:0.* ${createdMs}$`));
  });
});
