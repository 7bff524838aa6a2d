// The life cycle against the table of SPEC.md, cell by cell, and what holds over any sequence of events.
import { readFileSync } from 'node:fs';
import { WeirError } from '@weir/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionEntry } from './cluster.ts';
import {
  isLocked,
  lifeStateOf,
  nextPartition,
  type PartitionEvent,
  type PartitionEventKind,
} from './life-cycle.ts';

const KINDS: Readonly<Record<PartitionEventKind, PartitionEvent>> = {
  found: { kind: 'found' },
  'owners-ready': { kind: 'owners-ready' },
  drain: { kind: 'drain', instance: 'one', zone: 'a' },
  undrain: { kind: 'undrain', instance: 'one' },
  'taken-over': { kind: 'taken-over' },
  expired: { kind: 'expired' },
  'holds-data': { kind: 'holds-data' },
  activate: { kind: 'activate' },
  deactivate: { kind: 'deactivate' },
  lock: { kind: 'lock' },
  unlock: { kind: 'unlock' },
  hidden: { kind: 'hidden' },
};

/** `| a | b |` as cells. */
const cellsOf = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

function readTable(): Map<string, Map<string, string>> {
  const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
  const lines = spec.split('\n');
  const start = lines.findIndex((line) => line.includes('life-cycle.test.ts reads this table'));
  const [, ...events] = cellsOf(lines[start + 1]!);
  const table = new Map<string, Map<string, string>>();
  for (let at = start + 3; lines[at]!.startsWith('|'); at++) {
    const [state, ...outcomes] = cellsOf(lines[at]!);
    table.set(state!, new Map(events.map((event, column) => [event, outcomes[column]!])));
  }
  return table;
}

const nameOf = (entry: PartitionEntry | undefined) =>
  `${lifeStateOf(entry)}${isLocked(entry) ? '!' : ''}`;

function entryIn(name: string): PartitionEntry | undefined {
  const state = name.replace('!', '');
  if (state === 'ABSENT') return undefined;
  return {
    kind: 'partition',
    partition: 7,
    state: state === 'DRAINED' ? 'INACTIVE' : (state as PartitionEntry['state']),
    sinceMs: 10,
    version: 4,
    ...(state === 'DRAINED' ? { drained: { instance: 'one', zone: 'a' } } : {}),
    ...(name.endsWith('!') ? { lockedSinceMs: 5 } : {}),
  };
}

function outcomeOf(present: PartitionEntry | undefined, event: PartitionEvent): string {
  try {
    const next = nextPartition(7, present, event, 20);
    if (next === undefined) return '-';
    return nameOf(next) === nameOf(present) ? 'again' : nameOf(next);
  } catch (error) {
    if (error instanceof WeirError) return String(error.status);
    throw error;
  }
}

describe('life of a partition', () => {
  const table = readTable();

  it('has every state and every event in the table of SPEC.md', () => {
    const states = ['ABSENT', 'DELETED', 'PENDING', 'ACTIVE', 'INACTIVE', 'DRAINED'];
    const locked = ['PENDING!', 'ACTIVE!', 'INACTIVE!', 'DRAINED!'];
    expect([...table.keys()].sort()).toEqual([...states, ...locked].sort());
    for (const row of table.values()) {
      expect([...row.keys()].sort()).toEqual(Object.keys(KINDS).sort());
    }
  });

  it.each([...table.keys()])('goes from %s as the table says (I7)', (state) => {
    for (const [kind, outcome] of table.get(state)!) {
      const event = KINDS[kind as PartitionEventKind];
      expect([kind, outcomeOf(entryIn(state), event)]).toEqual([kind, outcome]);
    }
  });

  it('keeps what it must over any sequence of events (I3 to I6)', () => {
    const events = fc.array(
      fc.tuple(
        fc.constantFrom(...(Object.keys(KINDS) as PartitionEventKind[])),
        fc.constantFrom('one', 'two'),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(events, (steps) => {
        let present: PartitionEntry | undefined;
        for (const [at, [kind, instance]] of steps.entries()) {
          const event = { ...KINDS[kind], instance } as PartitionEvent;
          let next: PartitionEntry | undefined;
          try {
            next = nextPartition(7, present, event, 1000 + at);
          } catch (error) {
            expect(error).toBeInstanceOf(WeirError);
          }
          if (next === undefined) continue;
          expect(next.version).toBe((present?.version ?? 0) + 1);
          if (isLocked(present) && kind !== 'unlock') {
            expect({ ...next, version: 0 }).toEqual({ ...present, version: 0 });
          }
          if (next.state === 'PENDING' && present?.state !== 'PENDING') {
            expect(['ABSENT', 'DELETED']).toContain(lifeStateOf(present));
          }
          expect(next.sinceMs).toBe(next.state === present?.state ? present.sinceMs : 1000 + at);
          if (next.drained !== undefined) expect(next.state).toBe('INACTIVE');
          present = next;
        }
      }),
    );
  });

  it('leaves what was drained for another instance', () => {
    const drained = entryIn('DRAINED');
    const undrain = { kind: 'undrain', instance: 'two' } as const;
    expect(nextPartition(7, drained, undrain, 20)).toBeUndefined();
    expect(nextPartition(7, { ...drained!, lockedSinceMs: 1 }, undrain, 20)).toBeUndefined();
    const again = nextPartition(7, drained, { kind: 'drain', instance: 'two', zone: 'b' }, 20);
    expect(again).toBeUndefined();
  });

  it('says why it refuses', () => {
    const refused = (state: string, event: PartitionEvent) => () =>
      nextPartition(7, entryIn(state), event, 20);
    expect(refused('ACTIVE!', KINDS.deactivate)).toThrow(
      'the state of partition 7 is locked; unlock it to change it',
    );
    expect(refused('PENDING', KINDS.drain)).toThrow('partition 7 is PENDING');
    expect(refused('ABSENT', KINDS.lock)).toThrow('partition 7 does not exist');
  });
});
