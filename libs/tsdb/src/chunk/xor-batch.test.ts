// What a batch decodes is what its chunks hold, in their order, whether they come as bytes, as words of a head or raw; damage is
// `corrupt`, and the batch can be used again.
import { isKind } from '@weir/errors';
import { SampleColumns } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XorBatch } from './xor-batch.ts';
import { decodeXorChunk } from './xor-decode.ts';
import { encodeXorChunk, XorEncoder } from './xor-encode.ts';

const START = 7_200_000 * 200_000;

type Samples = readonly (readonly [number, bigint])[];

const samplesOf = (most: number) =>
  fc
    .array(
      fc.tuple(
        fc.oneof(fc.constant(15_000), fc.integer({ min: 1, max: 90_000 })),
        fc.oneof(
          fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          fc.constantFrom(0n, 0x7ff0000000000002n),
          fc
            .integer({ max: 99 })
            .map((value) => new BigUint64Array(Float64Array.of(value).buffer)[0]!),
        ),
      ),
      { maxLength: most },
    )
    .map((steps): Samples => {
      let t = START;
      return steps.map(([step, bits]) => {
        t += step;
        return [t, bits] as const;
      });
    });

function columnsOf(samples: Samples) {
  const t = Float64Array.from(samples, ([at]) => at);
  const bits = BigUint64Array.from(samples, ([, value]) => value);
  return { t, v: new Float64Array(bits.buffer), words: new Int32Array(bits.buffer) };
}

/** As a head adds it: encoded samples as words, those behind them raw. */
function addWords(batch: XorBatch, samples: Samples, rawCount: number): void {
  const encoded = samples.length - Math.min(rawCount, samples.length);
  const { t, words: bits } = columnsOf(samples);
  const encoder = new XorEncoder();
  encoder.encode(t, bits, 0, encoded);
  const from = batch.room(samples.length);
  let end = from;
  let size = 0;
  if (encoded > 0) {
    for (let at = 0; at < encoder.wordCount; at++) batch.words[end++] = encoder.words[at]!;
    size = encoder.wordCount * 32 + encoder.wordBits;
    if (encoder.wordBits > 0) batch.words[end++] = encoder.word;
  }
  const raw = samples.length - encoded;
  for (let at = encoded; at < samples.length; at++) batch.words[end++] = t[at]! - START;
  for (let at = 2 * encoded; at < 2 * samples.length; at++) batch.words[end++] = bits[at]!;
  batch.add(from, size, encoded, START, raw, end);
}

function told({ t, v }: { t: Float64Array; v: Float64Array }, from: number, to: number): Samples {
  const bits = new BigUint64Array(v.slice(from, to).buffer);
  return [...t.subarray(from, to)].map((at, index) => [at, bits[index]!] as const);
}

describe('a batch of XOR chunks', () => {
  it('has the samples of all, in their order', () => {
    const out = new SampleColumns(4);
    const batch = new XorBatch(out);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(samplesOf(130), fc.nat({ max: 8 }), fc.boolean()), { maxLength: 40 }),
        fc.integer({ min: -1, max: 3_000_000 }),
        fc.integer({ min: 0, max: 6_000_000 }),
        (chunks, after, lengthMs) => {
          const minT = START + after;
          const maxT = minT + lengthMs;
          out.clear();
          batch.begin(minT, maxT);
          for (const [samples, raw, asBytes] of chunks) {
            const { t, v } = columnsOf(samples);
            if (asBytes) batch.addBytes(encodeXorChunk(t, v, 0, t.length));
            else addWords(batch, samples, raw);
          }
          batch.decode();
          expect(batch.count).toBe(chunks.length);
          let from = 0;
          for (const [index, [samples]] of chunks.entries()) {
            const wanted = samples.filter(([t]) => t >= minT && t <= maxT);
            expect(told(out, from, batch.ends[index]!)).toEqual(wanted);
            from = batch.ends[index]!;
          }
          expect(out.count).toBe(from);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('takes more than the memory holds at once', () => {
    const out = new SampleColumns();
    const batch = new XorBatch(out);
    batch.begin(-Infinity, Infinity);
    const t = Float64Array.from({ length: 65_535 }, (_, at) => at * 1000);
    const large = encodeXorChunk(t, t.map(Math.sin), 0, t.length);
    for (let at = 0; at < 1000; at++) batch.addSample(at, 0, at);
    batch.addBytes(large);
    for (let at = 0; at < 300; at++) batch.addBytes(encodeXorChunk(t, t, at, at + 120));
    batch.decode();
    expect(out.count).toBe(1000 + 65_535 + 300 * 120);
    expect([...out.t.subarray(1000, 1000 + 65_535)]).toEqual([...t]);
    expect(batch.ends[999]).toBe(1000);
    expect(batch.ends[1000]).toBe(1000 + 65_535);
    expect(batch.ends[batch.count - 1]).toBe(out.count);
  });

  it('refuses damaged chunks, and is as good as new', () => {
    const out = new SampleColumns();
    const batch = new XorBatch(out);
    const t = Float64Array.from({ length: 120 }, (_, at) => at * 15_000 + (at % 7));
    const whole = encodeXorChunk(t, t.map(Math.sin), 0, t.length);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })).map(([at, byte]) => {
            const damaged = whole.slice();
            damaged[at] = byte;
            return damaged;
          }),
          fc.nat({ max: whole.length }).map((length) => whole.subarray(0, length)),
        ),
        (bytes) => {
          const alone = new SampleColumns();
          const refusal = refusalOf(() => decodeXorChunk(bytes, alone, -Infinity, Infinity));
          out.clear();
          batch.begin(-Infinity, Infinity);
          const inBatch = refusalOf(() => {
            batch.addBytes(whole);
            batch.addBytes(bytes);
            batch.addBytes(whole);
            batch.decode();
          });
          expect(inBatch).toBe(refusal);
          expect(alone.count === 0 || refusal === undefined).toBe(true);
          if (refusal === undefined) expect(out.count).toBe(240 + alone.count);
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** The message of a `corrupt` error; anything else is thrown. */
function refusalOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!isKind(error, 'corrupt')) throw error;
    return (error as Error).message;
  }
}
