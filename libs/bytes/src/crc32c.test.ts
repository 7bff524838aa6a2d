// CRC-32C against the vectors of RFC 3720 appendix B.4, and the kernel against the plain way.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from './crc32c.ts';
import { plainCrc32c } from './crc32c-plain.ts';

describe('crc32c', () => {
  it('gives the published checksums', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
  });

  it('continues from a seed as if there were one range', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(64), (bytes, cut) => {
        const at = Math.min(cut, bytes.length);
        const first = crc32c(bytes, 0, at);
        expect(crc32c(bytes, at, bytes.length, first)).toBe(crc32c(bytes));
      }),
    );
  });

  it('of long ranges is what the plain way gives, in front of and behind each limit', () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 2654435761) >>> 13);
    const check = (from: number, size: number, seed: number): void => {
      const wanted = plainCrc32c(bytes, from, from + size, seed);
      expect(crc32c(bytes, from, from + size, seed)).toBe(wanted);
    };
    for (const limit of [2048, 65_536, 65_536 + 2048, 131_072]) {
      for (let size = limit - 17; size <= limit + 17; size++) check(limit % 7, size, size);
    }
    fc.assert(fc.property(fc.nat(50_000), fc.nat(150_000), fc.nat(0xffffffff), check), {
      numRuns: 50,
    });
  });

  it('changes with each bit of a long range', () => {
    const bytes = new Uint8Array(4096);
    const sound = crc32c(bytes);
    for (let bit = 0; bit < 8 * bytes.length; bit += 31) {
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      expect(crc32c(bytes)).not.toBe(sound);
      bytes[bit >>> 3] ^= 1 << (bit & 7);
    }
  });
});
