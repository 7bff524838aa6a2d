// Merging chunks equals the obvious model, a map from time to sample filled from the last chunk to the
// first; and what chunks say of counter resets stays true.
import {
  type NativeHistogram,
  RESET_GAUGE,
  RESET_UNKNOWN,
  RESET_YES,
  SampleColumns,
  STALE_NAN,
} from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkOf } from '../block/memory-block.ts';
import {
  CHUNK_FLOAT_HISTOGRAM_ST,
  CHUNK_HISTOGRAM,
  CHUNK_HISTOGRAM_ST,
  CHUNK_XOR,
  CHUNK_XOR2,
  type Chunk,
  decodeFloatChunk,
  encodeFloatChunk,
  HistogramChunk,
  isFloatChunk,
  readHistogramChunk,
} from '../chunk/index.ts';
import { histogramOf, printHistogram, staleHistogram } from '../chunk/planned-histograms.ts';
import { mergeChunks } from './merge-chunks.ts';

/** A histogram with one bucket, or a float. */
type Value = NativeHistogram | number;
/** The start is 0 where it isn't given. */
type Timed = readonly [t: number, value: Value, st?: number];

const counter = (count: number, parts: Partial<NativeHistogram> = {}) =>
  histogramOf({
    count,
    positiveSpans: Int32Array.of(0, 1),
    positiveBuckets: Float64Array.of(count),
    ...parts,
  });

function chunksOf(samples: readonly Timed[]): Chunk[] {
  const out: Chunk[] = [];
  const floats = new SampleColumns(1, true);
  let open: HistogramChunk | undefined;
  const close = () => {
    if (floats.count > 0) out.push(encodeFloatChunk(floats, 0, floats.count));
    if (open) {
      const { minT, maxT, encoding } = open;
      out.push({ minT, maxT, encoding, bytes: open.bytes() });
    }
    floats.clear();
  };
  const withStarts = samples.some(([, , st = 0]) => st !== 0);
  for (const [t, value, st = 0] of samples) {
    if (typeof value === 'number') {
      if (open) close();
      open = undefined;
      floats.push(t, value, st);
    } else if (!open?.tryAppend(t, value, st)) {
      close();
      open = HistogramChunk.start(value.isFloat, open, withStarts);
      open.tryAppend(t, value, st);
    }
  }
  close();
  return out;
}

function samplesOf(chunks: readonly Chunk[]): Timed[] {
  return chunks.flatMap(({ encoding, bytes }) => {
    if (!isFloatChunk(encoding)) {
      const found: Timed[] = [];
      readHistogramChunk(encoding, bytes, -Infinity, Infinity, (t, h, st) => {
        found.push([t, h, st]);
      });
      return found;
    }
    const out = new SampleColumns(1, true);
    decodeFloatChunk(encoding, bytes, out, -Infinity, Infinity);
    const { t, v, st, count } = out;
    return Array.from({ length: count }, (_, at): Timed => [t[at]!, v[at]!, st![at]!]);
  });
}

const print = (samples: readonly Timed[]) =>
  samples.map(([t, value, st]) => {
    const text = typeof value === 'number' ? value : printHistogram(value);
    return `${t} ${text} since ${st}`;
  });

const hints = (chunks: readonly Chunk[]) =>
  samplesOf(chunks).map(([, value]) => (typeof value === 'number' ? -1 : value.resetHint));

const values: fc.Arbitrary<Value> = fc.oneof(
  fc.integer(),
  fc.nat({ max: 50 }).map((count) => counter(count)),
  fc.nat({ max: 50 }).map((count) => counter(count, { isFloat: true })),
  fc.nat({ max: 50 }).map((count) => counter(count, { resetHint: RESET_GAUGE })),
  fc.constantFrom<Value>(STALE_NAN, staleHistogram(false), staleHistogram(true)),
);

const starts = fc.oneof(fc.constant(0), fc.integer({ min: -9, max: 9 }));

const source: fc.Arbitrary<Timed[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 })
  .chain((times) =>
    fc.tuple(...times.sort((a, b) => a - b).map((t) => fc.tuple(fc.constant(t), values, starts))),
  )
  .chain((samples) =>
    fc.boolean().map((withStarts) => {
      return samples.map(([t, value, st]): Timed => [t, value, withStarts ? st : 0]);
    }),
  );

describe('mergeChunks()', () => {
  it('keeps every timestamp once, the first chunk winning, in chunks that do not overlap', () => {
    fc.assert(
      fc.property(fc.array(source, { maxLength: 5 }), (sources) => {
        const chunks = sources.flatMap(chunksOf);
        const model = new Map<number, string>();
        for (const chunk of [...chunks].reverse()) {
          const samples = samplesOf([chunk]);
          for (const [at, line] of print(samples).entries()) model.set(samples[at]![0], line);
        }
        const wanted = [...model].sort(([a], [b]) => a - b).map(([, line]) => line);
        const merged = mergeChunks(chunks);
        // A marker takes on its chunk's kind of reset; nothing else may change.
        expect(print(samplesOf(merged))).toEqual(wanted);
        for (const [at, { minT, maxT }] of merged.entries()) {
          if (at > 0) expect(minT).toBeGreaterThan(merged[at - 1]!.maxT);
          const times = samplesOf([merged[at]!]).map(([t]) => t);
          expect([times[0], times.at(-1)]).toEqual([minT, maxT]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('tells every reset that the samples show, and no other', () => {
    fc.assert(
      fc.property(fc.array(source, { minLength: 2, maxLength: 4 }), (sources) => {
        const counters = sources.map((samples) =>
          samples.filter(([, h]) => typeof h !== 'number' && !h.isFloat && !h.isStale),
        );
        let last = -1;
        let lastHint = RESET_UNKNOWN;
        for (const [, h] of samplesOf(mergeChunks(counters.flatMap(chunksOf)))) {
          const { count, resetHint } = h as NativeHistogram;
          const isSame = (lastHint === RESET_GAUGE) === (resetHint === RESET_GAUGE);
          if (isSame && resetHint !== RESET_GAUGE && resetHint !== RESET_UNKNOWN) {
            expect(resetHint === RESET_YES).toBe(count < last);
          }
          last = count;
          lastHint = resetHint;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('passes chunks that overlap with none, and sequences as they are', () => {
    const [a, b, c] = [chunkOf([[10, 1]]), chunkOf([[20, 2]]), chunkOf([[30, 3]])];
    const sequence = [a, b, c];
    expect(mergeChunks(sequence)).toBe(sequence);
    expect(mergeChunks([b, a, c])).toEqual([a, b, c]);
    expect(mergeChunks([])).toEqual([]);
  });

  it('keeps a reset told by the sender only while its predecessor is the same', () => {
    const told = counter(9, { resetHint: RESET_YES });
    const inOrder = chunksOf([
      [10, counter(1)],
      [20, told],
      [30, counter(10)],
    ]);
    expect(hints(mergeChunks([...inOrder, ...chunksOf([[5, 1]])]))).toEqual([
      -1,
      RESET_UNKNOWN,
      RESET_YES,
      2,
    ]);
    // Between the two: what was before the told reset is no longer the sample before.
    const between = hints(mergeChunks([...inOrder, ...chunksOf([[15, counter(3)]])]));
    expect(between).not.toContain(RESET_YES);
    // The same where they overlap, so that they are written anew.
    const over = chunksOf([
      [8, counter(1)],
      [25, counter(9)],
    ]);
    expect(hints(mergeChunks([...inOrder, ...over]))).toEqual([0, 2, 1, 2, 2]);
    const overBetween = chunksOf([
      [8, counter(1)],
      [15, counter(3)],
      [25, counter(9)],
    ]);
    expect(hints(mergeChunks([...inOrder, ...overBetween]))).not.toContain(RESET_YES);
  });

  it('takes encodings with start timestamps only where there are any', () => {
    const encodings = (chunks: readonly Chunk[]) => chunks.map(({ encoding }) => encoding);
    const floats = (from: number, st: number) =>
      chunksOf(Array.from({ length: 200 }, (_, n): Timed => [from + 2 * n, n, n < 100 ? 0 : st]));
    expect(encodings(mergeChunks([...floats(0, 0), ...floats(1, 0)]))).toEqual(
      Array(4).fill(CHUNK_XOR),
    );
    const some = mergeChunks([...floats(0, 9), ...floats(1, 0)]);
    expect(encodings(some)).toEqual([CHUNK_XOR, CHUNK_XOR2, CHUNK_XOR2, CHUNK_XOR2]);
    const histograms = (from: number, st: number, isFloat = false) =>
      chunksOf([10, 20, 30].map((t): Timed => [from + t, counter(t, { isFloat }), st]));
    const none = [...histograms(0, 0), ...histograms(1, 0), ...chunksOf([[15, 1, 3]])];
    expect(encodings(mergeChunks(none))).not.toContain(CHUNK_HISTOGRAM_ST);
    expect(encodings(mergeChunks(none))).toContain(CHUNK_HISTOGRAM);
    for (const isFloat of [false, true]) {
      const merged = mergeChunks([...histograms(0, 0, isFloat), ...histograms(1, 4, isFloat)]);
      const wanted = isFloat ? CHUNK_FLOAT_HISTOGRAM_ST : CHUNK_HISTOGRAM_ST;
      expect(new Set(encodings(merged))).toEqual(new Set([wanted]));
    }
  });

  it('ends chunks at 120 samples', () => {
    const many = (from: number, float: boolean) =>
      Array.from({ length: 200 }, (_, n): Timed => [from + 2 * n, float ? n : counter(7)]);
    for (const float of [true, false]) {
      const merged = mergeChunks([...chunksOf(many(0, float)), ...chunksOf(many(1, float))]);
      const lengths = merged.map(({ bytes }) => (bytes[0]! << 8) | bytes[1]!);
      expect(lengths).toEqual([120, 120, 120, 40]);
    }
  });

  it('refuses unknown kinds and damage only where it must look', () => {
    const unknown = { minT: 5, maxT: 15, encoding: 7, bytes: new Uint8Array(4) };
    const [whole] = chunksOf([[10, counter(1)]]);
    expect(() => mergeChunks([whole!, unknown])).toThrow('encoding 7');
    expect(() => mergeChunks([whole!, { ...unknown, encoding: 2 }, unknown])).toThrow();
    expect(mergeChunks([{ ...unknown, minT: 11 }, whole!])).toHaveLength(2);
  });
});
