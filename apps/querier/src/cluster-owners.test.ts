// Which instance is asked for which partition.
import { type Cluster, type ClusterEntry, tenantSeed, tenantShard, viewOf } from '@weir/cluster';
import { WeirError } from '@weir/errors';
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

async function ask(
  entries: readonly ClusterEntry[],
  local?: string,
  shardSize = 0,
  localGroupOf?: (partition: number) => unknown,
) {
  const cluster = { view: viewOf(entries) } as Cluster;
  const port = (name: string): ReadPort => ({
    async *read() {
      yield Buffer.from(name);
    },
  });
  const directory = createClusterOwners(
    { heartbeatTimeoutMs: 60_000 },
    {
      cluster,
      clock,
      instanceId: local ?? 'nobody',
      ...(local === undefined ? {} : { localReader: port('local') }),
      ...(localGroupOf && { localGroupOf }),
      connect: port,
      shardSizeOf: () => shardSize,
    },
  );
  await directory.owners('t');
  const found = await directory.owners('t');
  return Promise.all(found.map(async (each) => [await nameOf(each.port), each.partitions]));
}

async function nameOf(port: ReadPort): Promise<string> {
  const names: string[] = [];
  const nothing = {} as Parameters<ReadPort['read']>[0];
  for await (const name of port.read(nothing, new AbortController().signal))
    names.push(String(name));
  return names.join();
}

describe('owners by the cluster', () => {
  it('names partitions of this process by group, those of others together', async () => {
    const entries: ClusterEntry[] = [instance('a'), instance('b')];
    for (let number = 0; number < 5; number++) {
      const id = number === 2 ? 'b' : 'a';
      entries.push(partition(number), owner(number, 'z', id));
    }
    const odd = (number: number) => number % 2;
    expect(await ask(entries, 'a', 0, odd)).toEqual([
      ['local', [0, 4]],
      ['local', [1, 3]],
      ['b:80', [2]],
    ]);
    expect(await ask(entries, undefined, 0, odd)).toEqual([
      ['a:80', [0, 1, 3, 4]],
      ['b:80', [2]],
    ]);
  });

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

  it('asks the partitions of the shard of a tenant, and what it may have written before', async () => {
    const numbers = [0, 1, 2, 3, 4, 5];
    const owners = numbers.map((number) => owner(number, 'z', 'a'));
    const since = (sinceMs: number) => numbers.map((each) => ({ ...partition(each), sinceMs }));
    const asked = async (entries: readonly ClusterEntry[]) =>
      (await ask([instance('a'), ...owners, ...entries], undefined, 2))[0]![1];
    const shard = [...tenantShard(tenantSeed('t'), numbers, 2)].sort();
    const lookBackMs = 24 * 3_600_000;
    expect(await asked(since(100_000 - lookBackMs - 1))).toEqual(shard);
    expect(await asked(since(100_000 - lookBackMs))).toEqual(numbers);
    const gone = numbers.find((each) => !shard.includes(each))!;
    const inactive = { ...partition(gone, 'INACTIVE'), version: 2 };
    const withInactive = [...since(-lookBackMs), inactive];
    expect(await asked(withInactive)).toEqual([...shard, gone].sort());
    const deleted = { ...inactive, state: 'DELETED', version: 3 } as const;
    expect(await asked([...withInactive, deleted])).toEqual(shard);
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
    nowMs += 1000;
    view = viewOf([
      ...[instance('a'), instance('b'), partition(0), owner(0, 'z', 'b', 2)],
      { ...partition(1), state: 'DELETED' } as const,
    ]);
    await directory.owners('t');
    expect(directory.changedMs).toBe(102_000);
  });

  it('asks who hands a partition over, until the new owner serves or another zone does', async () => {
    const moving = { ...owner(0, 'z', 'new', 2, false), handedBy: 'old' };
    const all = [instance('old'), instance('new'), instance('far'), partition(0)];
    expect(await ask([...all, moving])).toEqual([['old:80', [0]]]);
    expect(await ask([...all, moving], 'old')).toEqual([['local', [0]]]);
    expect(await ask([...all, { ...moving, serving: true }])).toEqual([['new:80', [0]]]);
    expect(await ask([...all, moving, owner(0, 'y', 'far', 1)])).toEqual([['far:80', [0]]]);
    const dead = [instance('old', 0), instance('new'), partition(0), moving];
    await expect(ask(dead)).rejects.toThrow('partition 0 has no healthy owner');
    await expect(ask([...all.slice(1), moving])).rejects.toThrow('has no healthy owner');
  });

  it('asks another zone while an owner does not answer, and that one where there is no other', async () => {
    let nowMs = 100_000;
    let silent = 'new:80';
    let kind: 'unavailable' | 'limited' = 'unavailable';
    const both = [owner(1, 'y', 'old', 1), owner(1, 'z', 'new', 2)];
    const directory = createClusterOwners(
      { heartbeatTimeoutMs: 60_000 },
      {
        cluster: {
          view: viewOf([
            ...[instance('old'), instance('new'), partition(1), partition(2)],
            ...[...both, owner(2, 'z', 'new', 3)],
          ]),
        } as Cluster,
        clock: { ...clock, nowMs: () => nowMs },
        instanceId: 'nobody',
        connect: (address) => ({
          async *read() {
            if (address === silent) throw new WeirError(kind, 'no answer');
            yield Buffer.from(address);
          },
        }),
      },
    );
    const asked = async () => {
      const found = await directory.owners('t');
      return Promise.all(
        found.map(async ({ port, partitions }) => {
          const name = await nameOf(port).catch((error: Error) => error.message);
          return `${partitions} ${name}`;
        }),
      );
    };
    expect(await asked()).toEqual(['1,2 no answer']);
    nowMs += 1_000;
    expect(await asked()).toEqual(['1 old:80', '2 no answer']);
    // Blocks that the other zone no longer holds may be news.
    expect(directory.changedMs).toBe(101_000);
    nowMs += 9_999;
    silent = '';
    expect(await asked()).toEqual(['1 old:80', '2 new:80']);
    nowMs += 1;
    expect(await asked()).toEqual(['1,2 new:80']);
    silent = 'new:80';
    kind = 'limited';
    expect(await asked()).toEqual(['1,2 no answer']);
    expect(await asked()).toEqual(['1,2 no answer']);
  });
});
