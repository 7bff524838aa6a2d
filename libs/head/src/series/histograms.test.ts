// Histograms in a head: one order of time with floats, conflicts and repeats, late ones, staleness markers,
// created timestamps; through checkpoints, restarts, cuts and drops.
import { labelsOf, type NativeHistogram, SampleColumns } from '@weir/model';
import { CHUNK_XOR, type Chunk, decodeXorChunk, readHistogramChunk } from '@weir/tsdb/chunk';
import { encodeHistogram } from '@weir/wire/log-record';
import { describe, expect, it } from 'vitest';
import type { HeadRecord, HeadSeries, PartitionHead } from '../head.ts';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { message, record, sampleBytes, seriesMessage } from '../records/record-fixture.ts';
import { hashHistogram } from './histogram-hash.ts';
import { emptyHistogram } from './histograms.ts';

const HOUR = 3_600_000;
const WINDOW = 2 * HOUR;
const T = 50 * WINDOW;
/** Stands for the staleness marker, whose bits JavaScript may not keep. */
const STALE = -0.25;

/** A histogram that has counted n in its first bucket. */
function counted(n: number, parts: Partial<NativeHistogram> = {}): NativeHistogram {
  return {
    ...emptyHistogram(false, false),
    count: n + 1,
    sum: n / 2,
    positiveSpans: Int32Array.of(0, 2),
    positiveBuckets: Float64Array.of(n, 1),
    ...parts,
  };
}

const bytesOf = (t: number, histogram: NativeHistogram, startT = 0) =>
  encodeHistogram({ t, startT, histogram });

type Sample = readonly [t: number, v: number | NativeHistogram];

function floatSeries(t: number, v: number): Uint8Array {
  const sample = sampleBytes(t, v);
  if (v === STALE) sample.set([2, 0, 0, 0, 0, 0, 0xf0, 0x7f], 3);
  return message(0x0a, labelsOf({ __name__: 'up' }), sample);
}

function up(offset: number, ...samples: Sample[]): HeadRecord {
  const value = samples.map(([t, v]) =>
    typeof v === 'number'
      ? floatSeries(t, v)
      : seriesMessage({ __name__: 'up' }, { histograms: [bytesOf(t, v)] }),
  );
  return record(offset, Buffer.concat(value));
}

function printOne(v: number | NativeHistogram): string {
  if (typeof v === 'number') return String(v);
  const { a, b } = hashHistogram(v);
  return `h${a}/${b}`;
}

function printChunk({ encoding, bytes, minT, maxT }: Chunk): string[] {
  const out: string[] = [];
  if (encoding === CHUNK_XOR) {
    const columns = new SampleColumns();
    decodeXorChunk(bytes, columns, minT, maxT);
    for (let at = 0; at < columns.count; at++) out.push(`${columns.t[at] - T} ${columns.v[at]}`);
  } else {
    readHistogramChunk(encoding, bytes, minT, maxT, (t, h) => out.push(`${t - T} ${printOne(h)}`));
  }
  return out;
}

async function print(batches: AsyncIterable<readonly HeadSeries[]>): Promise<string[]> {
  const out: string[] = [];
  for await (const batch of batches) {
    for (const { chunks } of batch) for (const chunk of chunks) out.push(...printChunk(chunk));
  }
  return out;
}

const all = { tenant: 'one', matchers: [], minT: 0, maxT: 1e15 };
const printed = (...samples: Sample[]) => samples.map(([t, v]) => `${t - T} ${printOne(v)}`);

async function openHead(outOfOrderWindowMs = 0, store = createMemoryHeadStore()) {
  const head = await openPartitionHead({ partition: 0 }, { store });
  head.configure('one', { outOfOrderWindowMs, seriesMax: 0 });
  return head;
}

const discards = (head: PartitionHead) =>
  Object.fromEntries(head.takeDiscards().map(({ reason, count }) => [reason, count]));

describe('histograms in a head', () => {
  it('share one order of time with floats', async () => {
    const head = await openHead();
    const samples: Sample[] = [
      [T, 1],
      [T + 1, counted(1)],
      [T + 2, counted(2)],
      [T + 3, counted(3, { isFloat: true })],
      [T + 4, 7],
      [T + 5, counted(4)],
      [T + WINDOW, counted(5)],
      [T + WINDOW + 1, 8],
    ];
    samples.forEach((sample, at) => {
      head.apply([up(at, sample)], at + 1);
    });
    expect(await print(head.select(all))).toEqual(printed(...samples));
    expect(discards(head)).toEqual({});
    head.apply([up(8, [T + WINDOW, counted(9)], [T + WINDOW, 1], [T + WINDOW + 1, counted(1)])], 9);
    expect(discards(head)).toEqual({ sample_out_of_order: 2, sample_duplicate_timestamp: 1 });
    expect(await print(head.select(all))).toEqual(printed(...samples));
  });

  it('repeat without an effect, and conflict with a different value', async () => {
    const head = await openHead(HOUR);
    head.apply([up(0, [T, counted(1)], [T + 1, counted(2)], [T + 2, counted(3)])], 1);
    const digest = head.digest();
    const wide = {
      positiveSpans: Int32Array.of(0, 2, 1, 1),
      positiveBuckets: Float64Array.of(2, 1, 0),
    };
    head.apply([up(0, [T + 2, counted(3)])], 1);
    const again = up(1, [T + 2, counted(3)], [T + 1, counted(2)], [T + 1, counted(2, wide)]);
    head.apply([again], 2);
    expect(discards(head)).toEqual({});
    const conflicts: Sample[] = [
      [T + 2, counted(4)],
      [T + 2, 3],
      [T + 1, counted(3)],
      [T + 1, 3],
    ];
    head.apply([up(2, ...conflicts)], 3);
    expect(discards(head)).toEqual({ sample_duplicate_timestamp: 4 });
    expect(head.digest()).not.toBe(digest);
    expect(await print(head.select(all))).toHaveLength(3);
  });

  it('take a stale float as their own marker', async () => {
    const head = await openHead(HOUR);
    const marker = emptyHistogram(true, true);
    head.apply([up(0, [T, counted(1, { isFloat: true })], [T + 9, STALE], [T + 9, STALE])], 1);
    head.apply([up(1, [T + 5, STALE], [T + WINDOW, STALE])], 2);
    expect(await print(head.select(all))).toEqual(
      printed(
        [T, counted(1, { isFloat: true })],
        [T + 5, marker],
        [T + 9, marker],
        [T + WINDOW, marker],
      ),
    );
    expect(discards(head)).toEqual({});
    head.apply([up(2, [T + WINDOW + 1, 1], [T + WINDOW + 2, STALE])], 3);
    const newest = { ...all, minT: T + WINDOW + 2 };
    expect(await print(head.select(newest))).toEqual([`${WINDOW + 1} 1`, `${WINDOW + 2} NaN`]);
  });

  it('end chunks at 120 samples, and say that nothing was reset between', async () => {
    const head = await openHead();
    for (let n = 0; n < 250; n++) head.apply([up(n, [T + n, counted(n)])], n + 1);
    const counts: number[][] = [];
    for await (const batch of head.select(all)) {
      for (const { chunks } of batch) {
        for (const { bytes } of chunks) counts.push([bytes[0] * 256 + bytes[1], bytes[2]]);
      }
    }
    expect(counts).toEqual([
      [120, 0],
      [120, 0x40],
      [10, 0x40],
    ]);
  });

  it('refuses one that is damaged or too large, alone', async () => {
    const head = await openHead();
    const large = (size: number) => ({
      ...emptyHistogram(false, false),
      positiveSpans: Int32Array.of(0, size),
      positiveBuckets: new Float64Array(size),
    });
    const messages = [
      bytesOf(T, { ...counted(1), count: 77 }),
      Uint8Array.of(0xff),
      bytesOf(T + 1, large(65_537)),
      bytesOf(T + 2, large(65_536)),
      bytesOf(T + 3, counted(3)),
    ];
    const value = seriesMessage({ __name__: 'up' }, { histograms: messages });
    head.apply([record(0, value)], 1);
    expect(discards(head)).toEqual({
      invalid_native_histogram: 2,
      max_native_histogram_buckets: 1,
    });
    expect(await print(head.select(all))).toHaveLength(2);
  });

  it('begin at zero where they were created', async () => {
    const head = await openHead();
    const apply = (offset: number, histograms: Uint8Array[], samples: [number, number][]) => {
      const one = seriesMessage({ __name__: 'up' }, { histograms, createdMs: T - 5 });
      const two = seriesMessage({ __name__: 'two' }, { samples, createdMs: T - 5 });
      head.apply([record(offset, Buffer.concat([one, two]))], offset + 1);
    };
    apply(0, [bytesOf(T, counted(1))], [[T, 1]]);
    apply(1, [bytesOf(T + 9, counted(2), T + 5)], [[T + 9, 2]]);
    apply(2, [bytesOf(T + 20, counted(3), T + 9)], [[T + 20, 3]]);
    apply(3, [bytesOf(T + 30, counted(3), T + 30)], [[T + 30, 3]]);
    const zero = emptyHistogram(false, false);
    const found = await print(head.select(all));
    expect(found).toEqual([
      ...printed([T - 5, 0], [T, 1], [T + 9, 2], [T + 20, 3], [T + 30, 3]),
      ...printed([T - 5, zero], [T, counted(1)], [T + 5, zero], [T + 9, counted(2)]),
      ...printed([T + 20, counted(3)], [T + 30, counted(3)]),
    ]);
    expect(discards(head)).toEqual({});
  });

  it.each([1, 2, 3, 4])('are what was applied first, wherever they lie (%i)', async (seed) => {
    let random = seed;
    const next = (below: number) => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return Math.floor((random / 2 ** 32) * below);
    };
    const store = createMemoryHeadStore();
    let head = await openHead(3 * HOUR, store);
    const model = new Map<number, string>();
    let now = T;
    let eventTime = -Infinity;
    for (let offset = 0; offset < 1200; offset++) {
      now += next(30) === 0 ? HOUR : 1000 * next(20);
      const t = next(4) === 0 ? now - 1000 * next(12_000) : now;
      const v = next(5) === 0 ? next(9) : counted(next(500), { isFloat: next(4) === 0 });
      head.apply([up(offset, [t, v])], offset + 1);
      if (t >= eventTime - 3 * HOUR && !model.has(t)) model.set(t, printOne(v));
      eventTime = Math.max(eventTime, ...model.keys());
      if (next(40) === 0) await head.checkpoint();
      if (next(100) === 0) {
        for (const window of head.cutDue(next(3) === 0)) {
          const wanted = [...model].filter(([at]) => at >= window.minT && at < window.maxT);
          const cut = await print(head.cut(window).series());
          const got = new Set(cut);
          for (const [at, one] of wanted) {
            if (window.firstOffset === 0) expect(got.has(`${at - T} ${one}`)).toBe(true);
          }
        }
      }
      if (next(150) === 0) {
        await head.checkpoint();
        const digest = head.digest();
        head = await openPartitionHead({ partition: 0 }, { store: store.copy() });
        expect(head.digest()).toBe(digest);
        head = await openPartitionHead({ partition: 0 }, { store });
      }
      if (next(50) > 0) continue;
      const wanted = [...model].sort((x, y) => x[0] - y[0]).map(([at, one]) => `${at - T} ${one}`);
      expect(await print(head.select(all))).toEqual(wanted);
    }
  });
});
