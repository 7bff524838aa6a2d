// Folds of a compacted topic: processes whose views lag put changes of partitions, some of them stale; the log
// is compacted wherever it may be (SPEC.md, K3 and K4); and whoever starts late must see what the others see.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PartitionEntry } from './cluster.ts';
import { partitionEntry, viewOf } from './fold.ts';
import { nextPartition, type PartitionEvent } from './life-cycle.ts';

const PARTITIONS = 2;
const WRITERS = 3;
const EVENTS: readonly PartitionEvent[] = [
  { kind: 'found' },
  { kind: 'owners-ready' },
  { kind: 'activate' },
  { kind: 'deactivate' },
  { kind: 'expired' },
  { kind: 'holds-data' },
  { kind: 'lock' },
  { kind: 'unlock' },
  { kind: 'drain', instance: 'one', zone: 'a' },
  { kind: 'undrain', instance: 'one' },
];

interface Logged {
  readonly entry: PartitionEntry;
  /** It replaced what it was made from: it was first. */
  readonly first: boolean;
  gone: boolean;
}

interface Log {
  readonly records: Logged[];
  /** How many records each writer has seen. */
  readonly seen: number[];
}

/** What counts, said plainly: of each partition the changes that were first, one after the other. */
type Model = Map<number, PartitionEntry>;

type Step = fc.Command<Model, Log>;

const entriesOf = (records: readonly Logged[]) => records.map(({ entry }) => entry);

function append(model: Model, log: Log, entry: PartitionEntry): void {
  const first = (model.get(entry.partition)?.version ?? 0) + 1 === entry.version;
  if (first) model.set(entry.partition, entry);
  log.records.push({ entry, first, gone: false });
}

function check(model: Model, log: Log): void {
  const whole = viewOf(entriesOf(log.records));
  const late = viewOf(entriesOf(log.records.filter(({ gone }) => !gone)));
  for (const view of [whole, late]) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(partitionEntry(view, partition)).toEqual(model.get(partition));
    }
  }
}

function step(name: string, run: (model: Model, log: Log) => void): Step {
  return {
    check: () => true,
    run(model, log) {
      run(model, log);
      check(model, log);
    },
    toString: () => name,
  };
}

const changes = fc
  .tuple(fc.nat(WRITERS - 1), fc.nat(PARTITIONS - 1), fc.constantFrom(...EVENTS), fc.nat(1000))
  .map(([writer, partition, event, atMs]) =>
    step(`writer ${writer}: ${event.kind} ${partition} at ${atMs}`, (model, log) => {
      const view = viewOf(entriesOf(log.records.slice(0, log.seen[writer])));
      const present = partitionEntry(view, partition);
      let next: PartitionEntry | undefined;
      try {
        next = nextPartition(partition, present, event, atMs);
      } catch {
        return;
      }
      if (next !== undefined) append(model, log, next);
    }),
  );

const lags = fc.tuple(fc.nat(WRITERS - 1), fc.nat(5)).map(([writer, behind]) =>
  step(`writer ${writer} is ${behind} behind`, (_, log) => {
    log.seen[writer] = Math.max(log.seen[writer]!, log.records.length - behind);
  }),
);

/** What the keeper does with a view of everything. */
const answers = fc.constant(
  step('hidden ones are said again', (model, log) => {
    const view = viewOf(entriesOf(log.records));
    for (const partition of view.hidden) {
      const present = partitionEntry(view, partition);
      append(model, log, nextPartition(partition, present, { kind: 'hidden' }, 0)!);
    }
    expect(viewOf(entriesOf(log.records)).hidden.size).toBe(0);
  }),
);

const compactions = fc.nat(6).map((tail) =>
  step(`compacted but for the last ${tail}`, (_, { records }) => {
    const unanswered = records.findIndex(({ entry, first }, at) => {
      const later = records
        .slice(at + 1)
        .filter((each) => each.entry.partition === entry.partition);
      return !first && !later.some((each) => each.first);
    });
    const end = Math.min(records.length - tail, unanswered < 0 ? Infinity : unanswered);
    const kept = new Set<number>();
    for (let at = end - 1; at >= 0; at--) {
      const { entry, gone } = records[at]!;
      if (gone) continue;
      if (kept.has(entry.partition)) records[at]!.gone = true;
      kept.add(entry.partition);
    }
  }),
);

it('folds of all records and of what compaction left are what was first (I1, I2)', () => {
  let stale = 0;
  let gone = 0;
  const steps = fc.commands(
    [changes, changes, changes, lags, answers, answers, compactions, compactions],
    {
      maxCommands: 80,
      size: '+1',
    },
  );
  fc.assert(
    fc.property(steps, (commands) => {
      const log: Log = { records: [], seen: Array.from({ length: WRITERS }, () => 0) };
      fc.modelRun(() => ({ model: new Map(), real: log }), commands);
      stale += log.records.filter(({ first }) => !first).length;
      gone += log.records.filter((record) => record.gone).length;
    }),
    { numRuns: 300 },
  );
  expect([stale > 100, gone > 100]).toEqual([true, true]);
});

it('a stale entry that only compaction has left is overruled once it is said again', () => {
  const base = { kind: 'partition', partition: 0, sinceMs: 0 } as const;
  const winner = { ...base, state: 'ACTIVE', version: 5 } as const;
  const stale = { ...base, state: 'INACTIVE', version: 5 } as const;
  expect(partitionEntry(viewOf([winner, stale]), 0)).toEqual(winner);
  expect([...viewOf([winner, stale]).hidden]).toEqual([0]);
  expect(partitionEntry(viewOf([stale]), 0)).toEqual(stale);
  const again = nextPartition(0, winner, { kind: 'hidden' }, 9)!;
  expect(again).toEqual({ ...winner, version: 6 });
  for (const left of [[winner, stale, again], [stale, again], [again]]) {
    expect(partitionEntry(viewOf(left), 0)).toEqual(again);
    expect(viewOf(left).hidden.size).toBe(0);
  }
  // A send that the client repeated is no stale entry.
  expect(viewOf([winner, { ...winner }]).hidden.size).toBe(0);
});
