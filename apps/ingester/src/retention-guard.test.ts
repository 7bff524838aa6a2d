// When the guard speaks: at a quarter left it is silent, below it says so once, and once when it is over.
import { utf8 } from '@weir/bytes';
import type { LogRetention, PartitionLog } from '@weir/log';
import { createMemoryLog } from '@weir/log/memory';
import { seededRandom } from '@weir/runtime';
import { type Logger, silentTelemetry } from '@weir/telemetry';
import { beforeEach, describe, expect, it } from 'vitest';
import { createIngesterMetrics } from './metrics.ts';
import { createRetentionGuard, type RetentionGuard } from './retention-guard.ts';
import { createManualClock, type ManualClock } from './testing/world.ts';

const HOUR_MS = 3_600_000;

let clock: ManualClock;
let log: PartitionLog;
let retention: LogRetention;
let lines: string[];
let guard: RetentionGuard;
let headroom: () => Promise<number | undefined>;

beforeEach(() => {
  clock = createManualClock(1_000_000);
  log = createMemoryLog({ partitions: 1 }, { clock, random: seededRandom(1) });
  log.retention = async () => retention;
  retention = {};
  lines = [];
  const { metrics: registry } = silentTelemetry();
  const metrics = createIngesterMetrics(registry, {
    series: () => 0,
    lags: () => [],
    activity: async () => [],
    partitions: () => ({ serving: 0, others: 0 }),
    shutdownPrepared: () => false,
  });
  headroom = async () => (await metrics.retentionHeadroom.get()).values[0]?.value;
  // Of pino's logger only what the guard calls.
  const logger = {
    error: (_fields: unknown, line: string) => lines.push(`error ${line}`),
    info: (_fields: unknown, line: string) => lines.push(`info ${line}`),
  } as unknown as Logger;
  guard = createRetentionGuard(0, { log, clock, logger, metrics });
});

async function produce(): Promise<void> {
  await log.produce([{ partition: 0, key: utf8('a'), value: utf8('v'), version: 0 }]);
}

describe('the retention guard', () => {
  it('counts from the first record that is not shipped, and speaks below a quarter', async () => {
    retention = { timeMs: 24 * HOUR_MS };
    await produce();
    clock.advance(18 * HOUR_MS);
    await produce();
    await guard.check(0);
    expect(await headroom()).toBe(6 * 3600);
    expect(lines).toEqual([]);
    clock.advance(1);
    await guard.check(0);
    await guard.check(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('error the log loses or refuses data in 359 minutes (24 % left)');
    expect(guard.note).toContain('24 %');
    await guard.check(1);
    expect(guard.note).toBeUndefined();
    expect(lines[1]).toContain('info the log keeps');
    await guard.check(2);
    expect(await headroom()).toBe(Number.POSITIVE_INFINITY);
  });

  it('says nothing where nothing is known, and judges a log by what it has dropped', async () => {
    await produce();
    clock.advance(90 * HOUR_MS);
    await guard.check(0);
    expect(await headroom()).toBe(Number.POSITIVE_INFINITY);
    await produce();
    clock.advance(HOUR_MS);
    await produce();
    log.startOffset = async () => 1;
    await guard.check(1);
    expect(guard.note).toContain('0 minutes');
    await guard.check(2);
    expect(await headroom()).toBe(3600);
    expect(guard.note).toBeUndefined();
  });

  it('of a log that refuses looks at its room and how fast it fills', async () => {
    retention = { room: { bytes: 500, bytesMax: 1000 } };
    await guard.check(0);
    expect(await headroom()).toBe(Number.POSITIVE_INFINITY);
    clock.advance(10_000);
    retention = { room: { bytes: 750, bytesMax: 1000 } };
    await guard.check(0);
    expect(await headroom()).toBe(10);
    expect(guard.note).toBeUndefined();
    clock.advance(10_000);
    retention = { room: { bytes: 751, bytesMax: 1000 } };
    await guard.check(0);
    expect(guard.note).toContain('24 % left');
    clock.advance(10_000);
    await guard.check(0);
    expect(guard.note).toBe('the log has 24 % of its room left');
  });
});
