// A union is sorted, however many lists it has and however far their references lie apart.
import { describe, expect, it } from 'vitest';
import { unite } from './postings.ts';

describe('a union of postings', () => {
  it.each([
    [3, 10, 1],
    [5, 3000, 1],
    [7, 3000, 16],
    [2, 5000, 400_000],
    [5, 3000, 0],
  ])('of %i lists of %i references is sorted (%i apart)', (lists, size, apart) => {
    // Lists that take turns; 0 stands for references up to the largest there are.
    const step = apart === 0 ? Math.floor(0xffff_ffff / (lists * size)) : apart;
    const all = Array.from({ length: lists }, (_, list) =>
      Uint32Array.from({ length: size }, (_, at) => (at * lists + list) * step),
    );
    const found = unite([...all].reverse());
    expect(found).toEqual(Uint32Array.from({ length: lists * size }, (_, at) => at * step));
  });
});
