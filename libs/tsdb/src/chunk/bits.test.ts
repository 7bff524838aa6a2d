// Bit streams and the numbers in them, at and around every width.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader, BitWriter } from './bits.ts';
import { EMPTY_LAYOUT, readLayout, writeLayout } from './histogram-layout.ts';
import { putVarbitInt, putVarbitUint, readVarbitInt, readVarbitUint } from './varbit.ts';

describe('bit stream', () => {
  it('brings back what was put, also when resumed', () => {
    const piece = fc.integer({ min: 1, max: 32 }).chain((size) =>
      fc.record({
        size: fc.constant(size),
        value: fc.nat({ max: 2 ** size - 1 }),
        resume: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        let writer = new BitWriter();
        let bits = 0;
        for (const { size, value, resume } of pieces) {
          writer.put(value, size);
          bits += size;
          if (resume) writer = new BitWriter(writer.bytes().fill(255, (bits + 7) >>> 3), bits);
        }
        const reader = new BitReader(writer.bytes(), 0);
        expect(pieces.map(({ size }) => reader.read(size))).toEqual(pieces.map((p) => p.value));
        expect(reader.remaining).toBeLessThan(8);
        expect(() => reader.read(8)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
      }),
    );
  });

  const edges = [3, 6, 9, 12, 18, 25, 53].flatMap((bits) => [
    2 ** (bits - 1) - 1,
    2 ** (bits - 1),
    2 ** (bits - 1) + 1,
    2 ** bits - 1,
  ]);
  const sizeOf = (put: typeof putVarbitInt, value: number) => {
    const writer = new BitWriter();
    put(writer, value);
    return writer.bytes().length;
  };

  it('brings back integers around every class', () => {
    for (const value of [0, 1, ...edges, 2 ** 53 - 1].flatMap((edge) => [edge, -edge])) {
      const writer = new BitWriter();
      putVarbitInt(writer, value);
      if (value >= 0) putVarbitUint(writer, value);
      const reader = new BitReader(writer.bytes(), 0);
      expect(readVarbitInt(reader) + 0).toBe(value + 0);
      if (value >= 0) expect(readVarbitUint(reader)).toBe(Math.abs(value));
    }
    expect([-131_071, 131_072, -131_072, 131_073].map((n) => sizeOf(putVarbitInt, n))).toEqual([
      3, 3, 4, 4,
    ]);
    expect([2 ** 25 - 1, 2 ** 25].map((n) => sizeOf(putVarbitUint, n))).toEqual([4, 8]);
  });

  it('refuses integers that JavaScript has not', () => {
    const bytes = new Uint8Array(9).fill(255);
    expect(() => readVarbitUint(new BitReader(bytes, 0))).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    );
    expect(readVarbitInt(new BitReader(bytes, 0))).toBe(-1);
  });

  it('writes powers of two as a threshold of one byte', () => {
    const roundTrip = (zeroThreshold: number) => {
      const writer = new BitWriter();
      writeLayout(writer, { ...EMPTY_LAYOUT, zeroThreshold });
      expect(readLayout(new BitReader(writer.bytes(), 0), 1).zeroThreshold).toBe(zeroThreshold);
      return writer.bytes().length;
    };
    for (let exponent = -243; exponent <= 10; exponent++) expect(roundTrip(2 ** exponent)).toBe(2);
    for (const other of [2 ** -244, 2 ** 11, 0.3, Number.MIN_VALUE])
      expect(roundTrip(other)).toBe(10);
    expect(roundTrip(0)).toBe(2);
  });
});
