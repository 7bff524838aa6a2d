// Varints: every value comes back, and no bytes make a reader crash or run on.
import { isKind } from '@weir/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUvarint, uvarintSize, writeUvarint } from './varint.ts';

describe('uvarint', () => {
  it('comes back, in the size that was told', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const out = new Uint8Array(10);
        const end = writeUvarint(out, 0, value);
        expect(end).toBe(uvarintSize(value));
        const cursor = { at: 0 };
        expect(readUvarint(out, cursor, end)).toBe(value);
        expect(cursor.at).toBe(end);
      }),
    );
  });

  it('refuses what ends early or goes on for too long', () => {
    const long = new Uint8Array(11).fill(0x80);
    for (const bytes of [Uint8Array.of(), Uint8Array.of(0x80), long]) {
      let thrown: unknown;
      try {
        readUvarint(bytes, { at: 0 }, bytes.length);
      } catch (error) {
        thrown = error;
      }
      expect(isKind(thrown, 'invalid')).toBe(true);
    }
  });
});
