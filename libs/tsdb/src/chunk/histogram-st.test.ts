// Histogram chunks with start timestamps: byte for byte what Prometheus makes of the same samples; every
// start comes back, from chunks written again and gone on with too; damage is `corrupt`.
import { isKind } from '@weir/errors';
import { RESET_GAUGE, RESET_UNKNOWN, RESET_YES } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CHUNK_FLOAT_HISTOGRAM,
  CHUNK_FLOAT_HISTOGRAM_ST,
  CHUNK_HISTOGRAM,
  CHUNK_HISTOGRAM_ST,
  chunkSampleCount,
} from './chunk.ts';
import { readHistogramChunk, withoutResetHeader } from './histogram-decode.ts';
import { HistogramChunk } from './histogram-encode.ts';
import { FLOAT_CHUNKS, INTEGER_CHUNKS } from './histogram-st-fixture.ts';
import { histogramOf, printHistogram, staleHistogram } from './planned-histograms.ts';

interface Sample {
  readonly t: number;
  readonly st: number;
  /** Positive ones. */
  readonly buckets: number;
  readonly kind: 'counter' | 'gauge' | 'stale';
}

const T = 1_700_000_000_000;
const STEP = 15_000;

function series(count: number, start: (index: number) => number): Sample[] {
  return Array.from({ length: count }, (_, at) => {
    return { t: T + STEP * at, st: start(at), buckets: 3, kind: 'counter' };
  });
}

function histogramAt(index: number, { buckets, kind }: Sample, isFloat: boolean) {
  if (kind === 'stale') return staleHistogram(isFloat);
  const isGauge = kind === 'gauge';
  const positiveBuckets = Float64Array.from({ length: buckets }, (_, at) =>
    isGauge ? 2 + at + ((index * (at + 3)) % 7) : 2 + at + index * (at + 1),
  );
  return histogramOf({
    isFloat,
    resetHint: isGauge ? RESET_GAUGE : RESET_UNKNOWN,
    schema: 1,
    zeroThreshold: 0.001,
    zeroCount: index,
    sum: index * 1.5,
    count: positiveBuckets.reduce((a, b) => a + b, index * 3),
    positiveSpans: Int32Array.of(-1, buckets),
    positiveBuckets,
    negativeSpans: Int32Array.of(2, 1),
    negativeBuckets: Float64Array.of(index * 2),
  });
}

const SHAPES: Record<string, Sample[]> = {
  'no starts': series(5, () => 0),
  'one sample with a start': series(1, () => T - 5),
  'a constant start': series(12, () => T - 1),
  'a start that changes': series(12, (at) => (at < 7 ? T - 5000 : T + 100)),
  'a start from the second sample on': series(5, (at) => (at === 0 ? 0 : T)),
  'a start from the fourth sample on': series(8, (at) => (at < 3 ? 0 : T + 1)),
  'no starts in 130 samples': series(130, () => 0),
  'a start that changes at 130': series(135, (at) => (at < 130 ? T - 1 : T + 9)),
  'each the time before': series(9, (at) => T + STEP * (at - 1)),
  'buckets that are added': series(12, (at) => T - 1 + Math.floor(at / 4)).map((sample, at) => {
    return { ...sample, buckets: 2 + Math.floor(at / 5) };
  }),
  markers: series(6, () => T - 1).map((sample, at) => {
    return { ...sample, kind: at < 4 ? 'counter' : 'stale' };
  }),
  'a gauge': series(6, (at) => T - at).map((sample) => ({ ...sample, kind: 'gauge' })),
};

/** All in one chunk, which is gone on with from its bytes every so many samples. */
function chunkOf(samples: readonly Sample[], isFloat: boolean, resumeEvery = 0): HistogramChunk {
  let chunk = HistogramChunk.start(isFloat, undefined, true);
  samples.forEach((sample, at) => {
    if (resumeEvery > 0 && at % resumeEvery === 0 && at > 0) {
      chunk = HistogramChunk.resume(chunk.encoding, chunk.bytes());
    }
    expect(chunk.tryAppend(sample.t, histogramAt(at, sample, isFloat), sample.st)).toBe(true);
  });
  return chunk;
}

function read(encoding: number, bytes: Uint8Array): [number, number, string][] {
  const out: [number, number, string][] = [];
  readHistogramChunk(encoding, bytes, -Infinity, Infinity, (t, h, st) => {
    out.push([t, st, printHistogram(h)]);
  });
  return out;
}

const printed = (samples: readonly Sample[], isFloat: boolean) =>
  samples.map((sample, at) => {
    const { t, st } = sample;
    return [t, st, printHistogram(histogramAt(at, sample, isFloat))];
  });

const starts = fc.oneof(
  fc.constantFrom(0, 0, T - 1, T - 1, T, -(2 ** 50)),
  fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
);
const anySeries: fc.Arbitrary<Sample[]> = fc
  .array(fc.tuple(starts, fc.nat({ max: 1 })), { minLength: 1, maxLength: 150 })
  .map((planned) => {
    let buckets = 1;
    return planned.map(([st, added], at) => {
      buckets += at % 20 === 0 ? added : 0;
      return { t: T + STEP * at, st, buckets, kind: 'counter' };
    });
  });

const KINDS = [
  [false, CHUNK_HISTOGRAM_ST, INTEGER_CHUNKS],
  [true, CHUNK_FLOAT_HISTOGRAM_ST, FLOAT_CHUNKS],
] as const;

describe.each(KINDS)('histogram chunk with starts (float %s)', (isFloat, encoding, fixtures) => {
  it('is tried on all that Prometheus made', () => {
    expect(Object.keys(SHAPES).sort()).toEqual(Object.keys(fixtures).sort());
  });

  it.each(Object.entries(SHAPES))('%s: has the bytes that Prometheus writes', (name, samples) => {
    const bytes = Buffer.from(fixtures[name]!, 'hex');
    expect(read(encoding, bytes)).toEqual(printed(samples, isFloat));
    const chunk = chunkOf(samples, isFloat);
    expect(Buffer.from(chunk.bytes()).toString('hex')).toBe(fixtures[name]);
    expect(chunk.encoding).toBe(encoding);
    expect(chunkSampleCount(encoding, bytes)).toBe(samples.length);
  });

  it('brings every start back, and goes on from its bytes as if it had stayed open', () => {
    fc.assert(
      fc.property(anySeries, fc.integer({ min: 1, max: 40 }), (samples, every) => {
        const chunk = chunkOf(samples, isFloat);
        expect(read(encoding, chunk.bytes())).toEqual(printed(samples, isFloat));
        expect(chunkOf(samples, isFloat, every).bytes()).toEqual(chunk.bytes());
      }),
      { numRuns: 100 },
    );
  });

  it('tells of resets in the first bits of the count', () => {
    const samples = series(3, () => T);
    const falling = HistogramChunk.start(isFloat, chunkOf(samples, isFloat), true);
    falling.tryAppend(T + STEP * 3, histogramAt(0, samples[0]!, isFloat), 1);
    const bytes = falling.bytes();
    expect([...bytes.subarray(0, 3)]).toEqual([0x80, 1, 0x80]);
    expect(chunkSampleCount(encoding, bytes)).toBe(1);
    const hints: number[] = [];
    const chunk = { encoding, minT: T, maxT: T, bytes };
    for (const one of [chunk, withoutResetHeader(chunk)]) {
      readHistogramChunk(encoding, one.bytes, 0, Infinity, (_, h) => hints.push(h.resetHint));
      expect(read(encoding, one.bytes)[0]![1]).toBe(1);
    }
    expect(hints).toEqual([RESET_YES, RESET_UNKNOWN]);
  });

  it('ends at 16,383 samples', () => {
    const chunk = HistogramChunk.start(isFloat, undefined, true);
    const marker = staleHistogram(isFloat);
    for (let t = 1; t <= 16_383; t++) expect(chunk.tryAppend(t, marker, 1)).toBe(true);
    expect(chunk.tryAppend(16_384, marker, 1)).toBe(false);
    expect(read(encoding, chunk.bytes())).toHaveLength(16_383);
  });

  it('has no starts where the encoding has none', () => {
    const plain = HistogramChunk.start(isFloat);
    const histogram = histogramAt(0, series(1, () => T)[0]!, isFloat);
    plain.tryAppend(T, histogram, T - 1);
    expect(plain.encoding).toBe(isFloat ? CHUNK_FLOAT_HISTOGRAM : CHUNK_HISTOGRAM);
    expect(read(plain.encoding, plain.bytes())[0]![1]).toBe(0);
  });

  it('answers damage with corrupt, never with anything else', () => {
    const noise = fc.uint8Array({ maxLength: 120 });
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1 });
    fc.assert(
      fc.property(anySeries, damage, noise, fc.nat(), (samples, changes, bytes, cut) => {
        const whole = chunkOf(samples, isFloat).bytes();
        const damaged = whole.slice();
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        for (const input of [bytes, damaged, whole.subarray(0, cut % whole.length)]) {
          try {
            const { count } = HistogramChunk.resume(encoding, input);
            expect(count).toBe(chunkSampleCount(encoding, input));
          } catch (error) {
            expect(isKind(error, 'corrupt')).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
