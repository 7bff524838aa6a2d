// Max-min fairness: the level, and who gets what over time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFairShare, levelOf } from './fair-share.ts';

describe('the level', () => {
  it.each([
    [[10, 10, 10], 0.5, 5],
    [[1, 1, 98], 0.5, 48],
    [[1, 1, 98], 0.03, 1],
    [[1, 1, 98], 0.0003, 0.01],
    [[10], 0.1, 1],
    [[10, 20], 1, Number.POSITIVE_INFINITY],
    [[], 0.5, Number.POSITIVE_INFINITY],
    [[5, 5], 0, 0],
  ])('of %j for the part %d is %d', (sizes, part, level) => {
    expect(levelOf(sizes, part)).toBeCloseTo(level, 9);
  });

  it('gives out the part, and nobody more than it asks for', () => {
    const sizes = fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 0.999, noNaN: true }), (asked, part) => {
        const level = levelOf(asked, part);
        const sum = asked.reduce((total, size) => total + size, 0);
        const given = asked.reduce((total, size) => total + Math.min(size, level), 0);
        expect(Math.abs(given - part * sum)).toBeLessThanOrEqual(1e-6 * sum);
      }),
    );
  });
});

describe('shares', () => {
  /** Runs seconds of pushes by rate (bytes a second, in pushes of `size`); returns bytes taken a second. */
  function run(rates: Record<string, number>, part: number, seconds = 60, size = 100) {
    const share = createFairShare();
    const taken: Record<string, number> = {};
    for (let tick = 0; tick < seconds * 10; tick++) {
      const nowMs = tick * 100;
      for (const [tenant, rate] of Object.entries(rates)) {
        for (let bytes = 0; bytes < rate / 10; bytes += size) {
          if (!share.mayTake(tenant, size, part, nowMs)) continue;
          share.took(tenant, size);
          if (tick >= (seconds * 10) / 2) taken[tenant] = (taken[tenant] ?? 0) + size;
        }
      }
    }
    const half = seconds / 2;
    return Object.fromEntries(
      Object.entries(taken).map(([tenant, bytes]) => [tenant, bytes / half]),
    );
  }

  it('leave who asks for little alone, and cut who asks for much', () => {
    const taken = run({ small: 1_000, other: 2_000, flood: 97_000 }, 0.1);
    expect(taken.small).toBe(1_000);
    expect(taken.other).toBe(2_000);
    expect(taken.flood).toBeGreaterThan(6_000);
    expect(taken.flood).toBeLessThan(8_000);
  });

  it('are equal among equals', () => {
    const taken = run({ a: 10_000, b: 10_000 }, 0.5);
    expect(taken.a! / taken.b!).toBeCloseTo(1, 1);
    expect(taken.a).toBeGreaterThan(4_500);
    expect(taken.a).toBeLessThan(5_500);
  });

  it('let a push pass that is larger than a window, and make up for it', () => {
    const taken = run({ a: 20_000 }, 0.1, 600, 20_000);
    expect(taken.a).toBeGreaterThan(18_000);
    expect(taken.a).toBeLessThan(22_000);
  });

  it('refuse nobody while all can have all', () => {
    expect(run({ a: 10_000, b: 1_000 }, 1)).toEqual({ a: 10_000, b: 1_000 });
  });
});
