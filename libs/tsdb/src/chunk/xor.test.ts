// The XOR codec: round trips of every bit pattern, golden bytes written out by hand from the format,
// and damaged chunks, which must never do anything but throw `corrupt` or decode.
import { WeirError } from '@weir/errors';
import { SampleColumns, STALE_NAN } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_XOR, chunkSampleCount } from './chunk.ts';
import { decodeXorChunk } from './xor-decode.ts';
import { encodeXorChunk } from './xor-encode.ts';

function bitsOf(values: ArrayLike<number>): bigint[] {
  return [...new BigUint64Array(Float64Array.from(values).buffer)];
}

function decode(bytes: Uint8Array, minT = -Infinity, maxT = Infinity) {
  const out = new SampleColumns(4);
  decodeXorChunk(bytes, out, minT, maxT);
  return { t: [...out.t.subarray(0, out.count)], v: out.v.slice(0, out.count) };
}

function roundTrip(t: number[], v: Float64Array): void {
  const bytes = encodeXorChunk(Float64Array.from(t), v, 0, t.length);
  expect(chunkSampleCount(CHUNK_XOR, bytes)).toBe(t.length);
  const back = decode(bytes);
  expect(back.t).toEqual(t);
  expect([...new BigUint64Array(back.v.buffer)]).toEqual([...new BigUint64Array(v.slice().buffer)]);
}

/** Significant bits of each change of value: zeros before (at most 31) and after them. */
function changes(v: Float64Array): { before: number; after: number }[] {
  const bits = bitsOf(v);
  return bits.slice(1).flatMap((value, at) => {
    const text = (value ^ bits[at]!).toString(2).padStart(64, '0');
    if (!text.includes('1')) return [];
    return [{ before: Math.min(text.indexOf('1'), 31), after: 63 - text.lastIndexOf('1') }];
  });
}

/** Bits that the changed values take where a window is kept as long as they fit, as Prometheus does. */
function usualBits(v: Float64Array): number {
  let window = { before: 64, after: 64 };
  let sum = 0;
  for (const change of changes(v)) {
    const fits = change.before >= window.before && change.after >= window.after;
    if (!fits) window = change;
    sum += (fits ? 2 : 13) + 64 - window.before - window.after;
  }
  return sum;
}

/** Bits that the changed values take here, to a byte. */
function bitsTaken(v: Float64Array): number {
  const times = Float64Array.from(v, (_, at) => 15_000 * at);
  const same = new Float64Array(v.length);
  const rest = encodeXorChunk(times, same, 0, v.length).length;
  // Without times and first value; an unchanged value takes a bit in both.
  return (encodeXorChunk(times, v, 0, v.length).length - rest) * 8 + changes(v).length;
}

const values = fc.oneof(
  fc.double(),
  fc.integer({ min: -1000, max: 1000 }),
  fc.constantFrom(0, -0, Infinity, -Infinity, NaN, Number.MIN_VALUE, Number.MAX_VALUE),
);
const steps = fc.oneof(
  fc.constant(15000),
  fc.integer({ min: 1, max: 20000 }),
  fc.constantFrom(1, 8192, 8193, 65536, 65537, 524288, 524289, 2 ** 31, 2 ** 40),
);

describe('XOR chunk', () => {
  it('has the bytes of the format', () => {
    // t = 1 → zigzag 2, v = 1.0; then delta 15, same value (bit 0).
    const bytes = encodeXorChunk(Float64Array.of(1, 16), Float64Array.of(1, 1), 0, 2);
    expect([...bytes]).toEqual([0, 2, 2, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 15, 0]);
    // Third sample: dod -1 → 10 + 14 bits; 2.0 ^ 1.0 = 0x7ff0… → 11, leading 1, 11 bits, all ones.
    const third = encodeXorChunk(Float64Array.of(1, 16, 30), Float64Array.of(1, 1, 2), 0, 3);
    const stream = [...third.subarray(12)]
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('');
    expect(stream.startsWith(`010111111111111111100001001011${'1'.repeat(11)}`)).toBe(true);
    expect(third.length).toBe(12 + Math.ceil((1 + 16 + 13 + 11) / 8));
  });

  it('takes fewer bits than with the first window that fits', () => {
    let random = 1;
    const next = () => {
      random = (random * 48271) % 2147483647;
      return random / 2147483647;
    };
    let taken = 0;
    let usual = 0;
    for (let series = 0; series < 200; series++) {
      let level = next() * 1000;
      const walk = Float64Array.from({ length: 120 }, () => {
        level += series % 2 === 0 ? next() - 0.4 : Math.floor(next() * 20);
        return series % 2 === 0 ? level : Math.floor(level);
      });
      taken += bitsTaken(walk);
      usual += usualBits(walk);
    }
    expect(taken / usual).toBeLessThan(0.97);
  });

  it('brings every sample back, bit by bit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
        fc.array(fc.tuple(steps, values), { minLength: 1, maxLength: 150 }),
        (start, samples) => {
          let at = start;
          const t = samples.map(([step]) => (at += step));
          roundTrip(
            t,
            Float64Array.from(samples, ([, value]) => value),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps arbitrary bit patterns, NaN payloads included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1 }),
        (bits) => {
          const v = new Float64Array(BigUint64Array.from(bits).buffer);
          roundTrip(
            bits.map((_, index) => index * 1000),
            v,
          );
        },
      ),
    );
    const stale = new Float64Array(3).fill(STALE_NAN);
    const bytes = encodeXorChunk(Float64Array.of(1, 2, 3), stale, 0, 3);
    expect(bitsOf(decode(bytes).v)[2]).toBe(0x7ff0000000000002n);
  });

  it('appends only the samples asked for', () => {
    const t = Float64Array.from({ length: 100 }, (_, index) => index * 10);
    const bytes = encodeXorChunk(t, t, 20, 80);
    expect(decode(bytes, 255, 300).t).toEqual([260, 270, 280, 290, 300]);
    expect(decode(bytes, 2000, 3000).t).toEqual([]);
    const out = new SampleColumns(1);
    out.push(1, 2);
    decodeXorChunk(bytes, out, 790, 790);
    expect([...out.t.subarray(0, out.count)]).toEqual([1, 790]);
  });

  it('takes the most samples that a chunk can have, and no notice of what lies behind them', () => {
    const t = Float64Array.from({ length: 65_535 }, (_, index) => index * 2 ** 33 + (index % 3));
    const v = t.map((at) => 1 / (at + 1));
    const whole = encodeXorChunk(t, v, 0, t.length);
    const longer = new Uint8Array(whole.length + (8 << 20)).fill(0xff);
    longer.set(whole);
    for (const bytes of [whole, longer]) {
      const back = decode(bytes);
      expect(back.t).toEqual([...t]);
      expect(back.v).toEqual(v);
    }
    expect(() => decode(whole.subarray(0, whole.length - 1))).toThrow(WeirError);
  });

  it('answers damage with corrupt, never with anything else', () => {
    const t = Float64Array.from({ length: 120 }, (_, index) => index * 15000 + (index % 7));
    const whole = encodeXorChunk(t, t.map(Math.sin), 0, 120);
    expect(() => decode(whole.subarray(0, whole.length - 3))).toThrow(WeirError);
    expect(() => decode(new Uint8Array(1))).toThrow(WeirError);
    expect(() => decode(Uint8Array.of(0xff, 0xff, 1, 2, 3))).toThrow(WeirError);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat({ max: whole.length - 1 }),
        fc.nat({ max: 255 }),
        (noise, at, byte) => {
          const damaged = whole.slice();
          damaged[at] = byte;
          for (const bytes of [noise, damaged]) {
            try {
              decode(bytes);
            } catch (error) {
              expect(error).toBeInstanceOf(WeirError);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
