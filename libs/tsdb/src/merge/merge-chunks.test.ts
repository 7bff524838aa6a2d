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
  CHUNK_XOR,
  type Chunk,
  decodeXorChunk,
  HistogramChunk,
  readHistogramChunk,
} from '../chunk/index.ts';
import {
  histogramOf,
  printHistogram,
  staleHistogram,
  type TimedHistogram,
} from '../chunk/planned-histograms.ts';
import { mergeChunks } from './merge-chunks.ts';

/** A histogram with one bucket, or a float. */
type Value = NativeHistogram | number;
type Timed = readonly [t: number, value: Value];

const counter = (count: number, parts: Partial<NativeHistogram> = {}) =>
  histogramOf({
    count,
    positiveSpans: Int32Array.of(0, 1),
    positiveBuckets: Float64Array.of(count),
    ...parts,
  });

function chunksOf(samples: readonly Timed[]): Chunk[] {
  const out: Chunk[] = [];
  let floats: [number, number][] = [];
  let open: HistogramChunk | undefined;
  const close = () => {
    if (floats.length > 0) out.push(chunkOf(floats));
    if (open) {
      const { minT, maxT, encoding } = open;
      out.push({ minT, maxT, encoding, bytes: open.bytes() });
    }
    floats = [];
  };
  for (const [t, value] of samples) {
    if (typeof value === 'number') {
      if (open) close();
      open = undefined;
      floats.push([t, value]);
    } else if (!open?.tryAppend(t, value)) {
      close();
      open = HistogramChunk.start(value.isFloat, open);
      open.tryAppend(t, value);
    }
  }
  close();
  return out;
}

function samplesOf(chunks: readonly Chunk[]): Timed[] {
  return chunks.flatMap(({ encoding, bytes }) => {
    if (encoding !== CHUNK_XOR) {
      const found: TimedHistogram[] = [];
      readHistogramChunk(encoding, bytes, -Infinity, Infinity, (t, h) => found.push([t, h]));
      return found;
    }
    const out = new SampleColumns();
    decodeXorChunk(bytes, out, -Infinity, Infinity);
    return Array.from({ length: out.count }, (_, at): Timed => [out.t[at]!, out.v[at]!]);
  });
}

const print = (samples: readonly Timed[]) =>
  samples.map(([t, value]) => `${t} ${typeof value === 'number' ? value : printHistogram(value)}`);

const hints = (chunks: readonly Chunk[]) =>
  samplesOf(chunks).map(([, value]) => (typeof value === 'number' ? -1 : value.resetHint));

const values: fc.Arbitrary<Value> = fc.oneof(
  fc.integer(),
  fc.nat({ max: 50 }).map((count) => counter(count)),
  fc.nat({ max: 50 }).map((count) => counter(count, { isFloat: true })),
  fc.nat({ max: 50 }).map((count) => counter(count, { resetHint: RESET_GAUGE })),
  fc.constantFrom<Value>(STALE_NAN, staleHistogram(false), staleHistogram(true)),
);

const source: fc.Arbitrary<Timed[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 })
  .chain((times) =>
    fc.tuple(...times.sort((a, b) => a - b).map((t) => fc.tuple(fc.constant(t), values))),
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
    const unknown = { minT: 5, maxT: 15, encoding: 4, bytes: new Uint8Array(4) };
    const [whole] = chunksOf([[10, counter(1)]]);
    expect(() => mergeChunks([whole!, unknown])).toThrow('encoding 4');
    expect(() => mergeChunks([whole!, { ...unknown, encoding: 2 }, unknown])).toThrow();
    expect(mergeChunks([{ ...unknown, minT: 11 }, whole!])).toHaveLength(2);
  });
});
