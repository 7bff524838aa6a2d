// Comparison of label bytes: exact for every content, also where eight bytes are a NaN or a zero.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteArena } from './byte-arena.ts';

const NAN = [1, 2, 3, 4, 5, 6, 0xf8, 0x7f];
const ZERO = [0, 0, 0, 0, 0, 0, 0, 0];
const MINUS_ZERO = [0, 0, 0, 0, 0, 0, 0, 0x80];

function same(left: Uint8Array, right: Uint8Array, skip = 0): boolean {
  const arena = new ByteArena();
  if (skip > 0) arena.append(Uint8Array.of(7, 7, 7), 0, skip);
  const position = arena.append(left, 0, left.length);
  return arena.equals(position, left.length, new DataView(right.buffer, right.byteOffset), 0);
}

describe('ByteArena.equals', () => {
  it('finds each changed byte, and nothing else', () => {
    const piece = fc.oneof(
      fc.constantFrom(NAN, ZERO, MINUS_ZERO),
      fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 20 }),
    );
    const bytes = fc.array(piece, { minLength: 1, maxLength: 12 }).map((all) => all.flat());
    fc.assert(
      fc.property(bytes, fc.nat(300), fc.integer({ min: 1, max: 255 }), (list, index, flip) => {
        const left = Uint8Array.from(list);
        expect(same(left, left.slice(), index % 3)).toBe(true);
        if (left.length === 0) return;
        const right = left.slice();
        right[index % right.length] ^= flip;
        expect(same(left, right, index % 3)).toBe(false);
      }),
    );
  });

  it('tells 0 from -0 and a NaN from another', () => {
    const bytes = (...parts: number[][]) => Uint8Array.from(parts.flat());
    expect(same(bytes(NAN, ZERO), bytes(NAN, MINUS_ZERO))).toBe(false);
    expect(same(bytes(MINUS_ZERO, NAN), bytes(ZERO, NAN))).toBe(false);
    expect(same(bytes(NAN, NAN), bytes(NAN, NAN))).toBe(true);
    expect(same(bytes(NAN), bytes([9, 2, 3, 4, 5, 6, 0xf8, 0x7f]))).toBe(false);
  });
});
