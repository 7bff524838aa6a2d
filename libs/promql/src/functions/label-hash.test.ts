// xxHash64 against the published test vectors.
import { utf8 } from '@weir/bytes';
import { describe, expect, it } from 'vitest';
import { xxHash64 } from './label-hash.ts';

describe('xxHash64', () => {
  it.each([
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['abc', 0x44bc2cf5ad770999n],
    ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
  ])('of %j', (input, hash) => {
    expect(xxHash64(utf8(input))).toBe(hash);
  });
});
