// Trackers of several distributors on one cluster in memory: they agree, whoever asks first; what is told when;
// what is forgotten.
import type { Cluster } from '@weir/cluster';
import { createMemoryCluster } from '@weir/cluster/memory';
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { limitsFlags, type TenantLimits } from '@weir/limits';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { createReplicaTracker } from './replica-tracker.ts';

const NOW = 1_700_000_000_000;

function setUp(limits: Partial<TenantLimits> = {}, own: Partial<Cluster> = {}) {
  const cluster: Cluster = { ...createMemoryCluster(), ...own };
  const time = { nowMs: NOW };
  const timers: (() => void)[] = [];
  const clock = {
    nowMs: () => time.nowMs,
    after(_ms: number, callback: () => void) {
      timers.push(callback);
      return { cancel: () => timers.splice(timers.indexOf(callback), 1) };
    },
  };
  /** The middle is no jitter. */
  const open = (draw = 0.5) => {
    const telemetry = silentTelemetry();
    const tracker = createReplicaTracker({
      ...{ cluster, clock, telemetry, random: { next: () => draw } },
    });
    const see = (replica: string, name = 'c', tenant = 't') =>
      tracker.judge(
        { tenant, cluster: name, replica },
        { ...defaultsOf(limitsFlags), haEnabled: true, ...limits },
      );
    const metric = async (name: string) =>
      (await telemetry.metrics.getSingleMetric(`cortex_ha_tracker_${name}`)!.get()).values.map(
        ({ value }) => value,
      );
    return { tracker, see, metric };
  };
  const entry = () => cluster.view.replicas.get('t/c');
  return { cluster, open, entry, time, timers };
}

const ACCEPTED = { kind: 'accepted' };
const kept = (elected: string) => ({ kind: 'deduplicated', elected });

describe('createReplicaTracker', () => {
  it('elects one of two that come at the same time to two distributors', async () => {
    const { open, entry } = setUp();
    const [one, two] = [open(), open()];
    const verdicts = await Promise.all([one.see('a'), two.see('b'), one.see('b'), two.see('a')]);
    expect(verdicts).toEqual([ACCEPTED, kept('a'), kept('a'), ACCEPTED]);
    expect(entry()).toMatchObject({ replica: 'a', changes: 0, version: 1 });
    const elections = [...(await one.metric('elected_replica_changes_total')), 0];
    expect(elections[0]).toBe(1);
    expect(await two.metric('elected_replica_changes_total')).toEqual([]);
  });

  it('fails over in all of them, once the elected one was silent for long enough', async () => {
    const { open, entry, time } = setUp();
    const [one, two] = [open(), open()];
    await one.see('a');
    time.nowMs += 29_999;
    expect(await two.see('b')).toEqual(kept('a'));
    time.nowMs += 1;
    expect(await two.see('b')).toMatchObject(ACCEPTED);
    expect(await one.see('a')).toEqual(kept('b'));
    expect(entry()).toMatchObject({ replica: 'b', changes: 1, electedMs: NOW + 30_000 });
  });

  it('tells that the elected one still sends, so that others keep it', async () => {
    const { open, entry, time } = setUp();
    const [one, two] = [open(), open()];
    await one.see('a');
    for (let round = 0; round < 10; round++) {
      time.nowMs += 15_000;
      await one.see('a');
      expect(entry()).toMatchObject({ replica: 'a', heardMs: time.nowMs, electedMs: NOW });
      expect(await two.see('b')).toEqual(kept('a'));
    }
    expect(await one.metric('kv_store_cas_total')).toEqual([11]);
    const told = await two.metric('elected_replica_timestamp_seconds');
    expect(told).toEqual([time.nowMs / 1000]);
  });

  it.each([
    ['no jitter, below', 0.5, 14_999, 1],
    ['no jitter, at', 0.5, 15_000, 2],
    ['earliest, below', 0, 9_999, 1],
    ['earliest, at', 0, 10_000, 2],
    ['latest, below', 0.999_999, 19_999, 1],
    ['latest, above', 0.999_999, 20_000, 2],
  ])('is told after the update timeout: %s', async (_name, draw, passedMs, version) => {
    const { open, entry, time } = setUp();
    const { see } = open(draw);
    await see('a');
    time.nowMs += passedMs;
    await see('a');
    expect(entry()?.version).toBe(version);
  });

  it('keeps tenants and clusters apart', async () => {
    const { open } = setUp();
    const { see } = open();
    expect(await see('a', 'c')).toEqual(ACCEPTED);
    expect(await see('b', 'd')).toEqual(ACCEPTED);
    expect(await see('b', 'c', 'u')).toEqual(ACCEPTED);
  });

  it('has no more clusters of a tenant than its limit', async () => {
    const { open } = setUp({ haClustersMax: 2 });
    const { see } = open();
    await see('a', 'c');
    await see('a', 'd');
    expect(await see('a', 'e')).toEqual({ kind: 'too-many-clusters' });
    expect(await see('a', 'd')).toEqual(ACCEPTED);
    expect(await see('a', 'e', 'u')).toEqual(ACCEPTED);
  });

  it('says so where an election can not be put, and elects at the next push', async () => {
    const broken = { put: () => Promise.reject(new WeirError('unavailable', 'no brokers')) };
    const { cluster, open } = setUp({}, broken);
    const { see } = open();
    await expect(see('a')).rejects.toMatchObject({ kind: 'unavailable', message: 'no brokers' });
    Object.assign(cluster, { put: createMemoryCluster().put });
    // What is put never shows: as if another clock said otherwise each time.
    await expect(see('a')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('accepts though it can not tell so', async () => {
    const { cluster, open, time, entry } = setUp();
    const { see } = open();
    await see('a');
    Object.assign(cluster, { put: () => Promise.reject(new WeirError('unavailable', 'away')) });
    time.nowMs += 15_000;
    expect(await see('a')).toMatchObject(ACCEPTED);
    expect(entry()?.version).toBe(1);
  });

  it('forgets who was silent for half an hour, and what it counted of him', async () => {
    const { open, entry, time, timers } = setUp();
    const { see, tracker, metric } = open();
    tracker.start();
    await see('a');
    time.nowMs += 30 * 60_000 - 1;
    timers.pop()!();
    await systemClock.yield();
    expect(entry()).toBeDefined();
    time.nowMs += 1;
    timers.pop()!();
    await systemClock.yield();
    expect(entry()).toBeUndefined();
    expect(await metric('replicas_cleanup_deleted_total')).toEqual([1]);
    expect(await metric('kv_store_cas_total')).toEqual([]);
    expect(timers).toHaveLength(1);
    tracker.stop();
    expect(timers).toHaveLength(0);
  });
});
