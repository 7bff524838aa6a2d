// The fold over the log: entries, removals, claims, and what it does with records it doesn't know.
import { utf8 } from '@weir/bytes';
import type { PartitionLog } from '@weir/log';
import { createMemoryLog } from '@weir/log/memory';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cluster, InstanceEntry, OwnerEntry } from './cluster.ts';
import { keyOf, parseEntry } from './fold.ts';
import { openLogCluster } from './log-cluster.ts';
import { createMemoryCluster } from './memory/index.ts';
import {
  activePartitions,
  countShares,
  healthyInstances,
  ownersOf,
  partitionDelays,
  readPartitions,
} from './view.ts';

const parts = { clock: systemClock, random: seededRandom(1) };
const { log } = silentTelemetry();

const instance = (id: string, heartbeatMs = 0): InstanceEntry => ({
  kind: 'instance',
  id,
  address: '127.0.0.1:1',
  zone: 'a',
  targets: ['ingester'],
  heartbeatMs,
});
const owner = (name: string, claim: number, more: Partial<OwnerEntry> = {}): OwnerEntry => ({
  kind: 'owner',
  partition: 0,
  zone: 'a',
  instance: name,
  serving: true,
  claim,
  ...more,
});

const adapters: [string, () => Promise<Cluster>][] = [
  ['in memory', async () => createMemoryCluster()],
  [
    'over a log',
    () => openLogCluster({ clusterLog: createMemoryLog({ partitions: 1 }, parts), log }),
  ],
];

describe.each(adapters)('cluster %s', (_name, open) => {
  it('shows what was put once put resolves, and tells subscribers', async () => {
    const cluster = await open();
    let calls = 0;
    const unsubscribe = cluster.subscribe(() => calls++);
    await cluster.put(instance('one'));
    await cluster.put({ kind: 'partition', partition: 2, state: 'ACTIVE', sinceMs: 5, version: 1 });
    expect(cluster.view.instances.get('one')).toEqual(instance('one'));
    expect(activePartitions(cluster.view)).toEqual([2]);
    expect(calls).toBeGreaterThan(0);
    unsubscribe();
    const before = calls;
    await cluster.remove(instance('one'));
    expect(cluster.view.instances.size).toBe(0);
    expect(calls).toBe(before);
    await cluster.close();
    await expect(cluster.put(instance('late'))).rejects.toThrow('closed');
  });

  it('keeps the owner with the highest claim, whatever the order of arrival', async () => {
    const cluster = await open();
    await cluster.put(owner('new', 7));
    await cluster.put(owner('old', 6));
    expect(cluster.view.owners.get('0/a')!.instance).toBe('new');
    await cluster.remove(owner('old', 6));
    expect(cluster.view.owners.get('0/a')!.instance).toBe('new');
    await cluster.put(owner('new', 7, { serving: false }));
    expect(cluster.view.owners.get('0/a')!.serving).toBe(false);
    await cluster.remove(owner('new', 7));
    expect(cluster.view.owners.size).toBe(0);
    await cluster.close();
  });

  it('keeps the first of two instances with the same claim, and tells of whoever was outbid', async () => {
    const cluster = await open();
    const outbid: OwnerEntry[] = [];
    cluster.subscribe((entries) => outbid.push(...entries));
    await cluster.put(owner('first', 7));
    await cluster.put(owner('first', 7, { serving: false }));
    expect(outbid).toEqual([]);
    await cluster.put(owner('second', 7));
    await cluster.put(owner('third', 6));
    expect(cluster.view.owners.get('0/a')).toEqual(owner('first', 7, { serving: false }));
    expect(outbid).toEqual([owner('second', 7), owner('third', 6)]);
    await cluster.remove(owner('second', 7));
    expect(cluster.view.owners.get('0/a')!.instance).toBe('first');
    await cluster.put(owner('second', 8));
    expect(cluster.view.owners.get('0/a')!.instance).toBe('second');
    expect(outbid).toHaveLength(2);
    await cluster.close();
  });
});

describe('cluster', () => {
  it('has in its view what was put, however early the consumer counts it as read', async () => {
    const memory = createMemoryLog({ partitions: 1 }, parts);
    const clusterLog: PartitionLog = {
      ...memory,
      async consume(...args) {
        const consumer = await memory.consume(...args);
        return {
          ...consumer,
          get position() {
            return consumer.position;
          },
          async next(maxBytes) {
            const batch = await consumer.next(maxBytes);
            for (let turn = 0; turn < 5; turn++) await systemClock.yield();
            return batch;
          },
        };
      },
    };
    const cluster = await openLogCluster({ clusterLog, log });
    await cluster.put(owner('one', 1));
    expect(cluster.view.owners.size).toBe(1);
    await cluster.close();
  });

  it('replays before it is ready, and passes records that it does not understand', async () => {
    const clusterLog = createMemoryLog({ partitions: 1 }, parts);
    const record = (key: string, value: string) => ({
      partition: 0,
      key: utf8(key),
      value: utf8(value),
      version: 0,
    });
    await clusterLog.produce([
      record('instance/x', 'not json'),
      record('shard/1', '{"kind":"shard"}'),
      record('instance/other', JSON.stringify(instance('y'))),
      record('instance/z', JSON.stringify(instance('z'))),
    ]);
    const cluster = await openLogCluster({ clusterLog, log });
    expect([...cluster.view.instances.keys()]).toEqual(['z']);
    await cluster.close();
  });

  it('parses nothing but complete entries', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (json) => {
        const entry = parseEntry(json);
        if (entry !== undefined) expect(keyOf(entry)).toContain('/');
      }),
    );
    expect(parseEntry('{"kind":"__proto__"}')).toBeUndefined();
    expect(parseEntry('{"kind":"owner","partition":"0"}')).toBeUndefined();
  });

  const sound = { kind: 'partition', partition: 0, state: 'INACTIVE', sinceMs: 0, version: 1 };
  it.each([
    { version: undefined },
    { version: 0 },
    { version: 1.5 },
    { partition: -1 },
    { state: 'LOST' },
    { drained: null },
    { drained: { instance: 'a' } },
    { state: 'ACTIVE', drained: { instance: 'a', zone: '' } },
    { lockedSinceMs: 'now' },
  ])('takes no partition with %j', (wrong) => {
    expect(parseEntry(JSON.stringify({ ...sound, ...wrong }))).toBeUndefined();
    const drained = { ...sound, drained: { instance: 'a', zone: '' }, lockedSinceMs: 1 };
    for (const entry of [sound, drained]) expect(parseEntry(JSON.stringify(entry))).toEqual(entry);
  });

  it('answers which partitions and owners count', async () => {
    const cluster = createMemoryCluster();
    for (const [partition, state] of [
      [3, 'ACTIVE'],
      [1, 'INACTIVE'],
      [0, 'ACTIVE'],
      [2, 'PENDING'],
    ] as const) {
      await cluster.put({ kind: 'partition', partition, state, sinceMs: 0, version: 1 });
    }
    await cluster.put(instance('b', 1000));
    await cluster.put(instance('a', 900));
    await cluster.put(instance('dead', 100));
    await cluster.put(owner('a', 1, { zone: 'z1', serving: false }));
    await cluster.put(owner('b', 1, { zone: 'z2' }));
    await cluster.put(owner('dead', 9, { zone: 'z0' }));
    expect(activePartitions(cluster.view)).toEqual([0, 3]);
    expect(countShares(cluster.view)).toBe(3);
    expect(readPartitions(cluster.view)).toEqual([0, 1, 3]);
    expect(healthyInstances(cluster.view, 1100, 500).map((one) => one.id)).toEqual(['a', 'b']);
    const owners = ownersOf(cluster.view, 1100, 500);
    expect(owners.get(0)!.map((one) => one.instance)).toEqual(['b', 'a']);
    await cluster.close();
  });
});

it('is as new as every change that was put before, after a sync', async () => {
  const clusterLog = createMemoryLog({ partitions: 1 }, parts);
  const [writer, reader] = [
    await openLogCluster({ clusterLog, log }),
    await openLogCluster({ clusterLog: { ...clusterLog, close: async () => undefined }, log }),
  ];
  for (let number = 0; number < 20; number++) {
    await writer.put(instance(`i${number}`));
    await reader.sync();
    expect(reader.view.instances.has(`i${number}`)).toBe(true);
  }
  await reader.sync();
  await reader.close();
  await expect(reader.sync()).rejects.toThrow('closed');
  await writer.close();
});

it('in memory is always in sync, until it is closed', async () => {
  const cluster = createMemoryCluster();
  await cluster.sync();
  await cluster.close();
  await expect(cluster.sync()).rejects.toThrow('closed');
});

it('delays are those of the most advanced owner that serves and lives', async () => {
  const cluster = createMemoryCluster();
  const told = (id: string, delayMs: Record<string, number>, heartbeatMs = 100) =>
    cluster.put({ ...instance(id, heartbeatMs), delayMs });
  await told('fast', { 0: 5_000 });
  await told('slow', { 0: 90_000, 1: 7_000 });
  await told('gone', { 2: 1_000 }, 0);
  await cluster.put(owner('fast', 1));
  await cluster.put(owner('slow', 1, { zone: 'b' }));
  await cluster.put(owner('slow', 1, { partition: 1 }));
  await cluster.put(owner('fast', 1, { partition: 1, zone: 'b' }));
  await cluster.put(owner('gone', 1, { partition: 2 }));
  const delays = () => [...partitionDelays(cluster.view, 150, 120)];
  expect(delays()).toEqual([[0, 5_000]]);
  await cluster.put(owner('fast', 1, { serving: false }));
  expect(delays()).toEqual([[0, 90_000]]);
  await cluster.put(owner('slow', 1, { zone: 'b', serving: false }));
  expect(delays()).toEqual([[0, 5_000]]);
});
