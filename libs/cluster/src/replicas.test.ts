// Entries of elected replicas: which counts, who is told, and folds of what compaction leaves.
import { utf8 } from '@weir/bytes';
import { createMemoryLog } from '@weir/log/memory';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cluster, ReplicaEntry } from './cluster.ts';
import { keyOf, parseEntry, viewOf } from './fold.ts';
import { openLogCluster } from './log-cluster.ts';
import { createMemoryCluster } from './memory/index.ts';

const entry = (replica: string, version: number, more: Partial<ReplicaEntry> = {}) => ({
  ...{ kind: 'replica' as const, tenant: 't', cluster: 'c/d', replica, version },
  ...{ electedMs: 1, heardMs: 2, changes: 0, ...more },
});

const parts = { clock: systemClock, random: seededRandom(1) };
const adapters: [string, () => Promise<Cluster>][] = [
  ['in memory', async () => createMemoryCluster()],
  [
    'over a log',
    () =>
      openLogCluster({
        clusterLog: createMemoryLog({ partitions: 1 }, parts),
        log: silentTelemetry().log,
      }),
  ],
];

describe.each(adapters)('replicas %s', (_name, open) => {
  it('keep the first of two with one version, and take a higher one', async () => {
    const cluster = await open();
    await cluster.put(entry('a', 1));
    await cluster.put(entry('b', 1));
    expect(cluster.view.replicas.get('t/c/d')).toEqual(entry('a', 1));
    await cluster.put(entry('b', 2));
    await cluster.put(entry('a', 1));
    expect(cluster.view.replicas.get('t/c/d')).toEqual(entry('b', 2));
    await cluster.close();
  });

  it('go when they are removed, and begin again', async () => {
    const cluster = await open();
    await cluster.put(entry('a', 7));
    await cluster.put(entry('a', 1, { tenant: 'u' }));
    await cluster.remove(entry('a', 7));
    expect([...cluster.view.replicas.keys()]).toEqual(['u/c/d']);
    await cluster.put(entry('b', 1));
    expect(cluster.view.replicas.get('t/c/d')?.replica).toBe('b');
    await cluster.close();
  });

  it('tell no listener', async () => {
    const cluster = await open();
    let calls = 0;
    cluster.subscribe(() => calls++);
    await cluster.put(entry('a', 1));
    await cluster.remove(entry('a', 1));
    expect(calls).toBe(0);
    await cluster.put({ kind: 'partition', partition: 0, state: 'ACTIVE', sinceMs: 1, version: 1 });
    expect(calls).toBeGreaterThan(0);
    await cluster.close();
  });
});

describe('parseEntry', () => {
  it('takes what keyOf and JSON made', () => {
    expect(parseEntry(JSON.stringify(entry('a', 1)))).toEqual(entry('a', 1));
    expect(utf8(keyOf(entry('a', 1)))).toEqual(utf8('replica/t/c/d'));
  });

  it.each([
    { version: 0 },
    { version: 1.5 },
    { version: '1' },
    { heardMs: null },
    { replica: 3 },
    { tenant: undefined },
  ])('takes nothing with %o', (wrong) => {
    expect(parseEntry(JSON.stringify({ ...entry('a', 1), ...wrong }))).toBeUndefined();
  });
});

it('a compaction is forgotten with the next entry', () => {
  const entries = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 1, max: 5 })));
  fc.assert(
    fc.property(entries, fc.nat(), (made, cut) => {
      const log = made.map(([replica, version]) => entry(replica, version));
      const whole = viewOf(log);
      const upTo = log.length === 0 ? 0 : cut % log.length;
      const compacted = viewOf([...log.slice(0, upTo).slice(-1), ...log.slice(upTo)]);
      const next = entry('a', (whole.replicas.get('t/c/d')?.version ?? 0) + 1);
      expect(viewOf([...whole.replicas.values(), next])).toEqual(
        viewOf([...compacted.replicas.values(), next]),
      );
    }),
  );
});
