// Start timestamps in a head: with each sample as it told them, floats and histograms, late ones too, through
// closed chunks, checkpoints, restarts and cuts; and none, but zeros, for a tenant that doesn't keep them.
import { labelsOf, SampleColumns } from '@weir/model';
import {
  CHUNK_XOR,
  CHUNK_XOR2,
  type Chunk,
  decodeFloatChunk,
  isHistogramChunk,
  readHistogramChunk,
} from '@weir/tsdb/chunk';
import { encodeHistogram } from '@weir/wire/log-record';
import { describe, expect, it } from 'vitest';
import type { HeadRecord, HeadSeries } from '../head.ts';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { NotPlain } from '../reads/sample-stream.ts';
import { record, seriesMessage } from '../records/record-fixture.ts';
import { emptyHistogram } from './histograms.ts';

const HOUR = 3_600_000;
const WINDOW = 2 * HOUR;
const T = 50 * WINDOW;

interface Sample {
  readonly t: number;
  readonly v: number;
  readonly st: number;
  readonly kind: 'float' | 'integer' | 'floats';
}

function float(t: number, v: number, st = 0): Sample {
  return { t, v, st, kind: 'float' };
}

function up(offset: number, ...samples: Sample[]): HeadRecord {
  const messages = samples.map(({ t, v, st, kind }) => {
    const created = st === 0 ? {} : { createdMs: st };
    if (kind === 'float') {
      return seriesMessage({ __name__: 'up' }, { samples: [[t, v]], ...created });
    }
    const histogram = { ...emptyHistogram(kind === 'floats', false), count: v, zeroCount: v };
    // In half of them the message tells it, too.
    const bytes = encodeHistogram({ t, startT: t % 2 === 0 ? st : 0, histogram });
    return seriesMessage({ __name__: 'up' }, { histograms: [bytes], ...created });
  });
  return record(offset, Buffer.concat(messages));
}

function print({ t, v, st, kind }: Sample): string {
  return `${t - T} ${kind} ${v} ${st === 0 ? '-' : st - T}`;
}

function printChunk({ encoding, bytes, minT, maxT }: Chunk): string[] {
  const out: string[] = [];
  if (isHistogramChunk(encoding)) {
    readHistogramChunk(encoding, bytes, minT, maxT, (t, { count, isFloat }, st) => {
      out.push(print({ t, v: count, st, kind: isFloat ? 'floats' : 'integer' }));
    });
    return out;
  }
  const columns = new SampleColumns(16, true);
  decodeFloatChunk(encoding, bytes, columns, minT, maxT);
  const { t, v, st } = columns;
  for (let at = 0; at < columns.count; at++) out.push(print(float(t[at], v[at], st![at])));
  return out;
}

async function chunksOf(batches: AsyncIterable<readonly HeadSeries[]>): Promise<Chunk[]> {
  const all: Chunk[] = [];
  for await (const batch of batches) for (const { chunks } of batch) all.push(...chunks);
  return all;
}

async function printed(batches: AsyncIterable<readonly HeadSeries[]>): Promise<string[]> {
  return (await chunksOf(batches)).flatMap(printChunk);
}

const all = { tenant: 'one', matchers: [], minT: 0, maxT: 1e15 };

async function openHead(outOfOrderWindowMs = 0, startTimestamps = true) {
  const store = createMemoryHeadStore();
  const head = await openPartitionHead({ partition: 0 }, { store });
  head.configure('one', { outOfOrderWindowMs, seriesMax: 0, startTimestamps });
  return { head, store };
}

describe('start timestamps in a head', () => {
  it('stay with their samples, and are no samples', async () => {
    const { head } = await openHead();
    const samples = [
      float(T, 1, T - 5),
      float(T + 1, 2, T - 5),
      float(T + 2, 1, T + 1),
      float(T + 3, 2),
      float(T + 4, 3, T + 4),
      float(T + 5, 4, -7),
    ];
    head.apply([up(0, ...samples)], 1);
    expect(await printed(head.select(all))).toEqual(samples.map(print));
    const newest = await chunksOf(head.select({ ...all, newestOnly: true }));
    expect(newest.flatMap(printChunk)).toEqual([print(samples[5])]);
    expect(newest[0].encoding).toBe(CHUNK_XOR2);
  });

  it('are zeros for a tenant that does not keep them', async () => {
    const { head } = await openHead(0, false);
    head.apply([up(0, float(T, 1, T - 5), float(T + 1, 2, T - 5))], 1);
    const chunks = await chunksOf(head.select(all));
    expect(chunks.every(({ encoding }) => encoding === CHUNK_XOR)).toBe(true);
    const wanted = [float(T - 5, 0), float(T, 1), float(T + 1, 2)];
    expect(chunks.flatMap(printChunk)).toEqual(wanted.map(print));
  });

  it('leave chunks of series that tell none as they are', async () => {
    const { head } = await openHead();
    const plain = seriesMessage({ __name__: 'two' }, { samples: [[T, 1]] });
    const told = up(0, float(T, 1, T - 5));
    head.apply([{ ...told, value: Buffer.concat([told.value, plain]) }], 1);
    const encodings: [string, number][] = [];
    for await (const batch of head.select(all)) {
      for (const { labels, chunks } of batch) {
        const isTwo = Buffer.compare(labels, labelsOf({ __name__: 'two' })) === 0;
        for (const { encoding } of chunks) encodings.push([isTwo ? 'two' : 'up', encoding]);
      }
    }
    expect(encodings).toEqual([
      ['two', CHUNK_XOR],
      ['up', CHUNK_XOR2],
    ]);
  });

  it('end with the samples that tell them, also when the newest chunk is closed', async () => {
    const { head, store } = await openHead();
    const samples = Array.from({ length: 300 }, (_, at) => float(T + at, at, at < 250 ? T - 5 : 0));
    for (const [at, sample] of samples.entries()) {
      head.apply([up(at, sample)], at + 1);
      const newest = await printed(head.select({ ...all, newestOnly: true }));
      expect(newest).toEqual([print(sample)]);
    }
    expect(await printed(head.select(all))).toEqual(samples.map(print));
    const stream = head.samples(all, false);
    expect(() => stream.next()).toThrow(NotPlain);
    await head.checkpoint();
    const again = await openPartitionHead({ partition: 0 }, { store });
    expect(await printed(again.select(all))).toEqual(samples.map(print));
  });

  it.each([1, 2, 3, 4, 5, 6])(
    'are what was applied first, wherever they lie (%i)',
    async (seed) => {
      let random = seed;
      const next = (below: number) => {
        random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
        return Math.floor((random / 2 ** 32) * below);
      };
      const { head: opened, store } = await openHead(3 * HOUR);
      let head = opened;
      const model = new Map<number, string>();
      let now = T;
      let eventTime = -Infinity;
      let st = 0;
      for (let offset = 0; offset < 1200; offset++) {
        now += next(30) === 0 ? HOUR : 1000 * next(20) + 1;
        const t = next(4) === 0 ? now - 1000 * next(12_000) : now;
        // For a while none, one for many, or another one each time.
        if (next(60) === 0) st = next(3) === 0 ? 0 : now - next(9000);
        const told = seed % 2 === 0 && next(3) === 0 ? t - next(5) : st;
        const kind = seed > 3 ? (['float', 'integer', 'floats'] as const)[next(40) % 3] : 'float';
        const sample: Sample = { t, v: next(90), st: told, kind };
        head.apply([up(offset, sample)], offset + 1);
        if (t >= eventTime - 3 * HOUR && !model.has(t)) model.set(t, print(sample));
        eventTime = Math.max(eventTime, ...model.keys());
        if (next(40) === 0) await head.checkpoint();
        if (next(100) === 0) {
          for (const window of head.cutDue(next(3) === 0)) {
            const cut = new Set(await printed(head.cut(window).series()));
            if (window.firstOffset > 0) continue;
            for (const [at, one] of model) {
              if (at >= window.minT && at < window.maxT) expect(cut.has(one)).toBe(true);
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
        const wanted = [...model].sort((x, y) => x[0] - y[0]).map(([, one]) => one);
        expect(await printed(head.select(all))).toEqual(wanted);
      }
    },
  );
});
