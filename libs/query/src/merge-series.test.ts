// The merge against a plain model: sort everything by Prometheus's order, group equal labels.
import { compareLabels, encodeLabels, type LabelBytes } from '@weir/model';
import { CHUNK_XOR } from '@weir/tsdb/chunk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeBatches, SeriesMerge } from './merge-series.ts';
import type { SeriesBatches, SeriesChunks } from './series-chunks.ts';

const word = fc.constantFrom('a', 'b', 'ab', 'le', '__name__', 'ü', 'x'.repeat(150));
const labelSet = fc
  .dictionary(word, word, { maxKeys: 4 })
  .map((record) => encodeLabels(Object.entries(record).map(([name, value]) => ({ name, value }))));

/** A source of batches that poisons a batch once the next one is asked for, as heads may. */
async function* batchesOf(
  series: readonly SeriesChunks[],
  size: number,
): AsyncGenerator<readonly SeriesChunks[]> {
  for (let at = 0; at < series.length; at += size) {
    const batch = series.slice(at, at + size).map(({ labels, chunks }) => ({
      labels: labels.slice(),
      chunks,
    }));
    yield batch;
    for (const { labels } of batch) labels.fill(0xff);
  }
}

const sorted = (sets: readonly LabelBytes[], source: number): SeriesChunks[] => {
  const distinct = new Map(sets.map((labels) => [Buffer.from(labels).toString('hex'), labels]));
  return [...distinct.values()].sort(compareLabels).map((labels) => ({
    labels,
    chunks: [{ minT: source, maxT: source, encoding: CHUNK_XOR, bytes: new Uint8Array(1) }],
  }));
};

const text = (series: SeriesChunks) =>
  `${Buffer.from(series.labels).toString('hex')} ${series.chunks.map((chunk) => chunk.minT)}`;

describe('series merge', () => {
  it('gives each series once, in order, with chunks in the order of the sources', async () => {
    const sources = fc.array(
      fc.tuple(fc.array(labelSet, { maxLength: 20 }), fc.integer({ min: 1, max: 5 })),
      {
        maxLength: 6,
      },
    );
    await fc.assert(
      fc.asyncProperty(sources, async (given) => {
        const all = given.map(([sets, size], at) => ({ series: sorted(sets, at), size }));
        const got: string[] = [];
        const streams = all.map(({ series, size }) => batchesOf(series, size));
        for await (const batch of mergeBatches(streams)) got.push(...batch.map(text));
        const wanted = new Map<string, SeriesChunks>();
        for (const { series } of all) {
          for (const { labels, chunks } of series) {
            const key = Buffer.from(labels).toString('hex');
            const known = wanted.get(key)?.chunks ?? [];
            wanted.set(key, { labels, chunks: [...known, ...chunks] });
          }
        }
        const model = [...wanted.values()].sort((a, b) => compareLabels(a.labels, b.labels));
        expect(got).toEqual(model.map(text));
      }),
    );
  });

  it('waits only when a batch is used up', async () => {
    const names = ['a', 'b', 'c', 'd'].map((name) => encodeLabels([{ name, value: 'x' }]));
    const merge = new SeriesMerge([batchesOf(sorted(names, 0), 2)], { prefetch: false });
    const waits: boolean[] = [];
    for (;;) {
      const more = merge.next();
      waits.push(typeof more !== 'boolean');
      if (!(await more)) break;
    }
    expect(waits).toEqual([true, false, true, false, true]);
  });

  it('passes an error of a source on, and closes the sources', async () => {
    let closed = 0;
    async function* failing(): SeriesBatches {
      try {
        yield sorted([encodeLabels([{ name: 'a', value: 'b' }])], 0);
        throw new Error('broken');
      } finally {
        closed++;
      }
    }
    const read = async () => {
      for await (const batch of mergeBatches([failing(), batchesOf([], 1)]))
        expect(batch).toBeDefined();
    };
    await expect(read()).rejects.toThrow('broken');
    expect(closed).toBe(1);
  });
});
