// A grown column is of the same kind, with the numbers it had and zeros behind them.
import { describe, expect, it } from 'vitest';
import { grown } from './grown.ts';

describe('grown()', () => {
  it.each([Uint8Array, Int32Array, Uint32Array, Float64Array])('keeps the kind of %p', (Kind) => {
    const larger = grown(Kind.of(1, 2, 3));
    expect(larger).toBeInstanceOf(Kind);
    expect([...larger]).toEqual([1, 2, 3, 0, 0, 0]);
    expect([...grown(Kind.of(7), 2)]).toEqual([7, 0]);
  });
});
