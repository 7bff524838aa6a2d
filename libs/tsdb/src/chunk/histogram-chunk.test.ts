// The histogram codec: everything a series can bring comes back, chunks are continued from their bytes as
// if they had never been closed, resets are told, and damage is `corrupt`. That Prometheus reads the same
// is shown in test/peers.
import { isKind } from '@weir/errors';
import {
  type NativeHistogram,
  RESET_GAUGE,
  RESET_NO,
  RESET_UNKNOWN,
  RESET_YES,
  SCHEMA_CUSTOM_BUCKETS,
} from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM, CHUNK_XOR } from './chunk.ts';
import { readHistogramChunk } from './histogram-decode.ts';
import { HistogramChunk } from './histogram-encode.ts';
import {
  histogramOf,
  type PlannedStep,
  plannedHistograms,
  printHistogram,
  staleHistogram,
  type TimedHistogram,
} from './planned-histograms.ts';

const step: fc.Arbitrary<PlannedStep> = fc.record({
  kind: fc.oneof(
    { weight: 20, arbitrary: fc.constant('grow' as const) },
    fc.constantFrom(
      'reset' as const,
      'stale' as const,
      'scale' as const,
      'lose' as const,
      'hint' as const,
      'huge' as const,
    ),
  ),
  gap: fc.oneof(
    fc.constant(15_000),
    fc.integer({ min: 1, max: 20_000 }),
    fc.constantFrom(2 ** 24, 2 ** 25 + 1, 2 ** 40),
  ),
  adds: fc.array(
    fc.tuple(
      fc.oneof(fc.integer({ min: -3, max: 6 }), fc.integer({ min: -60, max: 60 })),
      fc.oneof(
        fc.nat({ max: 40 }),
        fc.constantFrom(0, 4, 5, 32, 33, 256, 257, 2048, 2049, 131_072, 131_073),
        fc.nat({ max: 2 ** 30 }),
      ),
    ),
    { maxLength: 4 },
  ),
  sum: fc.oneof(fc.double(), fc.integer({ min: -1000, max: 1000 })),
});

const scales = fc.constantFrom(0, 2 ** -128, 2 ** -243, 1024, 0.001, 2 ** -244, 2048);

/** The samples of one series in time order; not all fit one chunk. */
const histogramSeries: fc.Arbitrary<readonly TimedHistogram[]> = fc
  .record({
    isFloat: fc.boolean(),
    isGauge: fc.boolean(),
    isCustom: fc.boolean(),
    start: fc.integer({ min: -(2 ** 44), max: 2 ** 44 }),
    scales: fc.array(scales, { minLength: 1, maxLength: 3 }),
    bounds: fc.uniqueArray(
      fc.constantFrom(0, 0.005, 1, 2.5, 33_554.43, 33_554.431, 1 / 3, -4, 1e9),
    ),
    steps: fc.array(step, { minLength: 1, maxLength: 60 }),
  })
  .map(plannedHistograms);

function chunksOf(samples: readonly TimedHistogram[], resumeEvery = 0): HistogramChunk[] {
  const chunks: HistogramChunk[] = [];
  let open: HistogramChunk | undefined;
  samples.forEach(([t, h], at) => {
    if (open && resumeEvery > 0 && at % resumeEvery === 0) {
      open = HistogramChunk.resume(open.encoding, open.bytes());
      chunks[chunks.length - 1] = open;
    }
    if (open?.tryAppend(t, h)) return;
    open = HistogramChunk.start(h.isFloat, open);
    expect(open.tryAppend(t, h)).toBe(true);
    chunks.push(open);
  });
  return chunks;
}

function read(chunk: HistogramChunk, minT = -Infinity, maxT = Infinity): TimedHistogram[] {
  const out: TimedHistogram[] = [];
  readHistogramChunk(chunk.encoding, chunk.bytes(), minT, maxT, (t, h) => out.push([t, h]));
  return out;
}

const print = (samples: readonly TimedHistogram[]) =>
  samples.map(([t, h]) => `${t} ${printHistogram(h)}`);

/** One bucket each at index 0 and on. */
const counts = (parts: Partial<NativeHistogram>, ...buckets: number[]) =>
  histogramOf({
    count: buckets.reduce((a, b) => a + b, 0),
    positiveSpans: Int32Array.of(0, buckets.length),
    positiveBuckets: Float64Array.from(buckets),
    ...parts,
  });

describe('histogram chunk', () => {
  it('brings every sample back', () => {
    fc.assert(
      fc.property(histogramSeries, (samples) => {
        const chunks = chunksOf(samples);
        // A marker takes on whether its chunk is of a gauge, which means nothing.
        expect(chunks.flatMap((chunk) => print(read(chunk)))).toEqual(print(samples));
        for (const chunk of chunks) {
          const back = read(chunk);
          expect(chunk.count).toBe(back.length);
          expect(chunk.minT).toBe(back[0]![0]);
          expect(chunk.maxT).toBe(back.at(-1)![0]);
          expect(chunk.sizeBytes).toBe(chunk.bytes().length);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('goes on from its bytes as if it had stayed open', () => {
    fc.assert(
      fc.property(histogramSeries, fc.integer({ min: 1, max: 5 }), (samples, every) => {
        const bytes = (chunks: HistogramChunk[]) => chunks.map((chunk) => [...chunk.bytes()]);
        expect(bytes(chunksOf(samples, every))).toEqual(bytes(chunksOf(samples)));
      }),
      { numRuns: 200 },
    );
  });

  it('visits only the times asked for', () => {
    const samples = Array.from({ length: 50 }, (_, n): TimedHistogram => [n * 10, counts({}, n)]);
    const [chunk] = chunksOf(samples);
    expect(read(chunk!, 95, 120).map(([t]) => t)).toEqual([100, 110, 120]);
    expect(read(chunk!, 491, 600)).toEqual([]);
  });

  it('takes new and empty buckets into one chunk', () => {
    const chunk = HistogramChunk.start(false);
    const gaps = (...spans: number[]) => ({ positiveSpans: Int32Array.from(spans) });
    expect(chunk.tryAppend(1, counts({}, 1, 0, 3))).toBe(true);
    expect(chunk.tryAppend(2, counts(gaps(-2, 1, 1, 1, 1, 2), 7, 1, 3, 0))).toBe(true);
    expect(chunk.tryAppend(3, counts(gaps(-2, 5), 7, 0, 2, 0, 4))).toBe(true);
    expect(read(chunk).map(([, h]) => [...h.positiveSpans])).toEqual(Array(3).fill([-2, 6]));
    expect(read(chunk).map(([, h]) => [...h.positiveBuckets])).toEqual([
      [0, 0, 1, 0, 3, 0],
      [7, 0, 1, 0, 3, 0],
      [7, 0, 2, 0, 4, 0],
    ]);
  });

  const base = counts({ zeroCount: 2, zeroThreshold: 0.5 }, 4, 5);
  const custom = { schema: SCHEMA_CUSTOM_BUCKETS, customValues: Float64Array.of(1, 2) };
  const cases: [string, NativeHistogram, NativeHistogram, boolean, number][] = [
    ['equal counts', base, base, true, RESET_UNKNOWN],
    [
      'a bucket that fell',
      base,
      { ...base, positiveBuckets: Float64Array.of(3, 6) },
      false,
      RESET_YES,
    ],
    ['a count that fell', base, { ...base, count: 8 }, false, RESET_YES],
    ['a zero count that fell', base, { ...base, zeroCount: 1 }, false, RESET_YES],
    [
      'a bucket gone',
      base,
      { ...counts({ zeroCount: 2, zeroThreshold: 0.5 }, 9) },
      false,
      RESET_YES,
    ],
    ['an empty bucket gone', counts({}, 4, 0), counts({}, 5), true, RESET_UNKNOWN],
    ['another schema', base, { ...base, schema: 1 }, false, RESET_UNKNOWN],
    ['another threshold', base, { ...base, zeroThreshold: 0.25 }, false, RESET_UNKNOWN],
    [
      'other bounds',
      counts(custom, 1),
      counts({ ...custom, customValues: Float64Array.of(1) }, 2),
      false,
      RESET_YES,
    ],
    ['a gauge', base, { ...base, resetHint: RESET_GAUGE }, false, RESET_GAUGE],
    ['after a gauge', { ...base, resetHint: RESET_GAUGE }, base, false, RESET_UNKNOWN],
    [
      'a falling gauge',
      { ...base, resetHint: RESET_GAUGE },
      { ...counts({ zeroThreshold: 0.5 }, 1), resetHint: RESET_GAUGE },
      true,
      RESET_GAUGE,
    ],
    ['a reset by its sender', base, { ...base, resetHint: RESET_YES }, false, RESET_YES],
    ['a marker', base, staleHistogram(false), true, RESET_UNKNOWN],
    ['after a marker', staleHistogram(false), base, false, RESET_UNKNOWN],
    ['floats', base, { ...base, isFloat: true }, false, RESET_UNKNOWN],
    ['2^50', base, { ...base, count: 2 ** 50 }, true, RESET_UNKNOWN],
    ['above 2^50', base, { ...base, count: 2 ** 50 + 1 }, false, RESET_UNKNOWN],
  ];
  it.each(cases)('%s: in one chunk or not, and what the next one says', (_, a, b, fits, hint) => {
    const first = HistogramChunk.start(a.isFloat);
    first.tryAppend(1000, a);
    const bytes = first.bytes();
    const second = HistogramChunk.start(b.isFloat, first);
    expect(second.tryAppend(2000, b)).toBe(true);
    expect(read(second)[0]![1].resetHint).toBe(hint);
    expect(first.tryAppend(2000, b)).toBe(fits);
    if (!fits) expect(first.bytes()).toEqual(bytes);
  });

  it('says that nothing was reset where it knows, and only to who reads the flags', () => {
    const first = HistogramChunk.start(false);
    first.tryAppend(1000, base);
    const next = HistogramChunk.start(false, first);
    next.tryAppend(2000, base);
    next.tryAppend(3000, base);
    expect(first.bytes()[2]).toBe(0);
    expect(next.bytes()[2]).toBe(0x40);
    expect(read(next).map(([, h]) => h.resetHint)).toEqual([RESET_UNKNOWN, RESET_NO]);
  });

  it('has the bytes of the format', () => {
    const chunk = HistogramChunk.start(false);
    chunk.tryAppend(1, counts({ zeroThreshold: 2 ** -128, sum: 1 }, 3));
    chunk.tryAppend(3, counts({ zeroThreshold: 2 ** -128, sum: 1 }, 8));
    const bits = [...chunk.bytes()].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const wanted = [
      `${'0'.repeat(14)}10 00000000 01110100`, // two samples, unknown, 116
      '0 10001 10001 0 0', // schema 0, one span of length 1 at offset 0; no negative ones
      '10001 10011 0', // t 1, count 3, zero count 0
      `0011111111110000${'0'.repeat(48)} 10011`, // sum 1.0, bucket 3
      '10010 110000101 0 0 110000101', // t + 2, count + 5, zero count + 0, same sum, bucket + 5
    ].join('');
    expect(bits).toBe(wanted.replaceAll(' ', '').padEnd(bits.length, '0'));
    expect(bits.length - wanted.replaceAll(' ', '').length).toBeLessThan(8);
  });

  it('refuses what is not a histogram', () => {
    const append = (h: NativeHistogram) => HistogramChunk.start(h.isFloat).tryAppend(1, h);
    for (const h of [
      counts({ count: 1.5 }, 1),
      counts({ zeroCount: -1 }, 1),
      counts({}, 2 ** 53),
      counts({ positiveSpans: Int32Array.of(0, 2) }, 1),
      { ...base, negativeBuckets: Float64Array.of(1) },
    ]) {
      expect(() => append(h)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    }
    expect(append(counts({}, 2 ** 53 - 1))).toBe(true);
    expect(() => HistogramChunk.resume(CHUNK_XOR, new Uint8Array(9))).toThrow('encoding 1');
  });

  it('ends at 65,535 samples', () => {
    const chunk = HistogramChunk.start(false);
    for (let t = 1; t <= 65_535; t++) expect(chunk.tryAppend(t, staleHistogram(false))).toBe(true);
    expect(chunk.tryAppend(65_536, staleHistogram(false))).toBe(false);
    expect(read(chunk, 65_535)).toHaveLength(1);
  });

  it('answers damage with corrupt, never with anything else', () => {
    const noise = fc.uint8Array({ maxLength: 120 });
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(histogramSeries, damage, noise, fc.nat(), (samples, changes, bytes, cut) => {
        const whole = chunksOf(samples)[0]!.bytes();
        const damaged = whole.slice();
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        for (const input of [bytes, damaged, whole.subarray(0, cut % whole.length)]) {
          for (const encoding of [CHUNK_HISTOGRAM, CHUNK_FLOAT_HISTOGRAM]) {
            try {
              const { count } = HistogramChunk.resume(encoding, input);
              expect(count).toBe((input[0]! << 8) | input[1]!);
            } catch (error) {
              expect(isKind(error, 'corrupt')).toBe(true);
            }
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
