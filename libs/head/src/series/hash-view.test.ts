// The hash of label bytes agrees with hashBytes(), whatever the position, length and seed.
import { hashBytes } from '@weir/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashView } from './hash-view.ts';

describe('hashView', () => {
  it('equals hashBytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(9), fc.nat(), (bytes, skip, seed) => {
        const from = Math.min(skip, bytes.length);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        expect(hashView(view, from, bytes.length, seed)).toBe(
          hashBytes(bytes, from, bytes.length, seed) | 0,
        );
      }),
    );
  });
});
