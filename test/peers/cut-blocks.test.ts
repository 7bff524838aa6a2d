// Blocks that a running Weir cut, of everything a series can carry: floats, native histograms of every kind,
// both in one series, staleness markers, and samples out of order, also of windows that were cut before.
// promtool must dump what was pushed, no sample twice, and a Prometheus on these blocks must answer it.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeHistogram } from '@weir/wire/log-record';
import { afterEach, describe, expect, it } from 'vitest';
import {
  difference,
  type HistogramSeries,
  histogramData,
  isClose,
  SAMPLES,
  START_MS,
  STEP_MS,
  seen,
  type TimedValue,
} from '../support/histogram-data.ts';
import {
  type ApiHistogram,
  parseApi,
  parseHistogram,
  parseNumber,
} from '../support/printed-histogram.ts';
import { query, queryRange } from '../support/prometheus-api.ts';
import { servePrometheus } from '../support/prometheus-process.ts';
import { push } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const MINUTE_MS = 60_000;
const WINDOW_MS = 120 * MINUTE_MS;
const TENANT = 'test';
const OUTPUT_MAX_BYTES = 256 * 1024 * 1024;
/** Samples of a series in one request. */
const BATCH = 10;
const run = promisify(execFile);

/** From the 100th minute of a window to the 55th of the next. */
const windowMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS - 3 * WINDOW_MS;
const startMs = windowMs + 100 * MINUTE_MS;
const endMs = startMs + (SAMPLES - 1) * STEP_MS;

/** Sorted by labels. */
function allData(): HistogramSeries[] {
  const floats = [1, 2, 3].map((index) => ({
    labels: { __name__: 'floats_total', kind: `f${index}` },
    samples: Array.from(
      { length: SAMPLES },
      (_, n): TimedValue => [startMs + n * STEP_MS + index, n * index * 0.3],
    ),
  }));
  const shiftMs = startMs - START_MS;
  const histograms = histogramData().map(({ labels, samples }) => ({
    labels,
    samples: samples.map(([t, value]): TimedValue => [t + shiftMs, value]),
  }));
  return [...floats, ...histograms];
}

const data = allData();

type Wanted = (n: number) => boolean;
const isLate: Wanted = (n) => n % 5 === 0;
const isInOrder: Wanted = (n) => n % 5 !== 0;

/** Pushes the wanted ones of the samples of [from, to), some at a time, as time goes. */
async function pushSome(weir: WeirProcess, wanted: Wanted, from = 0, to = SAMPLES): Promise<void> {
  for (let first = from; first < to; first += BATCH) {
    const isNow = (t: number) => {
      const n = Math.floor((t - startMs) / STEP_MS);
      return n >= first && n < Math.min(to, first + BATCH) && wanted(n);
    };
    const series = data.map(({ labels, samples }) => {
      const floats: [number, number][] = [];
      const histograms: Uint8Array[] = [];
      for (const [t, value] of samples) {
        if (!isNow(t)) continue;
        if (typeof value === 'number') floats.push([t, value]);
        else histograms.push(encodeHistogram({ t, startT: 0, histogram: value }));
      }
      return { labels, samples: floats, histograms };
    });
    const { status, body } = await push(weir.base, series);
    expect([status, body]).toEqual([200, '']);
  }
}

async function discarded(weir: WeirProcess): Promise<unknown> {
  const response = await fetch(`${weir.base}/api/v1/discarded`, {
    headers: { 'x-scope-orgid': TENANT },
  });
  return ((await response.json()) as { data: { reasons: unknown } }).data.reasons;
}

/** What differs between the lines of a dump and the data; the series `advance` is left out. */
function compareDump(stdout: string): string[] {
  const lines = stdout.trimEnd().split('\n').sort();
  const found = new Map<string, string>();
  const problems: string[] = [];
  for (const line of lines) {
    if (line.startsWith('{__name__="advance"')) continue;
    const at = line.lastIndexOf(' ');
    const split = line.indexOf('} ') + 1;
    const key = `${line.slice(0, split)} ${line.slice(at + 1)}`;
    if (found.has(key)) problems.push(`${key} is there twice`);
    found.set(key, line.slice(split + 1, at));
  }
  for (const { labels, samples } of data) {
    for (const [t, value] of samples) {
      const key = `{__name__="${labels.__name__}", kind="${labels.kind}"} ${t}`;
      const body = found.get(key);
      found.delete(key);
      const problem =
        body === undefined
          ? 'is missing'
          : typeof value === 'number'
            ? body === String(value)
              ? undefined
              : `${body}, not ${value}`
            : difference(parseHistogram(body), seen(value));
      if (problem) problems.push(`${key}: ${problem}`);
    }
  }
  return [...problems, ...[...found.keys()].map((key) => `${key} was never pushed`)];
}

/** What differs between raw samples that a Prometheus answers and the data. */
async function compareRaw(base: string): Promise<string[]> {
  const problems: string[] = [];
  for (const { labels, samples } of data) {
    const selector = `${labels.__name__}{kind="${labels.kind}"}[90m]`;
    const { result } = await query(base, selector, endMs + STEP_MS);
    const [series] = result as {
      values?: [number, string][];
      histograms?: [number, ApiHistogram][];
    }[];
    const floats = new Map(series?.values?.map(([t, v]) => [Math.round(t * 1000), parseNumber(v)]));
    const histograms = new Map(
      series?.histograms?.map(([t, h]) => [Math.round(t * 1000), parseApi(h)]),
    );
    const live = samples.filter(([, value]) => typeof value === 'number' || !value.isStale);
    if (floats.size + histograms.size !== live.length) {
      problems.push(`${selector}: ${floats.size} floats, ${histograms.size} histograms`);
    }
    for (const [t, value] of live) {
      const problem =
        typeof value === 'number'
          ? floats.get(t) === value
            ? undefined
            : `${floats.get(t)}, not ${value}`
          : difference(histograms.get(t), seen(value));
      if (problem) problems.push(`${selector} at ${t}: ${problem}`);
    }
  }
  return problems;
}

/** Every series of the data as it is answered raw and at steps. */
async function answersOf(base: string, range: Parameters<typeof queryRange>[2]): Promise<unknown> {
  const raw = [];
  for (const { labels } of data) {
    const selector = `${labels.__name__}{kind="${labels.kind}"}[90m]`;
    raw.push(await query(base, selector, endMs + STEP_MS));
  }
  return { raw, stepped: await queryRange(base, '{kind!=""}', range) };
}

describe('blocks that a running Weir cut', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  async function start(...flags: string[]) {
    const directory = await mkdtemp(join(tmpdir(), 'weir-cut-'));
    stops.push(() => rm(directory, { recursive: true, force: true }));
    const weir = new WeirProcess({
      port: await freePort(),
      flags: [
        '-target=all',
        `-data-dir=${join(directory, 'weir')}`,
        '-log.level=warn',
        '-blocks-storage.tsdb.head-compaction-interval=1s',
        '-blocks-storage.tsdb.ship-interval=1s',
        '-blocks-storage.bucket-store.sync-interval=1s',
        ...flags,
      ],
    });
    await weir.start();
    stops.push(() => weir.stop());
    return { weir, blocks: join(directory, 'weir', 'blocks', TENANT), directory };
  }

  async function shipped(blocks: string): Promise<number> {
    const names = await readdir(blocks).catch(() => []);
    return names.length;
  }

  /** Ships the rest; all blocks as promtool and as a Prometheus see them; the same from Weir itself. */
  async function compareAll(weir: WeirProcess, blocks: string, directory: string): Promise<void> {
    const flush = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
    expect(flush.status).toBe(204);
    expect(await discarded(weir)).toEqual([]);
    const tsdb = join(directory, 'tsdb');
    await cp(blocks, tsdb, { recursive: true });
    await mkdir(join(tsdb, 'wal'));
    const binary = process.env.WEIR_PROMTOOL;
    if (!binary) throw new Error('WEIR_PROMTOOL is not set: run npm run test:peers');
    const options = { maxBuffer: OUTPUT_MAX_BYTES };
    const { stdout } = await run(binary, ['tsdb', 'dump', tsdb], options);
    expect(compareDump(stdout).slice(0, 10)).toEqual([]);

    const prometheus = await servePrometheus({ data: tsdb });
    stops.push(() => prometheus.stop());
    expect((await compareRaw(prometheus.base)).slice(0, 10)).toEqual([]);
    const range = { startMs: startMs + 5 * MINUTE_MS, endMs, stepMs: MINUTE_MS };
    expect(await answersOf(`${weir.base}/prometheus`, range)).toEqual(
      await answersOf(prometheus.base, range),
    );
    const expression = 'sum by (kind) (rate(floats_total[5m]))';
    const theirs = await queryRange(prometheus.base, expression, range);
    const ours = await queryRange(`${weir.base}/prometheus`, expression, range);
    expect(ours.map(({ metric }) => metric)).toEqual(theirs.map(({ metric }) => metric));
    expect(theirs.length).toBe(3);
    for (const [at, { values }] of theirs.entries()) {
      expect(ours[at]!.values.length).toBe(values.length);
      for (const [step, [t, value]] of values.entries()) {
        const [ourT, ourValue] = ours[at]!.values[step]!;
        expect([ourT, isClose(Number(ourValue), Number(value))]).toEqual([t, true]);
      }
    }
  }

  it('hold samples that came out of order before the cut, once', async () => {
    const { weir, blocks, directory } = await start();
    for (let from = 0; from < SAMPLES; from += 100) {
      await pushSome(weir, isInOrder, from, from + 100);
      await pushSome(weir, isLate, from, from + 100);
      // A sender's repetition.
      await pushSome(weir, (n) => n % 10 === 0, from, from + 100);
    }
    await compareAll(weir, blocks, directory);
    expect(await shipped(blocks)).toBeGreaterThanOrEqual(2);
  });

  it('hold those of windows that were cut before, within an out-of-order window of 4 h', async () => {
    const { weir, blocks, directory } = await start('-ingester.out-of-order-time-window=4h');
    await pushSome(weir, isInOrder);
    const advance = { labels: { __name__: 'advance' } };
    const timeMs = windowMs + 330 * MINUTE_MS;
    expect((await push(weir.base, [{ ...advance, samples: [[timeMs, 1]] }])).status).toBe(200);
    await expect.poll(() => shipped(blocks), { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
    const before = await shipped(blocks);
    await pushSome(weir, isLate);
    await pushSome(weir, (n) => n % 10 === 0);
    await compareAll(weir, blocks, directory);
    expect(await shipped(blocks)).toBeGreaterThan(before);
  });
});
