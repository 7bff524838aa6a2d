// Blocks survive a round trip, answer matchers as a plain filter over the series does, and never crash,
// hang or lie when bytes are damaged.
import { compareBytes } from '@weir/bytes';
import { isKind } from '@weir/errors';
import {
  compareLabels,
  createMatcher,
  decodeLabels,
  labelsOf,
  labelValue,
  type Matcher,
  type MatcherSpec,
  printLabels,
  SampleColumns,
} from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_XOR, CHUNK_XOR2, encodeFloatChunk } from '../chunk/index.ts';
import { mergeSamples } from '../merge/index.ts';
import { chunkOf, collect, symbolsOf, TEST_ULID, writeMemoryBlock } from './memory-block.ts';
import { decodeBlockMeta } from './meta.ts';
import { openBlock } from './open-block.ts';
import { type BlockSeries, writeBlock } from './write-block.ts';

const RANGE = { minTime: 0, maxTime: 7_200_000 };
const ALL = { matchers: [], minT: 0, maxT: RANGE.maxTime };

const name = fc.constantFrom('__name__', 'job', 'instance', 'zone', 'ünï');
const value = fc.oneof(
  fc.constantFrom('a', 'b', 'api', 'api-2', 'db'),
  fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }),
);
const labelSets = fc.uniqueArray(fc.dictionary(name, value, { minKeys: 1 }), {
  maxLength: 40,
  selector: (record) => printLabels(labelsOf(record)),
});
const matcherSpec: fc.Arbitrary<MatcherSpec> = fc.record({
  name: fc.oneof(name, fc.constant('missing')),
  op: fc.constantFrom('=', '!=', '=~', '!~'),
  value: fc.constantFrom('', 'a', 'api', 'api|db', 'api.*', '.*', '.+', '[ab]', 'a|'),
});

/** Series number n has n % 4 + 1 chunks of some samples each. */
function seriesOf(record: Record<string, string>, index: number): BlockSeries {
  const chunks = Array.from({ length: (index % 4) + 1 }, (_, chunk) => {
    const start = chunk * 1_000_000 + index;
    return chunkOf(
      Array.from({ length: 30 }, (_, at) => [start + at * 15_000, at * index] as const),
    );
  });
  return { labels: labelsOf(record), chunks };
}

function matches(labels: Uint8Array, matchers: readonly Matcher[]): boolean {
  return matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? ''));
}

function printed(series: readonly BlockSeries[]): string[] {
  return series.map(({ labels, chunks }) => {
    const parts = chunks.map((chunk) => [chunk.minT, chunk.maxT, chunk.encoding, ...chunk.bytes]);
    return JSON.stringify([decodeLabels(labels), parts]);
  });
}

describe('writeBlock() and openBlock()', () => {
  it('give back every series and chunk, in label order', async () => {
    await fc.assert(
      fc.asyncProperty(labelSets, async (records) => {
        const series = records.map(seriesOf);
        const { files, meta } = await writeMemoryBlock(series, RANGE, 4000);
        const block = await openBlock(files, meta);
        const found = await collect(block.select(ALL));
        const sorted = [...series].sort((a, b) => compareLabels(a.labels, b.labels));
        expect(printed(found)).toEqual(printed(sorted));
        expect(meta.stats.numSeries).toBe(series.length);
      }),
      { numRuns: 60 },
    );
  });

  it('answer matchers as a filter over all series does', async () => {
    await fc.assert(
      fc.asyncProperty(
        labelSets,
        fc.array(matcherSpec, { minLength: 1, maxLength: 3 }),
        async (records, specs) => {
          const series = records.map(seriesOf);
          const { files, meta } = await writeMemoryBlock(series, RANGE);
          const block = await openBlock(files, meta);
          const matchers = specs.map(createMatcher);
          const wanted = series
            .filter(({ labels }) => matches(labels, matchers))
            .sort((a, b) => compareLabels(a.labels, b.labels));
          const select = { ...ALL, matchers };
          expect(printed(await collect(block.select(select)))).toEqual(printed(wanted));
          const names = new Set(
            wanted.flatMap(({ labels }) => decodeLabels(labels).map((label) => label.name)),
          );
          expect(await block.labelNames(select)).toEqual(sortedTexts(names));
          const values = new Set(wanted.map(({ labels }) => labelValue(labels, 'job') ?? ''));
          values.delete('');
          expect(await block.labelValues('job', select)).toEqual(sortedTexts(values));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('select only chunks and series that overlap the range', async () => {
    const series = [seriesOf({ a: '0' }, 0), seriesOf({ a: '3' }, 3)];
    const { files, meta } = await writeMemoryBlock(series, RANGE);
    const block = await openBlock(files, meta);
    const select = { matchers: [], minT: 1_500_000, maxT: 2_000_003 };
    const found = await collect(block.select(select));
    expect(found.map(({ chunks }) => chunks.map((chunk) => chunk.minT))).toEqual([[2_000_003]]);
    const names = await collect(block.select({ ...select, labelsOnly: true }));
    expect(names.map(({ labels }) => printLabels(labels))).toEqual(['{a="3"}']);
    expect(names[0]!.chunks).toEqual([]);
  });

  it('hand over thousands of series in batches, with few reads', async () => {
    const series = Array.from({ length: 9000 }, (_, index) => ({
      labels: labelsOf({ __name__: 'up', instance: `host-${index}` }),
      chunks: [chunkOf([[index, index]])],
    }));
    const { files, meta } = await writeMemoryBlock(series, RANGE);
    const block = await openBlock(files, meta);
    const matchers = [createMatcher({ name: '__name__', op: '=', value: 'up' })];
    let count = 0;
    for await (const batch of block.select({ ...ALL, matchers })) {
      expect(batch.length).toBeLessThanOrEqual(512);
      count += batch.length;
    }
    expect(count).toBe(9000);
    expect(files.reads).toBeLessThan(20);
  });

  it('keep chunks of every kind, and refuse to write others', async () => {
    const bytes = new Uint8Array([0, 7, 1, 2, 3]);
    const kinds = [1, 2, 3, 4, 5, 6].map((encoding) => ({
      minT: 5 * encoding,
      maxT: 5 * encoding + 4,
      encoding,
      // Of the last two the first bits tell of resets, not of samples.
      bytes: encoding < 5 ? bytes : bytes.with(0, 0xc0),
    }));
    const labels = labelsOf({ a: 'b' });
    const { files, meta } = await writeMemoryBlock([{ labels, chunks: kinds }], RANGE);
    const found = await collect((await openBlock(files, meta)).select(ALL));
    expect(found[0]!.chunks).toEqual(kinds);
    expect(meta.stats).toMatchObject({
      numSamples: 42,
      numFloatSamples: 14,
      numHistogramSamples: 28,
    });
    for (const encoding of [0, 7]) {
      const chunks = [{ ...kinds[0]!, encoding }];
      await expect(writeMemoryBlock([{ labels, chunks }], RANGE)).rejects.toThrow('encoding');
    }
  });

  it('keep start timestamps', async () => {
    const samples = new SampleColumns(1, true);
    for (let at = 0; at < 200; at++) samples.push(at * 15_000, at, at < 100 ? 0 : 1_400_000);
    const chunks = [encodeFloatChunk(samples, 0, 90), encodeFloatChunk(samples, 90, 200)];
    expect(chunks.map(({ encoding }) => encoding)).toEqual([CHUNK_XOR, CHUNK_XOR2]);
    const series = { labels: labelsOf({ a: 'b' }), chunks };
    const { files, meta } = await writeMemoryBlock([series], RANGE);
    expect(meta.stats).toMatchObject({ numSamples: 200, numFloatSamples: 200 });
    const [found] = await collect((await openBlock(files, meta)).select(ALL));
    const out = new SampleColumns(1, true);
    mergeSamples(found!.chunks, out, 15_000, RANGE.maxTime);
    expect(out.st!.subarray(0, out.count)).toEqual(samples.st!.subarray(1, 200));
  });

  it('leave series without chunks out, and read an empty block', async () => {
    const { files, meta } = await writeMemoryBlock(
      [{ labels: labelsOf({ a: 'b' }), chunks: [] }],
      RANGE,
    );
    const block = await openBlock(files, meta);
    expect(await collect(block.select(ALL))).toEqual([]);
    expect(await block.labelNames(ALL)).toEqual([]);
    expect(meta.stats.numSeries).toBe(0);
  });

  it('read their own meta.json', async () => {
    const { files, meta } = await writeMemoryBlock([seriesOf({ a: 'b' }, 1)], RANGE);
    const written = decodeBlockMeta(files.files.get('meta.json')!);
    expect(written).toEqual(meta);
    for (const file of written.thanos!.files!) {
      if (file.size_bytes === undefined) continue;
      expect(files.files.get(file.rel_path)!.length).toBe(file.size_bytes);
    }
  });
});

describe('writeBlock()', () => {
  const write = (series: readonly BlockSeries[], symbols = symbolsOf(series)) => {
    const batches = (async function* () {
      yield series;
    })();
    const sink = { write: async () => undefined };
    return writeBlock(sink, { ulid: TEST_ULID, ...RANGE, symbols, series: batches });
  };

  it('refuses what would make a block that nobody can read', async () => {
    const a = seriesOf({ a: '1' }, 1);
    const b = seriesOf({ a: '2' }, 1);
    await expect(write([b, a])).rejects.toThrow('not above the one before');
    await expect(write([a, a])).rejects.toThrow('not above the one before');
    await expect(write([a], symbolsOf([b]))).rejects.toThrow('missing from the symbols');
    await expect(write([a], symbolsOf([a]).reverse())).rejects.toThrow('not sorted');
    const overlapping = { labels: a.labels, chunks: [a.chunks[0]!, a.chunks[0]!] };
    await expect(write([overlapping])).rejects.toThrow('overlap');
    const outside = { labels: a.labels, chunks: [chunkOf([[RANGE.maxTime, 1]])] };
    await expect(write([outside])).rejects.toThrow('outside of block');
  });
});

describe('openBlock() on damaged bytes', () => {
  it('answers the truth or a corrupt error that names a file', async () => {
    const records = Array.from({ length: 30 }, (_, index) => ({ __name__: 'm', i: String(index) }));
    const { files, meta } = await writeMemoryBlock(records.map(seriesOf), RANGE);
    const intact = printed(await collect((await openBlock(files, meta)).select(ALL)));
    const matchers = [createMatcher({ name: 'i', op: '=~', value: '.+' })];
    let caught = 0;
    const damage = fc.record({
      file: fc.constantFrom('index', 'chunks/000001'),
      at: fc.nat(1_000_000),
      xor: fc.integer({ min: 1, max: 255 }),
      cut: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ file, at, xor, cut }) => {
        const original = files.files.get(file)!;
        const broken = cut ? original.slice(0, at % original.length) : original.slice();
        if (!cut) broken[at % broken.length]! ^= xor;
        files.files.set(file, broken);
        try {
          const block = await openBlock(files, meta);
          expect(printed(await collect(block.select({ ...ALL, matchers })))).toEqual(intact);
        } catch (error) {
          if (!isKind(error, 'corrupt')) throw error;
          expect((error as Error).message).toMatch(/(index|chunks\/000001) at byte \d+/);
          caught++;
        } finally {
          files.files.set(file, original);
        }
      }),
      { numRuns: 600 },
    );
    expect(caught).toBeGreaterThan(300);
  });
});

describe('decodeBlockMeta()', () => {
  it('refuses what it does not know', () => {
    const decode = (meta: unknown) => () =>
      decodeBlockMeta(new TextEncoder().encode(JSON.stringify(meta)));
    const good = { version: 1, ulid: TEST_ULID, minTime: 1, maxTime: 2, compaction: { level: 1 } };
    expect(decode(good)().stats).toEqual({});
    expect(decode({ ...good, version: 2 })).toThrow('version 2 is unknown');
    expect(decode({ ...good, ulid: '../../etc' })).toThrow('not a ULID');
    expect(decode({ ...good, minTime: 'x' })).toThrow('integers');
    expect(decode({ ...good, thanos: { segment_files: ['../x'] } })).toThrow('segment_files');
    expect(decode({ ...good, weir: { topicId: 1 } })).toThrow('weir section');
    expect(() => decodeBlockMeta(new Uint8Array([1, 2]))).toThrow('not JSON');
  });
});

function sortedTexts(texts: Iterable<string>): string[] {
  const encoder = new TextEncoder();
  return [...texts].sort((a, b) => compareBytes(encoder.encode(a), encoder.encode(b)));
}

describe('block and merge together', () => {
  it('give back the samples', async () => {
    const series = [seriesOf({ a: '3' }, 3)];
    const { files, meta } = await writeMemoryBlock(series, RANGE);
    const [found] = await collect((await openBlock(files, meta)).select(ALL));
    const out = new SampleColumns();
    mergeSamples(found!.chunks, out, 0, RANGE.maxTime);
    expect(out.count).toBe(120);
    expect(out.t[31]).toBe(1_015_003);
    expect(found!.chunks[0]!.encoding).toBe(CHUNK_XOR);
  });
});
