// XOR2 chunks: byte for byte what Prometheus makes of the same samples; everything comes back, bit by bit,
// with and without start timestamps; damage is `corrupt`.
import { isKind } from '@weir/errors';
import { SampleColumns, STALE_NAN } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitWriter } from './bits.ts';
import { CHUNK_HISTOGRAM, CHUNK_XOR, CHUNK_XOR2, chunkSampleCount } from './chunk.ts';
import { decodeFloatChunk, encodeFloatChunk } from './float-chunk.ts';
import { encodeXorChunk } from './xor-encode.ts';
import { encodeXor2Chunk } from './xor2-encode.ts';
import { XOR2_CHUNKS } from './xor2-fixture.ts';

/** Time, bits of the value, start. */
type Sample = readonly [t: number, bits: bigint, st: number];

const T = 1_700_000_000_000;
const STEP = 15_000;
const STALE = 0x7ff0000000000002n;

const bitsOf = (value: number) => new BigUint64Array(Float64Array.of(value).buffer)[0]!;

function columnsOf(samples: readonly Sample[], withStarts = true): SampleColumns {
  const columns = new SampleColumns(samples.length, withStarts);
  const bits = new BigUint64Array(columns.v.buffer);
  samples.forEach(([t, value, st], at) => {
    columns.push(t, 0, st);
    bits[at] = value;
  });
  return columns;
}

function samplesOf({ t, v, st, count }: SampleColumns): Sample[] {
  const bits = new BigUint64Array(v.buffer);
  return Array.from({ length: count }, (_, at) => [t[at]!, bits[at]!, st?.[at] ?? -1]);
}

function decode(bytes: Uint8Array, encoding = CHUNK_XOR2, withStarts = true) {
  const out = new SampleColumns(1, withStarts);
  decodeFloatChunk(encoding, bytes, out, -Infinity, Infinity);
  return samplesOf(out);
}

function steady(count: number, start: (index: number) => number): Sample[] {
  return Array.from({ length: count }, (_, at) => [T + STEP * at, bitsOf(100 + 5 * at), start(at)]);
}

/** From times that may depend on the one before. */
function series(count: number, next: (index: number, before: number) => Sample): Sample[] {
  const out: Sample[] = [];
  for (let at = 0; at < count; at++) out.push(next(at, out.at(-1)?.[0] ?? T - STEP));
  return out;
}

function jumps(): Sample[] {
  const gaps = [0, 1000, 5095, 999, 5095, 1000, 5097, 1000, 525_287, 1000, 525_288, 1000];
  gaps.push(525_289, 1000, 2 ** 40, 1, 2 ** 41, 7);
  let t = -5000;
  return gaps.map((gap, at) => {
    t += gap;
    return [t, bitsOf(at % 3), t - gap];
  });
}

function noise(): Sample[] {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed;
  };
  let t = T;
  return Array.from({ length: 60 }, () => {
    t += 1 + (random() % 20_000);
    const bits = BigInt.asUintN(64, BigInt(random()) << 33n) ^ (BigInt(random()) << 8n);
    const value = bits ^ BigInt(random());
    const st = t - random() * (1 + (random() % 500));
    return [t, value, random() % 4 === 0 ? 0 : st];
  });
}

function startsOfEveryWidth(): Sample[] {
  const changes = [0, 1, -3, 4, -4, 5, -31, 32, -32, 33, -255, 256, -256, 257, -2047, 2048, -2048];
  changes.push(2049, -131_071, 131_072, -131_072, 131_073, -16_777_215, 16_777_216);
  changes.push(-16_777_216, 16_777_217, 2 ** 45, -(2 ** 46));
  let gap = STEP;
  return changes.map((change, at) => {
    gap += change;
    return [T + STEP * at, bitsOf(7), T + STEP * at - gap];
  });
}

const SHAPES: Record<string, Sample[]> = {
  'no starts': steady(10, () => 0),
  'one sample': steady(1, () => 0),
  'one sample with a start': steady(1, () => T - 5),
  'a constant start': steady(120, () => T - 1),
  'a start that changes': steady(20, (at) => (at < 9 ? T - 5000 : T + STEP * 9 - 100)),
  'a start of the first sample alone': steady(5, (at) => (at === 0 ? T - 5000 : 0)),
  'a start from the second sample on': steady(5, (at) => (at === 0 ? 0 : T)),
  'a start from the fourth sample on': steady(8, (at) => (at < 3 ? 0 : T + 1)),
  'no starts in 130 samples': steady(130, () => 0),
  'a start that changes at 150': steady(160, (at) => (at < 150 ? T : T + STEP * 150) - 1),
  'a start from 150 on': steady(160, (at) => (at < 150 ? 0 : T + STEP * 150 - 1)),
  'a start that changes at 127': steady(130, (at) => (at < 127 ? T - 1 : T)),
  'each the time before': steady(20, (at) => T + STEP * (at - 1)),
  'each the jittered time before': series(40, (at, before) => [
    T + STEP * at + ((at * 7) % 5),
    bitsOf(Math.floor(at / 3) * 0.1),
    before,
  ]),
  markers: series(24, (at) => [
    T + STEP * at + (at >= 12 ? at % 2 : 0),
    at % 4 === 0 ? STALE : bitsOf(Math.floor(at / 5)),
    at >= 6 ? T : 0,
  ]),
  'gaps of every width': jumps(),
  noise: noise(),
  'starts of every width': startsOfEveryWidth(),
};

const anySample = fc.tuple(
  fc.oneof(
    fc.constant(STEP),
    fc.integer({ min: 1, max: 20_000 }),
    fc.constantFrom(1, 4095, 4096, 4097, 524_287, 524_288, 524_289, 2 ** 31, 2 ** 40),
  ),
  fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.integer({ min: -9, max: 9 }).map(bitsOf),
    fc.constantFrom(STALE, bitsOf(Number.NaN), bitsOf(-0), bitsOf(Infinity)),
  ),
  fc.oneof(
    fc.constantFrom(0, 0, T, T, T + 1, -(2 ** 50), 2 ** 50),
    fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
  ),
);

const anySeries: fc.Arbitrary<Sample[]> = fc
  .tuple(
    fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
    fc.array(anySample, { minLength: 1, maxLength: 160 }),
  )
  .map(([start, steps]) => {
    let t = start;
    return steps.map(([step, bits, st]) => {
      t += step;
      return [t, bits, st];
    });
  });

describe('XOR2 chunk', () => {
  it('is tried on all that Prometheus made', () => {
    expect(Object.keys(SHAPES).sort()).toEqual(Object.keys(XOR2_CHUNKS).sort());
  });

  it.each(Object.entries(SHAPES))('%s: has the bytes that Prometheus writes', (name, samples) => {
    const bytes = Buffer.from(XOR2_CHUNKS[name]!, 'hex');
    expect(decode(bytes)).toEqual(samples);
    const encoded = encodeXor2Chunk(columnsOf(samples), 0, samples.length);
    expect(Buffer.from(encoded).toString('hex')).toBe(XOR2_CHUNKS[name]);
  });

  it('brings every sample back, bit by bit', () => {
    fc.assert(
      fc.property(anySeries, fc.nat({ max: 3 }), (samples, skipped) => {
        const from = Math.min(skipped, samples.length - 1);
        const bytes = encodeXor2Chunk(columnsOf(samples), from, samples.length);
        expect(chunkSampleCount(CHUNK_XOR2, bytes)).toBe(samples.length - from);
        expect(decode(bytes)).toEqual(samples.slice(from));
        const withoutStarts = samples.slice(from).map(([t, bits]) => [t, bits, -1]);
        expect(decode(bytes, CHUNK_XOR2, false)).toEqual(withoutStarts);
      }),
      { numRuns: 300 },
    );
  });

  it('appends only the samples asked for', () => {
    const samples = SHAPES['a start that changes']!;
    const bytes = encodeXor2Chunk(columnsOf(samples), 0, samples.length);
    const out = columnsOf([[1, 2n, 3]]);
    decodeFloatChunk(CHUNK_XOR2, bytes, out, T + STEP * 8, T + STEP * 9 + 1);
    expect(samplesOf(out)).toEqual([[1, 2n, 3], samples[8], samples[9]]);
    decodeFloatChunk(CHUNK_XOR2, bytes, out, T + STEP * 20, Infinity);
    expect(out.count).toBe(3);
  });

  it('takes the most samples that a chunk can have', () => {
    const samples = series(65_535, (at) => [at * 2 ** 33 + (at % 3), bitsOf(1 / (at + 1)), at % 9]);
    const whole = encodeXor2Chunk(columnsOf(samples), 0, samples.length);
    const longer = new Uint8Array(whole.length + (8 << 20)).fill(0xff);
    longer.set(whole);
    for (const bytes of [whole, longer]) expect(decode(bytes)).toEqual(samples);
    expect(() => decode(whole.subarray(0, whole.length - 1))).toThrow('cut off');
  });

  it('takes the longest samples that the format allows, and their end for none', () => {
    const count = 65_535;
    const writer = new BitWriter();
    writer.put((count << 8) | 0x81, 24);
    const putLong = (value: number) => writer.putLong(value, 64);
    for (let n = 0; n < 9; n++) writer.put(0x80, 8);
    writer.put(0, 8);
    putLong(1);
    writer.put(0, 8);
    for (let index = 1; index < count; index++) {
      if (index === 1) writer.put(7, 8);
      else {
        writer.put(0b11110, 5);
        putLong(index % 2 === 0 ? 1 : -1);
      }
      writer.put(0b110 << 11, 14);
      putLong(index);
      writer.put(0xff, 8);
      putLong(index % 2 === 0 ? 2 : -2);
    }
    const bytes = writer.bytes();
    const samples = decode(bytes);
    expect(samples).toHaveLength(count);
    expect(samples.slice(0, 4).map(([t, , st]) => [t, st])).toEqual([
      [0, 0],
      [7, 2],
      [15, 7],
      [22, 17],
    ]);
    for (const size of [8300, 100_000, bytes.length - 1]) {
      expect(() => decode(bytes.subarray(0, size))).toThrow(
        expect.objectContaining({ kind: 'corrupt' }),
      );
    }
  });

  it('calls times that do not ascend damage', () => {
    for (const gap of [0, -5]) {
      const twice = columnsOf([
        [9, 1n, 0],
        [10, 1n, 0],
        [10 + gap, 1n, 0],
      ]);
      expect(() => decode(encodeXor2Chunk(twice, 0, 3))).toThrow('goes back');
    }
  });

  it('does not tell starts that it could not tell exactly', () => {
    const starts = [2 ** 53 - 1, 5, -(2 ** 53) + 1, Number.NaN, 2 ** 62];
    const samples = starts.map((st, at): Sample => [T + at, 1n, st]);
    const back = decode(encodeXor2Chunk(columnsOf(samples), 0, samples.length));
    expect(back.map(([, , st]) => st)).toEqual([0, 5, 0, 0, 0]);
  });

  it('answers damage with corrupt, never with anything else', () => {
    const noiseBytes = fc.uint8Array({ maxLength: 200 });
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    expect(() => decode(Uint8Array.of(0xff, 0xff, 1, 2, 3))).toThrow('shorter');
    fc.assert(
      fc.property(anySeries, damage, noiseBytes, fc.nat(), (samples, changes, bytes, cut) => {
        const whole = encodeXor2Chunk(columnsOf(samples), 0, samples.length);
        const damaged = whole.slice();
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        for (const input of [bytes, damaged, whole.subarray(0, cut % whole.length)]) {
          const out = columnsOf([[0, 0n, 0]]);
          try {
            decodeFloatChunk(CHUNK_XOR2, input, out, -Infinity, Infinity);
            expect(out.count - 1).toBe(chunkSampleCount(CHUNK_XOR2, input));
          } catch (error) {
            expect(isKind(error, 'corrupt')).toBe(true);
            expect(out.count).toBe(1);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('decodeFloatChunk()', () => {
  it('tells that XOR chunks know no starts', () => {
    for (const count of [3, 100]) {
      const t = Float64Array.from({ length: count }, (_, at) => at);
      const bytes = encodeXorChunk(t, t, 0, count);
      const out = new SampleColumns(1, true);
      out.push(-1, 0, 7);
      out.reserve(200);
      out.st!.fill(9, 1);
      decodeFloatChunk(CHUNK_XOR, bytes, out, 1, Infinity);
      expect([...out.st!.subarray(0, count + 1)]).toEqual([7, ...Array(count - 1).fill(0), 9]);
    }
  });

  it('refuses chunks of histograms', () => {
    const out = new SampleColumns();
    expect(() => decodeFloatChunk(CHUNK_HISTOGRAM, new Uint8Array(4), out, 0, 1)).toThrow(
      'encoding 2',
    );
  });
});

describe('encodeFloatChunk()', () => {
  it('takes XOR2 where a start is known, else XOR', () => {
    const columns = columnsOf([
      [10, bitsOf(1), 0],
      [20, bitsOf(STALE_NAN), 0],
      [30, bitsOf(3), 5],
    ]);
    const plain = encodeFloatChunk(columns, 0, 2);
    expect(plain).toMatchObject({ minT: 10, maxT: 20, encoding: CHUNK_XOR });
    expect(plain.bytes).toEqual(encodeXorChunk(columns.t, columns.v, 0, 2));
    const both = encodeFloatChunk(columns, 1, 3);
    expect(both).toMatchObject({ minT: 20, maxT: 30, encoding: CHUNK_XOR2 });
    expect(decode(both.bytes)).toEqual(samplesOf(columns).slice(1));
    columns.st = undefined;
    expect(encodeFloatChunk(columns, 0, 3).encoding).toBe(CHUNK_XOR);
  });
});
