// Which instance is asked for which partition.
import { type Cluster, type ClusterEntry, viewOf } from '@weir/cluster';
import type { ReadPort } from '@weir/query';
import { type Clock, systemClock } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { createClusterOwners } from './cluster-owners.ts';

const clock: Clock = { ...systemClock, nowMs: () => 100_000 };

const instance = (id: string, heartbeatMs = 99_000) =>
  ({
    kind: 'instance',
    id,
    address: `${id}:80`,
    zone: 'z',
    targets: ['ingester'],
    heartbeatMs,
  }) as const;
const partition = (number: number, state: 'PENDING' | 'ACTIVE' | 'INACTIVE' = 'ACTIVE') =>
  ({ kind: 'partition', partition: number, state, sinceMs: 0, version: 1 }) as const;
const owner = (number: number, zone: string, id: string, claim = 1, serving = true) =>
  ({ kind: 'owner', partition: number, zone, instance: id, claim, serving }) as const;

async function ask(entries: readonly ClusterEntry[], local?: string) {
  const cluster = { view: viewOf(entries) } as Cluster;
  const named = new Map<ReadPort, string>();
  const port = (name: string): ReadPort => {
    const made: ReadPort = { read: () => ({}) as AsyncIterable<Uint8Array> };
    named.set(made, name);
    return made;
  };
  const directory = createClusterOwners(
    { heartbeatTimeoutMs: 60_000 },
    {
      cluster,
      clock,
      instanceId: local ?? 'nobody',
      ...(local === undefined ? {} : { localReader: port('local') }),
      connect: port,
    },
  );
  await directory.owners('t');
  const found = await directory.owners('t');
  return found.map((each) => [named.get(each.port), each.partitions]);
}

describe('owners by the cluster', () => {
  it('groups partitions by instance and keeps one connection for each', async () => {
    expect(
      await ask([
        instance('a'),
        instance('b'),
        partition(2),
        partition(0),
        partition(1, 'INACTIVE'),
        owner(0, 'z', 'a'),
        owner(1, 'z', 'b'),
        owner(2, 'z', 'a'),
      ]),
    ).toEqual([
      ['a:80', [0, 2]],
      ['b:80', [1]],
    ]);
  });

  it('prefers this process, else the newest claim, of those healthy and serving', async () => {
    const entries = [
      instance('a'),
      instance('b'),
      instance('old', 1000),
      partition(0),
      owner(0, 'x', 'a', 1),
      owner(0, 'y', 'b', 2),
      owner(0, 'z', 'old', 9),
      owner(0, 'w', 'a', 10, false),
    ];
    expect(await ask(entries)).toEqual([['b:80', [0]]]);
    expect(await ask(entries, 'a')).toEqual([['local', [0]]]);
  });

  it('rejects when a partition that may hold data has no healthy owner', async () => {
    const entries = [instance('old', 1000), partition(4), owner(4, 'z', 'old')];
    await expect(ask(entries)).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'partition 4 has no healthy owner',
    });
    expect(await ask([partition(4, 'PENDING')])).toEqual([]);
  });

  it('tells when owners have changed, so that older lists of blocks are not used', async () => {
    let nowMs = 100_000;
    let view = viewOf([instance('a'), instance('b'), partition(0), owner(0, 'z', 'a', 1)]);
    const cluster = {
      get view() {
        return view;
      },
    } as Cluster;
    const connect = (): ReadPort => ({ read: () => ({}) as AsyncIterable<Uint8Array> });
    const parts = { cluster, clock: { ...clock, nowMs: () => nowMs }, instanceId: 'q', connect };
    const directory = createClusterOwners({ heartbeatTimeoutMs: 60_000 }, parts);
    await directory.owners('t');
    nowMs += 1000;
    await directory.owners('t');
    expect(directory.changedMs).toBe(100_000);
    view = viewOf([instance('a'), instance('b'), partition(0), owner(0, 'z', 'b', 2)]);
    await directory.owners('t');
    expect(directory.changedMs).toBe(101_000);
  });
});
