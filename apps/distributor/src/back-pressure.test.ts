// What is refused when owners are behind: at the limit nothing, above it the part that is over, fairly.
import type { ProduceRecord } from '@weir/log';
import { describe, expect, it } from 'vitest';
import { createBackPressure, partAt } from './back-pressure.ts';

const LIMIT_MS = 60_000;

function setUp(partitionDelayMaxMs = LIMIT_MS) {
  let nowMs = 0;
  const delays = new Map<number, number>();
  const sheds: string[] = [];
  const pressure = createBackPressure(
    { partitionDelayMaxMs },
    {
      clock: { steadyMs: () => nowMs },
      metrics: { shed: (reason) => sheds.push(reason) },
      delays: () => delays,
    },
  );
  const record = (partition: number, size = 100): ProduceRecord => ({
    ...{ partition, key: new Uint8Array(0), value: new Uint8Array(size), version: 1 },
  });
  const passes = (tenant: string, ...partitions: number[]) => {
    try {
      pressure.admit(
        tenant,
        partitions.map((partition) => record(partition)),
      );
      return true;
    } catch {
      return false;
    }
  };
  /** A minute of pushes a tenant (so many in a tenth of a second); the part that passed of its second half. */
  const run = (rates: Record<string, number>, ...partitions: number[]) => {
    const passed: Record<string, number> = {};
    for (let tick = 0; tick < 600; tick++) {
      nowMs += 100;
      for (const [tenant, rate] of Object.entries(rates)) {
        for (let push = 0; push < rate; push++) {
          if (passes(tenant, ...partitions) && tick >= 300) {
            passed[tenant] = (passed[tenant] ?? 0) + 1 / (300 * rate);
          }
        }
      }
    }
    return passed;
  };
  const at = (ms: number) => {
    nowMs = ms;
  };
  return { delays, pressure, record, passes, run, sheds, at };
}

describe('back-pressure', () => {
  it('takes all at the limit, and halves what is taken with every eighth beyond', () => {
    expect(partAt(0, 240_000)).toBe(1);
    expect(partAt(240_000, 240_000)).toBe(1);
    expect(partAt(270_000, 240_000)).toBeCloseTo(0.5, 9);
    expect(partAt(480_000, 240_000)).toBeCloseTo(1 / 256, 9);
    expect(partAt(20_000, 10_000)).toBeCloseTo(0.5, 9);
  });

  it('is not there at the limit, nor without one', () => {
    const { delays, run, sheds } = setUp();
    delays.set(0, LIMIT_MS);
    expect(run({ a: 10 }, 0, 1).a).toBeCloseTo(1, 9);
    const off = setUp(0);
    off.delays.set(0, 3_600_000);
    expect(off.run({ a: 10 }, 0, 1).a).toBeCloseTo(1, 9);
    expect([...sheds, ...off.sheds]).toEqual([]);
  });

  it('refuses the part that is over just above it', () => {
    const { delays, run, sheds } = setUp();
    delays.set(0, LIMIT_MS + 10_000);
    const { a } = run({ a: 10 }, 0);
    expect(a).toBeGreaterThan(0.45);
    expect(a).toBeLessThan(0.55);
    expect(new Set(sheds)).toEqual(new Set(['distributor_max_partition_delay']));
  });

  it("refuses the flood of one tenant, and not the others'", () => {
    const { delays, run } = setUp();
    delays.set(0, LIMIT_MS * 1.5);
    const passed = run({ flood: 100, one: 1, two: 2 }, 0);
    expect(passed.one).toBeCloseTo(1, 9);
    expect(passed.two).toBeCloseTo(1, 9);
    expect(passed.flood).toBeLessThan(0.1);
  });

  it('is of the partitions that are behind alone', () => {
    const { delays, run } = setUp();
    delays.set(0, LIMIT_MS * 2);
    expect(run({ a: 10 }, 1, 2).a).toBeCloseTo(1, 9);
    expect(run({ a: 10 }, 0, 1).a).toBeLessThan(0.1);
  });

  it('ends when the partition has caught up, and says what it is while it lasts', () => {
    const { delays, run, passes, pressure, record } = setUp();
    delays.set(3, 90_000);
    run({ a: 10 }, 3);
    for (let push = 0; push < 100; push++) passes('a', 3);
    expect(() => pressure.admit('a', [record(3)])).toThrow(
      'it would take 90 s until partition 3 can be read that far (limit 60 s)',
    );
    delays.delete(3);
    expect(passes('a', 3)).toBe(true);
    delays.set(3, 90_000);
    // It begins anew: nobody is known yet.
    expect(passes('a', 3)).toBe(true);
  });

  it.each([10_000, LIMIT_MS, 600_000])(
    'holds what waits for a slow owner near the limit of %d ms, and small tenants feel nothing',
    (limitMs) => {
      const { delays, pressure, record, at } = setUp(limitMs);
      const capacity = 5; // pushes a tenth of a second
      const offered: Record<string, number> = { flood: 25, one: 0.1, two: 0.2 };
      const passed: Record<string, number> = { flood: 0, one: 0, two: 0 };
      const records = [record(0)];
      const passes = (tenant: string) => {
        try {
          pressure.admit(tenant, records);
          return true;
        } catch {
          return false;
        }
      };
      const ticks = limitMs / 100 + 8_000;
      let waiting = 0;
      let delayMaxMs = 0;
      for (let tick = 0; tick < ticks; tick++) {
        at(tick * 100);
        for (const [tenant, rate] of Object.entries(offered)) {
          const pushes = Math.floor((tick + 1) * rate) - Math.floor(tick * rate);
          for (let push = 0; push < pushes; push++) {
            if (!passes(tenant)) continue;
            waiting++;
            if (tick >= ticks - 5_000) passed[tenant]! += 1 / 5_000;
          }
        }
        waiting = Math.max(0, waiting - capacity);
        const delayMs = (waiting / capacity) * 100;
        delayMaxMs = Math.max(delayMaxMs, delayMs);
        // Owners tell every five seconds.
        if (tick % 50 === 0) delays.set(0, delayMs);
      }
      expect(passed.one).toBeCloseTo(0.1, 9);
      expect(passed.two).toBeCloseTo(0.2, 9);
      expect(passed.flood).toBeGreaterThan(0.9 * capacity);
      expect(passed.flood).toBeLessThan(capacity);
      expect(delayMaxMs).toBeLessThan(limitMs + 4 * Math.max(10_000, limitMs / 8));
    },
  );
});
