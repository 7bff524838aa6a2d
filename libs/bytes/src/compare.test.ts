// Order, equality and the hash of byte ranges.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes, equalBytes, hashBytes } from './compare.ts';
import { utf8 } from './text.ts';

describe('compareBytes', () => {
  it('orders as Buffer.compare does', () => {
    const bytes = fc.uint8Array({ maxLength: 6 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });
});

describe('hashBytes', () => {
  it('is MurmurHash3 x86_32', () => {
    expect(hashBytes(utf8(''), 0, 0, 1)).toBe(0x514e28b7);
    expect(hashBytes(utf8('test'), 0, 4)).toBe(0xba6bd213);
    expect(hashBytes(utf8('Hello, world!'), 0, 13)).toBe(0xc0363e43);
  });

  it('depends on the range, not on what surrounds it', () => {
    expect(hashBytes(utf8('xxtestyy'), 2, 6)).toBe(hashBytes(utf8('test'), 0, 4));
  });
});
