// Sorting in steps: the order is right, equal elements keep theirs, and no step is long.
import { describe, expect, it } from 'vitest';
import { sortSteps } from './sort-steps.ts';

/** Sorts and returns the number of steps. */
function sort(order: Uint32Array, compare: (a: number, b: number) => number): number {
  let steps = 0;
  for (const _ of sortSteps(order, compare)) steps++;
  return steps;
}

describe('sortSteps', () => {
  it('sorts any number of elements', () => {
    for (const length of [0, 1, 2, 31, 32, 33, 64, 65, 1000, 4097]) {
      const values = Uint32Array.from({ length }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >>> 7);
      const order = values.slice();
      sort(order, (a, b) => a - b);
      expect(order).toEqual(values.slice().sort());
    }
  });

  it('keeps the order of equal elements', () => {
    const order = Uint32Array.from({ length: 5000 }, (_, at) => at);
    sort(order, (a, b) => (a % 7) - (b % 7));
    const expected = Array.from(order).sort((a, b) => (a % 7) - (b % 7) || a - b);
    expect([...order]).toEqual(expected);
  });

  it('stops after some thousand comparisons', () => {
    let compared = 0;
    let most = 0;
    const order = Uint32Array.from({ length: 50_000 }, (_, at) => Math.imul(at, 0x9e3779b1) >>> 0);
    const steps = sortSteps(order, (a, b) => {
      compared++;
      return a - b;
    });
    for (const _ of steps) {
      most = Math.max(most, compared);
      compared = 0;
    }
    expect(most).toBeLessThan(20_000);
  });
});
