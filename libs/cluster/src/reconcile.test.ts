// What is due in a cluster: commands that make instances come, go, drain and take partitions over, each
// followed by looks of everybody; then what must hold once things are left alone. And single cases.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceEntry, OwnerEntry, PartitionEntry } from './cluster.ts';
import { createView, keyOf, type MutableView, putEntry, removeKey } from './fold.ts';
import { isLocked, nextPartition } from './life-cycle.ts';
import { dueChanges, isKeeper, type LifeCycleSettings, partitionsOf } from './reconcile.ts';
import { drainChanges, scaleChanges, undrainChanges } from './scaling.ts';

const PARTITIONS = 3;
const HOUR_MS = 3_600_000;
const settings: LifeCycleSettings = {
  heartbeatTimeoutMs: 60_000,
  forgetInstanceMs: 600_000,
  ownersMin: 1,
  ownersMinMs: 10_000,
  deleteInactiveMs: 13 * HOUR_MS,
};

const instance = (id: string, heartbeatMs = 0, more: Partial<InstanceEntry> = {}) =>
  ({
    ...{ kind: 'instance', id, address: `${id}:80`, zone: id[0]!, targets: ['ingester'] },
    heartbeatMs,
    ...more,
  }) satisfies InstanceEntry as InstanceEntry;
const owner = (partition: number, id: string, more: Partial<OwnerEntry> = {}) =>
  ({
    ...{ kind: 'owner', partition, zone: id[0]!, instance: id, serving: true, claim: 1 },
    servingSinceMs: 0,
    ...more,
  }) satisfies OwnerEntry as OwnerEntry;
const partitionIn = (state: PartitionEntry['state'], more: Partial<PartitionEntry> = {}) =>
  ({
    ...{ kind: 'partition', partition: 0, state, sinceMs: 0, version: 1 },
    ...more,
  }) satisfies PartitionEntry as PartitionEntry;

function viewWith(...entries: Parameters<typeof putEntry>[1][]): MutableView {
  const view = createView();
  for (const entry of entries) putEntry(view, entry);
  return view;
}

/** One partition, seen by an instance. */
function due(view: MutableView, nowMs: number, holds?: boolean, by = 'a1', more = {}) {
  const holdsData = new Map(holds === undefined ? [] : [[0, holds]]);
  const own = { instance: by, partitionCount: 1, holdsData };
  return dueChanges(view, own, { ...settings, ...more }, nowMs);
}
const stateDue = (...args: Parameters<typeof due>) => due(...args).put.map(({ state }) => state);

describe('what is due', () => {
  it('makes partitions that the log has, once', () => {
    const view = viewWith(instance('a1'));
    expect(due(view, 0).put).toEqual([partitionIn('PENDING')]);
    putEntry(view, due(view, 0).put[0]!);
    expect(due(view, 0).put).toEqual([]);
    expect(stateDue(viewWith(instance('a1'), partitionIn('DELETED')), 0)).toEqual([]);
  });

  it('activates at, and not before, the time and the number of owners', () => {
    const view = viewWith(instance('a1'), instance('b1'), partitionIn('PENDING'), owner(0, 'a1'));
    expect(stateDue(view, 9_999)).toEqual([]);
    expect(stateDue(view, 10_000)).toEqual(['ACTIVE']);
    expect(stateDue(view, 10_000, undefined, 'a1', { ownersMin: 2 })).toEqual([]);
    putEntry(view, owner(0, 'b1', { servingSinceMs: 1 }));
    expect(stateDue(view, 10_000, undefined, 'a1', { ownersMin: 2 })).toEqual([]);
    expect(stateDue(view, 10_001, undefined, 'a1', { ownersMin: 2 })).toEqual(['ACTIVE']);
    putEntry(view, owner(0, 'b1', { serving: false }));
    expect(stateDue(view, 20_000, undefined, 'a1', { ownersMin: 2 })).toEqual([]);
  });

  it('leaves what needs one process to the healthy ingester with the lowest id', () => {
    const view = viewWith(instance('a1'), instance('a0', 0, { targets: ['querier'] }));
    putEntry(view, instance('b1', 50_000));
    expect(isKeeper(view, 'a1', 60_000, 59_999)).toBe(true);
    expect(isKeeper(view, 'a1', 60_000, 60_000)).toBe(false);
    expect(isKeeper(view, 'b1', 60_000, 60_000)).toBe(true);
    expect(due(view, 0, undefined, 'b1').put).toEqual([]);
  });

  it('deletes what is empty after its time, and takes it back where it holds data (I10)', () => {
    const view = viewWith(instance('a1', 99 * HOUR_MS), partitionIn('INACTIVE'), owner(0, 'a1'));
    expect(stateDue(view, 13 * HOUR_MS, false)).toEqual([]);
    expect(stateDue(view, 13 * HOUR_MS + 1, false)).toEqual(['DELETED']);
    expect(stateDue(view, 13 * HOUR_MS + 1, true)).toEqual([]);
    expect(stateDue(view, 13 * HOUR_MS + 1, undefined)).toEqual([]);
    expect(stateDue(view, 50 * HOUR_MS, false, 'a1', { deleteInactiveMs: 0 })).toEqual([]);
    const deleted = viewWith(instance('a1'), partitionIn('DELETED'), owner(0, 'a1'));
    expect(stateDue(deleted, 1, true)).toEqual(['INACTIVE']);
    expect(stateDue(deleted, 1, false)).toEqual([]);
  });

  it('follows a drained partition to its next owner in the zone, or back (I9)', () => {
    const leaving = instance('a1', 0, { drainingSinceMs: 5 });
    const view = viewWith(leaving, instance('a2'), instance('b1'), partitionIn('ACTIVE'));
    for (const entry of [owner(0, 'a1'), owner(0, 'b1')]) putEntry(view, entry);
    const [drained] = due(view, 10).put;
    expect(drained).toMatchObject({ state: 'INACTIVE', drained: { instance: 'a1', zone: 'a' } });
    putEntry(view, drained!);
    expect(stateDue(view, 20)).toEqual([]);
    const stays = viewWith(...view.instances.values(), drained!, instance('a1'));
    expect(due(stays, 30).put).toMatchObject([{ state: 'ACTIVE', version: 3 }]);
    putEntry(view, owner(0, 'a2', { claim: 2, serving: false }));
    expect(stateDue(view, 30)).toEqual([]);
    putEntry(view, owner(0, 'a2', { claim: 2 }));
    expect(due(view, 40).put).toEqual([partitionIn('ACTIVE', { sinceMs: 40, version: 3 })]);
  });

  it('forgets instances after their time, and keeps their claims (I11)', () => {
    const view = viewWith(instance('a1', 600_001), instance('a2'), owner(0, 'a2', { claim: 7 }));
    expect(due(view, 600_000).remove).toEqual([]);
    expect(due(view, 600_001).remove.map(({ id }) => id)).toEqual(['a2']);
    removeKey(view, keyOf(due(view, 600_001).remove[0]!));
    expect(view.owners.get('0/a')!.claim).toBe(7);
  });

  it('says again what a stale entry hides, though it be locked', () => {
    const locked = partitionIn('ACTIVE', { version: 3, lockedSinceMs: 1 });
    const view = viewWith(instance('a1'), locked, partitionIn('INACTIVE', { version: 2 }));
    expect(due(view, 0).put).toEqual([{ ...locked, version: 4 }]);
  });
});

describe('scaling', () => {
  const three = () =>
    viewWith(
      instance('a1'),
      ...[0, 1, 2].map((partition) => partitionIn('ACTIVE', { partition })),
      ...[0, 1].map((partition) => owner(partition, 'a1')),
    );
  const apply = (view: MutableView, entries: readonly PartitionEntry[]) => {
    for (const entry of entries) putEntry(view, entry);
    return [...view.partitions.values()].map(({ state }) => state);
  };

  it('goes 3, 1, 3 and comes back', () => {
    const view = three();
    expect(apply(view, scaleChanges(view, 1, 5))).toEqual(['ACTIVE', 'INACTIVE', 'INACTIVE']);
    expect(apply(view, scaleChanges(view, 3, 6))).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE']);
    expect(scaleChanges(view, 3, 7)).toEqual([]);
    for (const count of [0, 4, 1.5]) expect(() => scaleChanges(view, count, 8)).toThrow('at least');
  });

  it('brings back deleted ones as PENDING, and refuses at a lock', () => {
    const view = three();
    apply(view, [partitionIn('DELETED', { partition: 2, version: 2 })]);
    expect(scaleChanges(view, 3, 8)).toMatchObject([{ partition: 2, state: 'PENDING' }]);
    apply(view, [partitionIn('ACTIVE', { partition: 1, version: 2, lockedSinceMs: 1 })]);
    expect(scaleChanges(view, 2, 8)).toEqual([]);
    expect(() => scaleChanges(view, 1, 8)).toThrow('locked');
  });

  it('drains what an instance owns, or nothing of it, and takes that back', () => {
    const view = three();
    expect(partitionsOf(view, 'a1')).toEqual([0, 1]);
    expect(apply(view, drainChanges(view, 'a1', 9))).toEqual(['INACTIVE', 'INACTIVE', 'ACTIVE']);
    expect(drainChanges(view, 'a1', 10)).toEqual([]);
    expect(undrainChanges(view, 'a2', 10)).toEqual([]);
    expect(apply(view, undrainChanges(view, 'a1', 10))).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE']);
    apply(view, [partitionIn('ACTIVE', { partition: 1, version: 9, lockedSinceMs: 1 })]);
    expect(() => drainChanges(view, 'a1', 11)).toThrow('locked');
    apply(view, [partitionIn('PENDING', { partition: 1, version: 10 })]);
    expect(() => drainChanges(view, 'a1', 12)).toThrow('PENDING');
  });
});

/** Plainly: who is there and leaving, who owns what, what people have asked for. */
interface Model {
  readonly draining: Set<string>;
  readonly dead: Set<string>;
  readonly deactivated: Set<number>;
  nowMs: number;
}

interface Real {
  readonly view: MutableView;
  claim: number;
}

const INSTANCES = ['a1', 'a2', 'b1', 'b2'];
type Command = fc.Command<Model, Real>;

/** Heartbeats of who lives, then everybody looks, until nothing is due. */
function settle(model: Model, { view }: Real): void {
  for (const id of INSTANCES) {
    if (model.dead.has(id)) continue;
    const leaving = model.draining.has(id) ? { drainingSinceMs: 1 } : {};
    putEntry(view, instance(id, model.nowMs, leaving));
  }
  for (let round = 0; round < 10; round++) {
    const found = INSTANCES.filter((id) => !model.dead.has(id)).flatMap((id) => {
      const own = { instance: id, partitionCount: PARTITIONS, holdsData: new Map() };
      const changes = dueChanges(view, own, settings, model.nowMs);
      return [...changes.put, ...changes.remove];
    });
    if (found.length === 0) return;
    for (const entry of found) {
      if (entry.kind === 'instance') removeKey(view, keyOf(entry));
      else putEntry(view, entry);
    }
  }
  expect.unreachable('something is due for ever');
}

function check(model: Model, { view }: Real): void {
  const lives = (id: string) => !model.dead.has(id);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const entry = view.partitions.get(partition);
    if (entry === undefined) {
      expect(INSTANCES.some(lives)).toBe(false);
      continue;
    }
    const serving = [...view.owners.values()].filter(
      (each) => each.partition === partition && each.serving && lives(each.instance),
    );
    const staying = serving.filter((each) => !model.draining.has(each.instance));
    if (model.deactivated.has(partition))
      expect([entry.state, entry.drained]).toEqual(['INACTIVE', undefined]);
    else if (isLocked(entry) || !INSTANCES.some(lives)) continue;
    else if (serving.length > staying.length) expect(entry.state).not.toBe('ACTIVE');
    else if (entry.drained !== undefined) {
      const { drained } = entry;
      expect(staying.some(({ zone }) => zone === drained.zone)).toBe(false);
      expect(lives(drained.instance) && !model.draining.has(drained.instance)).toBe(false);
    } else if (staying.length > 0) expect(entry.state).toBe('ACTIVE');
  }
}

function command(name: string, run: (model: Model, real: Real) => void): Command {
  return {
    check: () => true,
    run(model, real) {
      run(model, real);
      // Long enough for owners to be believed, and to see who is dead.
      model.nowMs += 61_000;
      settle(model, real);
      check(model, real);
    },
    toString: () => name,
  };
}

const anyInstance = fc.constantFrom(...INSTANCES);
const anyPartition = fc.nat(PARTITIONS - 1);
const commands = [
  fc.tuple(anyPartition, anyInstance, fc.boolean()).map(([partition, id, serving]) =>
    command(`${id} takes ${partition}, serving ${serving}`, ({ nowMs, dead }, real) => {
      if (dead.has(id)) return;
      const claim = ++real.claim;
      putEntry(real.view, owner(partition, id, { claim, serving, servingSinceMs: nowMs }));
    }),
  ),
  fc.tuple(anyInstance, fc.boolean()).map(([id, leaves]) =>
    command(`${id} ${leaves ? 'drains' : 'stays'}`, ({ draining }) => {
      if (leaves) draining.add(id);
      else draining.delete(id);
    }),
  ),
  fc.tuple(anyInstance, fc.boolean()).map(([id, dies]) =>
    command(`${id} ${dies ? 'dies' : 'lives'}`, ({ dead }) => {
      if (dies) dead.add(id);
      else dead.delete(id);
    }),
  ),
  fc
    .tuple(anyPartition, fc.constantFrom('activate', 'deactivate', 'lock', 'unlock'))
    .map(([partition, kind]) =>
      command(`${kind} ${partition}`, ({ nowMs, deactivated }, { view }) => {
        const present = view.partitions.get(partition);
        if (present === undefined || (isLocked(present) && kind !== 'unlock')) return;
        const next = nextPartition(partition, present, { kind } as { kind: 'lock' }, nowMs);
        if (next !== undefined) putEntry(view, next);
        if (kind === 'deactivate') deactivated.add(partition);
        if (kind === 'activate') deactivated.delete(partition);
      }),
    ),
] as const;

it('left alone, partitions are written that can be, and nothing is due for ever (I8, I9)', () => {
  fc.assert(
    fc.property(fc.commands([...commands], { maxCommands: 40, size: '+1' }), (steps) => {
      fc.modelRun(
        () => ({
          model: {
            draining: new Set<string>(),
            dead: new Set<string>(),
            deactivated: new Set<number>(),
            nowMs: 0,
          },
          real: { view: createView(), claim: 0 },
        }),
        steps,
      );
    }),
    { numRuns: 300 },
  );
});
