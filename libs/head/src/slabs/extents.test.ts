// Allocation of extents against a set of numbers.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Extents } from './extents.ts';

describe('extents', () => {
  it('are taken lowest first, across words', () => {
    const extents = new Extents();
    for (let extent = 0; extent < 300; extent++) expect(extents.take()).toBe(extent);
    for (const extent of [31, 32, 63, 64, 255]) extents.give(extent);
    expect([1, 2, 3, 4, 5, 6].map(() => extents.take())).toEqual([31, 32, 63, 64, 255, 300]);
    expect(extents.count).toBe(301);
    expect(extents.end).toBe(301);
  });

  it('can be claimed once', () => {
    const extents = new Extents();
    for (const extent of [0, 31, 500]) {
      expect(extents.claim(extent)).toBe(true);
      expect(extents.claim(extent)).toBe(false);
    }
    expect(extents.end).toBe(501);
    expect(extents.take()).toBe(1);
    extents.give(500);
    expect(extents.end).toBe(32);
    expect(() => extents.give(500)).toThrow('taken');
  });

  it('that were retired are free when no older pin is left', () => {
    const extents = new Extents();
    for (let count = 0; count < 3; count++) extents.take();
    extents.retire(0, 1);
    extents.retire(1, 2);
    extents.release(1);
    expect(extents.take()).toBe(3);
    extents.release(2);
    expect(extents.take()).toBe(0);
    extents.release(Number.POSITIVE_INFINITY);
    expect(extents.take()).toBe(1);
  });

  it('are what a set of them would be', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 400 }), (commands) => {
        const extents = new Extents();
        const taken = new Set<number>();
        for (const command of commands) {
          if (command % 3 === 0 && taken.size > 0) {
            const extent = [...taken][command % taken.size];
            extents.give(extent);
            taken.delete(extent);
          } else if (command % 7 === 0) {
            expect(extents.claim(command)).toBe(!taken.has(command));
            taken.add(command);
          } else {
            let lowest = 0;
            while (taken.has(lowest)) lowest++;
            expect(extents.take()).toBe(lowest);
            taken.add(lowest);
          }
          expect(extents.count).toBe(taken.size);
          expect(extents.end).toBe(Math.max(-1, ...taken) + 1);
        }
      }),
    );
  });
});
