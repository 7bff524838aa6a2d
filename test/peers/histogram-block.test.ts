// Native histograms between Weir's blocks and a real Prometheus 3, both ways. A block that Weir wrote:
// promtool dumps the data, and Prometheus answers from it what the data says. A block that Prometheus
// wrote, from the same data pushed to it: Weir reads the data.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compareBytes, utf8 } from '@weir/bytes';
import { createMatcher, decodeLabels, labelsOf, SampleColumns } from '@weir/model';
import { type BlockSeries, decodeBlockMeta, openBlock, writeBlock } from '@weir/tsdb/block';
import {
  CHUNK_XOR,
  type Chunk,
  decodeXorChunk,
  encodeXorChunk,
  HistogramChunk,
  readHistogramChunk,
} from '@weir/tsdb/chunk';
import { mergeChunks } from '@weir/tsdb/merge';
import { encodeHistogram } from '@weir/wire/log-record';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockSink } from '../support/block-sink.ts';
import {
  difference,
  type HistogramSeries,
  histogramData,
  isClose,
  quantileOf,
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
import { type PrometheusProcess, servePrometheus } from '../support/prometheus-process.ts';
import { encodeWriteRequest } from '../support/remote-write.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const CHUNK_SAMPLES = 120;
const END_MS = START_MS + (SAMPLES - 1) * STEP_MS;
const LOOKBACK_MS = 300_000;
const run = promisify(execFile);
const data = histogramData();

/** Chunks as a head makes them: a new one at 120 samples, or where the open one can't go on. */
function chunksOf(samples: readonly TimedValue[]): Chunk[] {
  const out: Chunk[] = [];
  let floats: (readonly [number, number])[] = [];
  let open_: HistogramChunk | undefined;
  const close = () => {
    if (floats.length > 0) out.push(floatChunk(floats));
    if (open_) {
      const { minT, maxT, encoding } = open_;
      out.push({ minT, maxT, encoding, bytes: open_.bytes() });
    }
    floats = [];
  };
  for (const [t, value] of samples) {
    if (typeof value === 'number') {
      if (open_ || floats.length === CHUNK_SAMPLES) close();
      open_ = undefined;
      floats.push([t, value]);
    } else if (!(open_ && open_.count < CHUNK_SAMPLES && open_.tryAppend(t, value))) {
      close();
      open_ = HistogramChunk.start(value.isFloat, open_);
      open_.tryAppend(t, value);
    }
  }
  close();
  return out;
}

function floatChunk(samples: readonly (readonly [number, number])[]): Chunk {
  const t = Float64Array.from(samples, ([time]) => time);
  const v = Float64Array.from(samples, ([, value]) => value);
  const bytes = encodeXorChunk(t, v, 0, t.length);
  return { minT: t[0]!, maxT: t.at(-1)!, encoding: CHUNK_XOR, bytes };
}

/** Every fifth sample comes late, in chunks of its own, and half of the others twice. */
function lateChunks(samples: readonly TimedValue[]): readonly Chunk[] {
  const inOrder = samples.filter((_, n) => n % 5 !== 0);
  const late = samples.filter((_, n) => n % 5 === 0);
  const again = samples.filter((_, n) => n % 5 === 1 && n < 150);
  return mergeChunks([...chunksOf(inOrder), ...chunksOf(late), ...chunksOf(again)]);
}

const name = ({ labels }: HistogramSeries) => labels.__name__!;

async function writeOurBlock(directory: string): Promise<void> {
  // The same data twice, once as it comes and once merged from what came late.
  const series = data.flatMap(({ labels, samples }): BlockSeries[] => [
    { labels: labelsOf({ ...labels, way: 'late' }), chunks: lateChunks(samples) },
    { labels: labelsOf({ ...labels, way: 'ordered' }), chunks: chunksOf(samples) },
  ]);
  const texts = new Set(['']);
  for (const { labels } of series) {
    for (const label of decodeLabels(labels)) texts.add(label.name).add(label.value);
  }
  await writeBlock(blockSink(directory), {
    ulid: ULID,
    minTime: START_MS,
    maxTime: START_MS + 7_200_000,
    symbols: [...texts].map(utf8).sort(compareBytes),
    series: (async function* () {
      yield series;
    })(),
  });
}

/** What an instant query sees at a time: the newest sample of the last five minutes. */
function valueAt(samples: readonly TimedValue[], timeMs: number): TimedValue[1] | undefined {
  const found = samples.findLast(([t]) => t <= timeMs);
  if (!found || found[0] <= timeMs - LOOKBACK_MS) return undefined;
  const [, value] = found;
  return typeof value !== 'number' && value.isStale ? undefined : value;
}

/** What differs between the range query `expression(series)` and `wanted` at each step. */
async function compareRange(
  base: string,
  expression: (selector: string) => string,
  wanted: (value: TimedValue[1]) => number | undefined,
): Promise<string[]> {
  const problems: string[] = [];
  for (const one of data) {
    for (const way of ['ordered', 'late']) {
      const text = expression(`${name(one)}{way="${way}"}`);
      const range = { startMs: START_MS, endMs: END_MS, stepMs: STEP_MS };
      const [answer] = await queryRange(base, text, range);
      const points = new Map(answer?.values.map(([t, value]) => [t * 1000, parseNumber(value)]));
      for (let t = START_MS; t <= END_MS; t += STEP_MS) {
        const value = valueAt(one.samples, t);
        const want = value === undefined ? undefined : wanted(value);
        const got = points.get(t);
        const same =
          got === undefined || want === undefined ? got === want : isClose(got, want, 1e-9);
        if (!same) problems.push(`${text} at ${t}: ${got}, not ${want}`);
      }
    }
  }
  return problems.slice(0, 10);
}

describe('a block of Weir with native histograms', () => {
  let directory = '';
  let prometheus: PrometheusProcess | undefined;

  beforeAll(async () => {
    if (process.env.WEIR_PROMTOOL === undefined) {
      throw new Error('WEIR_PROMTOOL is not set: run this through `npm run test:peers`');
    }
    directory = await mkdtemp(join(tmpdir(), 'weir-histograms-'));
    await mkdir(join(directory, 'wal'));
    await writeOurBlock(join(directory, ULID));
  });
  afterAll(async () => {
    await prometheus?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('is dumped by promtool as the data says', async () => {
    const options = { maxBuffer: 1 << 28 };
    const { stdout } = await run(process.env.WEIR_PROMTOOL!, ['tsdb', 'dump', directory], options);
    const lines = stdout.trimEnd().split('\n');
    const problems: string[] = [];
    let at = 0;
    for (const { labels, samples } of data) {
      for (const way of ['late', 'ordered']) {
        const printed = decodeLabels(labelsOf({ ...labels, way }));
        const prefix = `{${printed.map((label) => `${label.name}="${label.value}"`).join(', ')}} `;
        for (const [t, value] of samples) {
          const line = lines[at++] ?? '';
          const body = line.slice(prefix.length, line.lastIndexOf(' '));
          const isHere = line.startsWith(prefix) && line.endsWith(` ${t}`);
          const problem = !isHere
            ? 'is not the sample wanted'
            : typeof value === 'number'
              ? body === String(value)
                ? undefined
                : `not ${value}`
              : difference(parseHistogram(body), seen(value));
          if (problem) problems.push(`${line}: ${prefix}${t} ${problem}`);
        }
      }
    }
    expect(problems.slice(0, 10)).toEqual([]);
    expect(lines.length).toBe(at);
  });

  it('is served by Prometheus: counts, sums and quantiles at each step', async () => {
    prometheus ??= await servePrometheus({ data: directory });
    const { base } = prometheus;
    const ofHistogram =
      (get: (h: Exclude<TimedValue[1], number>) => number) => (value: TimedValue[1]) =>
        typeof value === 'number' ? undefined : get(value);
    expect(
      await compareRange(
        base,
        (s) => `histogram_count(${s})`,
        ofHistogram((h) => h.count),
      ),
    ).toEqual([]);
    expect(
      await compareRange(
        base,
        (s) => `histogram_sum(${s})`,
        ofHistogram((h) => h.sum),
      ),
    ).toEqual([]);
    for (const q of [0.2113, 0.5171, 0.9137]) {
      const wanted = ofHistogram((h) => quantileOf(q, h));
      expect(await compareRange(base, (s) => `histogram_quantile(${q}, ${s})`, wanted)).toEqual([]);
    }
  });

  it('is served by Prometheus: raw samples and resets', async () => {
    prometheus ??= await servePrometheus({ data: directory });
    const problems: string[] = [];
    for (const one of data) {
      for (const way of ['ordered', 'late']) {
        const selector = `${name(one)}{way="${way}"}[2h]`;
        const { result } = await query(prometheus.base, selector, END_MS);
        const [series] = result as {
          values?: [number, string][];
          histograms?: [number, ApiHistogram][];
        }[];
        const floats = new Map(series!.values?.map(([t, v]) => [t * 1000, Number(v)]));
        const histograms = new Map(series!.histograms?.map(([t, h]) => [t * 1000, parseApi(h)]));
        for (const [t, value] of one.samples) {
          if (typeof value === 'number') {
            if (floats.get(t) !== value) problems.push(`${selector} at ${t}: ${floats.get(t)}`);
          } else if (!value.isStale) {
            const problem = difference(histograms.get(t), seen(value));
            if (problem) problems.push(`${selector} at ${t}: ${problem}`);
          }
        }
        const live = one.samples.filter(([, v]) => typeof v === 'number' || !v.isStale);
        expect(floats.size + histograms.size).toBe(live.length);
        if (name(one).includes('gauge') || name(one) === 'h_mixed') continue;
        const resets = await query(prometheus.base, `resets(${selector})`, END_MS);
        const [vector] = resets.result as { value: [number, string] }[];
        // The restart; the change of layout brings a second one.
        const wanted = name(one) === 'h_changing' ? '2' : '1';
        if (vector?.value[1] !== wanted) problems.push(`${selector} resets ${vector?.value[1]}`);
      }
    }
    expect(problems.slice(0, 10)).toEqual([]);
  });
});

/** A request for each time: of one request Prometheus takes a series' floats before its histograms. */
async function pushAll(base: string): Promise<void> {
  for (let now = START_MS; now <= END_MS; now += STEP_MS) {
    const series = data.map(({ labels, samples }) => {
      const floats: [number, number][] = [];
      const histograms: Uint8Array[] = [];
      for (const [t, value] of samples) {
        if (t !== now) continue;
        if (typeof value === 'number') floats.push([t, value]);
        else histograms.push(encodeHistogram({ t, startT: 0, histogram: value }));
      }
      return { labels, samples: floats, histograms };
    });
    const response = await fetch(`${base}/api/v1/write`, {
      method: 'POST',
      body: compressSync(encodeWriteRequest(series)),
      headers: {
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': '0.1.0',
      },
    });
    expect([response.status, await response.text()]).toEqual([204, '']);
  }
}

function sourceOf(directory: string) {
  return {
    size: async (file: string) => (await stat(join(directory, file))).size,
    async read(file: string, offset: number, length: number) {
      const handle = await open(join(directory, file));
      const bytes = new Uint8Array(length);
      await handle.read(bytes, 0, length, offset);
      await handle.close();
      return bytes;
    },
  };
}

function samplesOf({ encoding, bytes }: Chunk): TimedValue[] {
  const found: TimedValue[] = [];
  if (encoding === CHUNK_XOR) {
    const out = new SampleColumns();
    decodeXorChunk(bytes, out, -Infinity, Infinity);
    for (let at = 0; at < out.count; at++) found.push([out.t[at]!, out.v[at]!]);
  } else readHistogramChunk(encoding, bytes, -Infinity, Infinity, (t, h) => found.push([t, h]));
  return found;
}

describe('a block of Prometheus with native histograms', () => {
  let directory = '';

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-histograms-'));
    const flags = ['--web.enable-remote-write-receiver', '--web.enable-admin-api'];
    const prometheus = await servePrometheus({ data: directory, flags });
    try {
      await pushAll(prometheus.base);
      const snapshot = await fetch(`${prometheus.base}/api/v1/admin/tsdb/snapshot`, {
        method: 'POST',
      });
      expect(snapshot.status).toBe(200);
    } finally {
      await prometheus.stop();
    }
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('is read by Weir, and its chunks go on in Weir', async () => {
    const [snapshot] = await readdir(join(directory, 'snapshots'));
    const folder = join(directory, 'snapshots', snapshot!);
    const blocks = (await readdir(folder)).filter((entry) => entry.length === 26);
    expect(blocks.length).toBeGreaterThan(0);
    const found = new Map<string, TimedValue[]>();
    for (const ulid of blocks.sort()) {
      const meta = decodeBlockMeta(await readFile(join(folder, ulid, 'meta.json')));
      const block = await openBlock(sourceOf(join(folder, ulid)), meta);
      const matchers = [createMatcher({ name: '__name__', op: '=~', value: 'h_.+' })];
      for await (const batch of block.select({ matchers, minT: START_MS, maxT: END_MS })) {
        for (const { labels, chunks } of batch) {
          const key = decodeLabels(labels)[0]!.value;
          found.set(key, [...(found.get(key) ?? []), ...chunks.flatMap(samplesOf)]);
          for (const chunk of chunks) if (chunk.encoding !== CHUNK_XOR) expectToGoOn(chunk);
        }
      }
    }
    const problems: string[] = [];
    for (const one of data) {
      const samples = found.get(name(one)) ?? [];
      expect(samples.map(([t]) => t)).toEqual(one.samples.map(([t]) => t));
      for (const [at, [t, wanted]] of one.samples.entries()) {
        const got = samples[at]![1];
        const problem =
          typeof wanted === 'number' || typeof got === 'number'
            ? got === wanted
              ? undefined
              : `${got}, not ${wanted}`
            : difference(seen(got), seen(wanted));
        if (problem) problems.push(`${name(one)} at ${t}: ${problem}`);
      }
    }
    expect(problems.slice(0, 10)).toEqual([]);
  });

  /** Weir writes the same samples in the same bytes, and continues the chunk of the other. */
  function expectToGoOn(chunk: Chunk): void {
    const samples = samplesOf(chunk);
    const resumed = HistogramChunk.resume(chunk.encoding, chunk.bytes);
    expect([resumed.count, resumed.minT, resumed.maxT]).toEqual([
      samples.length,
      chunk.minT,
      chunk.maxT,
    ]);
    const own = HistogramChunk.start(chunk.encoding === 3);
    for (const [t, h] of samples) expect(typeof h !== 'number' && own.tryAppend(t, h)).toBe(true);
    const bytes = own.bytes();
    // What its writer knew of the chunk before it.
    bytes[2] = chunk.bytes[2]!;
    expect(Buffer.from(bytes).equals(Buffer.from(chunk.bytes))).toBe(true);
  }
});
