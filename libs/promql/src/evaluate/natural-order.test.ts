// The natural order of texts: examples of each kind, and that swapping turns it around.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareNaturally } from './natural-order.ts';

describe('compareNaturally()', () => {
  it('orders numbers in texts by their size, and other characters by their bytes', () => {
    const ordered = [
      '1',
      '02',
      '10',
      'B',
      'B2b',
      'B10a',
      '_',
      'a',
      'a1',
      'a1b',
      'a2',
      'b',
      'ä',
      '\u{1F600}',
    ];
    const shuffled = [...ordered].reverse();
    expect(shuffled.sort(compareNaturally)).toEqual(ordered);
    expect(compareNaturally('x9', `x1${'0'.repeat(30)}`)).toBeGreaterThan(0);
  });

  it('tells the opposite with its arguments swapped', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(Math.sign(compareNaturally(a, b))).toBe(-Math.sign(compareNaturally(b, a)) + 0);
      }),
    );
  });
});
