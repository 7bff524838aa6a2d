// Verdicts at, below and above each bound; and any number of processes that judge by views which lag behind.
import { type ReplicaEntry, viewOf } from '@weir/cluster';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeReplica, type Verdict } from './election.ts';

const NOW = 1_000_000;
const settings = { updateAfterMs: 15_000, failoverAfterMs: 30_000, clustersMax: 3 };
const present = (silentMs: number): ReplicaEntry => ({
  ...{ kind: 'replica', tenant: 't', cluster: 'c', replica: 'a', electedMs: 7 },
  ...{ heardMs: NOW - silentMs, changes: 2, version: 9 },
});
const first = (replica: string) => ({
  ...{ kind: 'replica', tenant: 't', cluster: 'c', replica },
  ...{ electedMs: NOW, heardMs: NOW, changes: 0, version: 1 },
});
const accepted = { kind: 'accepted' };
const refreshed = {
  kind: 'accepted',
  refreshed: { ...present(0), heardMs: NOW, version: 10 },
};
const kept = { kind: 'deduplicated', elected: 'a' };
const switched = {
  kind: 'elected',
  entry: { ...first('b'), changes: 3, version: 10 },
};
const tooMany = { kind: 'too-many-clusters' };

interface Case {
  readonly replica: string;
  /** Of the elected one; absent where there is none. */
  readonly silentMs?: number;
  readonly clusters?: number;
  readonly clustersMax?: number;
  readonly verdict: object;
}

const CASES: Readonly<Record<string, Case>> = {
  'the first is elected': { replica: 'b', verdict: { kind: 'elected', entry: first('b') } },
  'one cluster below the limit': {
    ...{ replica: 'a', clusters: 2 },
    verdict: { kind: 'elected', entry: first('a') },
  },
  'clusters at the limit': { replica: 'a', clusters: 3, verdict: tooMany },
  'clusters above the limit': { replica: 'a', clusters: 4, verdict: tooMany },
  'no limit of clusters': {
    ...{ replica: 'a', clusters: 1000, clustersMax: 0 },
    verdict: { kind: 'elected', entry: first('a') },
  },
  'a known cluster is not limited': {
    ...{ replica: 'a', silentMs: 0, clusters: 9 },
    verdict: accepted,
  },
  'elected, heard of in the future': { replica: 'a', silentMs: -60_000, verdict: accepted },
  'elected, heard of now': { replica: 'a', silentMs: 0, verdict: accepted },
  'elected, below the update timeout': { replica: 'a', silentMs: 14_999, verdict: accepted },
  'elected, at the update timeout': { replica: 'a', silentMs: 15_000, verdict: refreshed },
  'elected, above the update timeout': { replica: 'a', silentMs: 15_001, verdict: refreshed },
  'elected, silent for long': { replica: 'a', silentMs: 900_000, verdict: refreshed },
  'another, elected in the future': { replica: 'b', silentMs: -60_000, verdict: kept },
  'another, elected heard of now': { replica: 'b', silentMs: 0, verdict: kept },
  'another, at the update timeout': { replica: 'b', silentMs: 15_000, verdict: kept },
  'another, below the failover timeout': { replica: 'b', silentMs: 29_999, verdict: kept },
  'another, at the failover timeout': { replica: 'b', silentMs: 30_000, verdict: switched },
  'another, above the failover timeout': { replica: 'b', silentMs: 30_001, verdict: switched },
  'names are told apart by case': { replica: 'A', silentMs: 0, verdict: kept },
};

describe('judgeReplica', () => {
  it.each(Object.entries(CASES))('%s', (_name, { replica, silentMs, clusters = 0, ...more }) => {
    const sight = { tenant: 't', cluster: 'c', replica, nowMs: NOW };
    const { clustersMax = settings.clustersMax, verdict } = more;
    const entry = silentMs === undefined ? undefined : present(silentMs);
    const found = judgeReplica(entry, sight, () => clusters, { ...settings, clustersMax });
    expect(found).toEqual(verdict);
  });
});

const PROCESSES = 3;
const KEY = 't/c';

interface World {
  readonly log: ReplicaEntry[];
  /** How many entries each process has seen. */
  readonly seen: number[];
  nowMs: number;
}

const seenBy = (world: World, process: number) =>
  viewOf(world.log.slice(0, world.seen[process])).replicas.get(KEY);

/** A push as the tracker does it: what is put is seen by who put it, and judged again. */
function push(world: World, process: number, replica: string): Verdict {
  for (;;) {
    const sight = { tenant: 't', cluster: 'c', replica, nowMs: world.nowMs };
    const verdict = judgeReplica(seenBy(world, process), sight, () => 0, settings);
    const entry = verdict.kind === 'elected' ? verdict.entry : undefined;
    const put = entry ?? (verdict.kind === 'accepted' ? verdict.refreshed : undefined);
    if (put !== undefined) {
      world.log.push(put);
      world.seen[process] = world.log.length;
    }
    if (entry === undefined) return verdict;
  }
}

/** The entries that counted, in their order. */
function counted(world: World): ReplicaEntry[] {
  return world.log.filter((entry, at) => {
    const before = viewOf(world.log.slice(0, at)).replicas.get(KEY);
    return entry.version > (before?.version ?? 0);
  });
}

const step = fc.record({
  process: fc.nat(PROCESSES - 1),
  replica: fc.constantFrom('a', 'b', 'c'),
  /** Before the push. */
  passedMs: fc.constantFrom(0, 1, 5_000, 14_999, 15_000, 29_999, 30_000, 45_000),
  /** Whether the process sees all before. */
  synced: fc.boolean(),
});

it('any processes with views that lag: one chain of elections, and who sees all agrees', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world: World = { log: [], seen: new Array(PROCESSES).fill(0), nowMs: NOW };
      for (const { process, replica, passedMs, synced } of steps) {
        world.nowMs += passedMs;
        if (synced) world.seen[process] = world.log.length;
        push(world, process, replica);
        const probes = ['a', 'b', 'c'].filter((each) => {
          const sight = { tenant: 't', cluster: 'c', replica: each, nowMs: world.nowMs };
          const entry = viewOf(world.log).replicas.get(KEY);
          return judgeReplica(entry, sight, () => 0, settings).kind === 'accepted';
        });
        expect(probes).toHaveLength(1);
      }
      const chain = counted(world);
      for (const [at, entry] of chain.entries()) {
        expect(entry.version).toBe(at + 1);
        const before = chain[at - 1];
        if (before === undefined) continue;
        const isSwitch = entry.replica !== before.replica;
        const least = isSwitch ? settings.failoverAfterMs : settings.updateAfterMs;
        expect(entry.heardMs - before.heardMs).toBeGreaterThanOrEqual(least);
        expect(entry.changes - before.changes).toBe(isSwitch ? 1 : 0);
        expect(entry.electedMs).toBe(isSwitch ? entry.heardMs : before.electedMs);
      }
    }),
  );
});
