// The precautions around the native decompressor: bombs are refused by their header, garbage is an
// error for the client.
import fc from 'fast-check';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { snappyUncompress, snappyUncompressedSize } from './snappy-block.ts';

describe('snappy blocks', () => {
  it('round-trip, with their size known beforehand', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(50), (bytes, times) => {
        const plain = Buffer.concat(Array.from({ length: times }, () => bytes));
        const compressed = compressSync(plain);
        expect(snappyUncompressedSize(compressed)).toBe(plain.length);
        expect(plain.equals(snappyUncompress(compressed))).toBe(true);
      }),
    );
  });

  it.each(['', 'ff', 'ffffffff0f00', 'ffffffff7f00', '80808080800100'])(
    'refuses the header %s',
    (hex) => {
      expect(() => snappyUncompressedSize(Buffer.from(hex, 'hex'))).toThrow(
        /^snappy: corrupt input/,
      );
    },
  );

  it('never calls the most that snappy can compress a bomb', () => {
    const zeros = Buffer.alloc(50_000_000);
    expect(snappyUncompressedSize(compressSync(zeros))).toBe(zeros.length);
  });

  it('answers arbitrary bytes with an error for the client', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          snappyUncompressedSize(bytes);
          snappyUncompress(bytes);
        } catch (error) {
          expect(error).toMatchObject({
            kind: 'invalid',
            message: expect.stringMatching(/^snappy: corrupt/),
          });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
