// What a read may demand of an owner: waits, delays, and their limits.
import { WeirError } from '@weir/errors';
import type { ReadRequest } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { Registry, strongConsistencyMetrics } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { createPartitionLag } from './partition-lag.ts';
import { createPositionWaiters } from './position-waiters.ts';
import { createReadConsistency } from './read-consistency.ts';
import { createManualClock } from './testing/world.ts';

const never = new AbortController().signal;

function setUp(strongReadWaitMs = 20_000) {
  const clock = createManualClock(1_000_000);
  const registry = new Registry();
  const lag = createPartitionLag();
  const waiters = createPositionWaiters();
  let applied = 0;
  const partition = {
    lag,
    waitApplied: (position: number, signal?: AbortSignal) =>
      position <= applied ? Promise.resolve() : waiters.wait(position, signal),
  };
  let asked = 0;
  let end = 0;
  const consistency = createReadConsistency(
    { strongReadWaitMs },
    {
      clock,
      metrics: strongConsistencyMetrics(registry),
      async askEnds() {
        asked++;
        lag.ended(end, clock.nowMs());
      },
    },
  );
  const nothing = { kind: 'position', tenant: 't', matchers: [], minT: 0, maxT: 0 } as const;
  return {
    clock,
    registry,
    lag,
    waiters,
    asked: () => asked,
    ends: (at: number) => {
      end = at;
    },
    apply(to: number) {
      applied = to;
      waiters.reached(to);
    },
    enforce: (demand: Partial<ReadRequest>, signal = never) =>
      consistency.enforce(
        { ...nothing, partitions: [3], ...demand },
        new Map([[3, partition]]),
        signal,
      ),
  };
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  const first = await Promise.race([promise.catch(() => undefined), Promise.resolve(pending)]);
  return first !== pending;
}

describe('a strong read', () => {
  it('waits below its position, and no longer at it', async () => {
    const { apply, enforce } = setUp();
    apply(9);
    const waiting = enforce({ positions: [11] });
    apply(10);
    await systemClock.yield();
    expect(await isSettled(waiting)).toBe(false);
    apply(11);
    await waiting;
    await enforce({ positions: [11] });
    await enforce({ positions: [0] });
  });

  it("fails with Mimir's error when its time is over, and not before", async () => {
    const { clock, enforce, registry } = setUp(20_000);
    const waiting = enforce({ positions: [1] });
    waiting.catch(() => undefined);
    await clock.advance(19_999);
    expect(await isSettled(waiting)).toBe(false);
    await clock.advance(1);
    await expect(waiting).rejects.toMatchObject({
      kind: 'timeout',
      status: 503,
      message:
        'wait for read consistency: wait strong read consistency timeout exceeded: context deadline exceeded',
    });
    expect(await registry.metrics()).toContain(
      'cortex_ingest_storage_strong_consistency_failures_total{component="partition-reader"} 1',
    );
  });

  it('waits as long as the read where there is no limit', async () => {
    const { clock, enforce } = setUp(0);
    const read = new AbortController();
    const waiting = enforce({ positions: [1] }, read.signal);
    waiting.catch(() => undefined);
    await clock.advance(3_600_000);
    expect(await isSettled(waiting)).toBe(false);
    read.abort(new WeirError('canceled', 'gone'));
    await expect(waiting).rejects.toMatchObject({ kind: 'canceled' });
  });

  it('fails when the partition leaves', async () => {
    const { enforce, waiters } = setUp();
    const waiting = enforce({ positions: [1] });
    waiters.fail(new WeirError('unavailable', 'left'));
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('a read with a delay', () => {
  it('is answered at the delay, and refused above it', async () => {
    const { clock, enforce, lag, ends, asked } = setUp();
    const now = clock.nowMs();
    ends(10);
    lag.ended(10, now);
    lag.applied(5, now - 1_000);
    await enforce({ delayMaxMs: 1_001 });
    await enforce({ delayMaxMs: 1_000 });
    expect(asked()).toBe(0);
    await expect(enforce({ delayMaxMs: 999 })).rejects.toMatchObject({
      kind: 'unavailable',
      message:
        'enforce read consistency max delay: partition reader is lagging behind more than the allowed max delay',
    });
  });

  it('is answered whatever it is at the end of the partition: the log is asked', async () => {
    const { clock, enforce, lag, ends, asked } = setUp();
    ends(5);
    lag.ended(5, clock.nowMs());
    lag.applied(5, clock.nowMs());
    await clock.advance(60_000);
    await enforce({ delayMaxMs: 1 });
    expect(asked()).toBe(1);
    ends(6);
    await clock.advance(2);
    await expect(enforce({ delayMaxMs: 1 })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
