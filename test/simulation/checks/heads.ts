// Heads as functions of their inputs (invariants 2 and 3). Every input of a head is kept beside it; a head
// that comes back from its store must be one that was checkpointed, a fresh head fed the same inputs must
// have the same digest, and so must two heads whose inputs were the same.
import { type HeadRecord, openPartitionHead, type PartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import type { Topic } from '../broker.ts';
import type { Coverage } from '../coverage.ts';
import type { Model } from '../model.ts';
import type { SimProcess } from '../process.ts';
import { Violation } from '../violation.ts';
import { type Account, openAccount } from './accounts.ts';

type Command =
  | 'configure'
  | 'park'
  | 'markShipped'
  | 'drop'
  | 'prepareCut'
  | 'cutDue'
  | 'prepareEarlyCut'
  | 'cutEarly'
  | 'skip';

interface JournalEntry {
  /** The head's position when the command came. */
  readonly position: number;
  readonly command: Command;
  readonly argument: unknown;
  readonly second?: unknown;
}

/** What a head has been given since its store was empty. */
export interface Journal {
  readonly startPosition: number;
  readonly entries: readonly JournalEntry[];
}

interface Checkpointed {
  readonly journal: Journal;
  readonly digest: string;
}

/** Of one store: what a checkpoint at a position may hold. */
export class StoreHistory {
  readonly at = new Map<number, Checkpointed[]>();

  note(position: number, state: Checkpointed): void {
    const known = this.at.get(position);
    if (known === undefined) this.at.set(position, [state]);
    else if (known.at(-1)!.digest !== state.digest) known.push(state);
  }
}

export interface WatchedHead {
  readonly head: PartitionHead;
  readonly raw: PartitionHead;
  readonly process: SimProcess;
  readonly partition: number;
  readonly journal: () => Journal;
}

export class HeadChecks {
  /** Per partition: what checkpoints of any store hold, for what is restored from a snapshot. */
  readonly #anywhere = new Map<number, StoreHistory>();
  readonly open = new Set<WatchedHead>();
  /** A head that was opened applies its first records: it has to catch up. */
  onFirstRecords: (() => void) | undefined;
  /** Throws where the program has a bug that this record meets. */
  beforeApply: ((partition: number, record: HeadRecord) => void) | undefined;
  readonly #topic: Topic;
  readonly #model: Model;
  readonly #coverage: Coverage;
  readonly #note: (line: string) => void;
  /** What it throws ends the run; what is thrown at a head would be taken for a bug in applying. */
  readonly #guard: (check: () => void) => void;

  constructor(
    parts: { readonly topic: Topic; readonly model: Model; readonly coverage: Coverage },
    note: (line: string) => void,
    guard: (check: () => void) => void,
  ) {
    const { topic, model, coverage } = parts;
    this.#note = note;
    this.#guard = guard;
    this.#topic = topic;
    this.#model = model;
    this.#coverage = coverage;
  }

  /** Checks a head that was opened on a store, and watches it from then on. */
  watch(
    raw: PartitionHead,
    process: SimProcess,
    history: StoreHistory,
    onDrop: (window: Parameters<PartitionHead['drop']>[0]) => void,
  ): PartitionHead {
    const { partition } = raw;
    this.#note(`head of ${partition} opened by ${process.name} at ${raw.position}`);
    let startPosition = raw.position;
    let entries: readonly JournalEntry[] = [];
    if (raw.checkpointPosition > 0) {
      const restored = this.#restored(raw, process, history);
      startPosition = restored.startPosition;
      entries = restored.entries;
    }
    const account = openAccount(raw, this.#model, this.#coverage, this.#guard);
    for (const entry of entries) tell(account, entry);
    let begun = raw.position > 0;
    let hasApplied = false;
    let checkpointing = 0;
    // What the journal has can come back, too.
    const rememberWhatMayReturn = () => {
      if (checkpointing > 0 || raw.journal.isOn) remember();
    };
    const remember = () => {
      const state = { journal: { startPosition, entries }, digest: raw.digest() };
      history.note(raw.position, state);
      this.#historyOf(partition).note(raw.position, state);
    };
    const command = (name: Command, argument: unknown, second?: unknown) => {
      const where = `partition ${partition} at ${raw.position} of ${process.name}`;
      this.#note(`${name} ${where}: ${JSON.stringify([argument, second])}`);
      const entry = { position: raw.position, command: name, argument, second };
      entries = [...entries, entry];
      tell(account, entry);
      rememberWhatMayReturn();
    };
    const overrides: Partial<PartitionHead> = {
      apply: (records, nextOffset) => {
        const parked = raw.parked();
        for (const record of records) {
          const passed = parked.some(
            ({ tenant, fromOffset }) => tenant === record.tenant && fromOffset <= record.offset,
          );
          if (!passed) this.beforeApply?.(partition, record);
        }
        if (begun && nextOffset > raw.position && records[0]?.offset !== raw.position) {
          command('skip', records[0]?.offset ?? nextOffset);
        }
        account.apply(records, () => raw.apply(records, nextOffset));
        if (!hasApplied && records.length > 0) {
          hasApplied = true;
          this.onFirstRecords?.();
        }
        this.#note(`applied ${partition} to ${nextOffset} by ${process.name}`);
        if (!begun) {
          // The first call moves an empty head to where its log begins.
          begun = true;
          if (records.length === 0) startPosition = raw.position;
        }
        rememberWhatMayReturn();
      },
      configure: (tenant, settings) => {
        raw.configure(tenant, settings);
        command('configure', tenant, settings);
      },
      park: (tenant, fromOffset) => {
        raw.park(tenant, fromOffset);
        this.#coverage.note('tenant parked');
        command('park', tenant, fromOffset);
      },
      markShipped: (shipped) => {
        raw.markShipped(shipped);
        command('markShipped', shipped);
      },
      // Where chunks end decides whether a late sample is found to be a repeated one.
      prepareCut: function* (all) {
        let isFirst = true;
        for (const _ of raw.prepareCut(all)) {
          command('prepareCut', all, isFirst);
          isFirst = false;
          yield;
        }
        command('prepareCut', all, isFirst);
      },
      cutDue: (all) => {
        const windows = raw.cutDue(all);
        command('cutDue', all);
        return windows;
      },
      prepareEarlyCut: function* (tenant) {
        let isFirst = true;
        for (const _ of raw.prepareEarlyCut(tenant)) {
          command('prepareEarlyCut', tenant, isFirst);
          isFirst = false;
          yield;
        }
        command('prepareEarlyCut', tenant, isFirst);
      },
      cutEarly: (tenant, idleMs) => {
        const windows = raw.cutEarly(tenant, idleMs);
        command('cutEarly', tenant, idleMs);
        if (windows.length > 0) this.#coverage.note(idleMs > 0 ? 'early cut' : 'idle tenant cut');
        return windows;
      },
      drop: (window) => {
        onDrop(window);
        raw.drop(window);
        command('drop', window);
      },
      dropSteps: (window) => {
        onDrop(window);
        const steps = raw.dropSteps(window);
        command('drop', window);
        return remembered(steps, () => {
          if (checkpointing > 0) remember();
        });
      },
      checkpoint: async () => {
        checkpointing++;
        remember();
        try {
          await raw.checkpoint();
          this.#coverage.note('checkpoint');
        } finally {
          checkpointing--;
        }
      },
      takeDiscards: () => account.takeDiscards(),
      close: () => {
        this.open.delete(entry);
        return raw.close();
      },
    };
    const watched = withOverrides(raw, overrides);
    const entry: WatchedHead = {
      head: watched,
      raw,
      process,
      partition,
      journal: () => ({ startPosition, entries }),
    };
    this.open.add(entry);
    return watched;
  }

  #restored(raw: PartitionHead, process: SimProcess, history: StoreHistory): Journal {
    const { position, partition } = raw;
    const digest = raw.digest();
    const own = history.at.size > 0;
    if (!own) this.#coverage.note('head restored from a snapshot');
    const known = (own ? history : this.#historyOf(partition)).at.get(position) ?? [];
    const found = known.find((one) => one.digest === digest);
    const where = `partition ${partition} of ${process.name} at ${position}`;
    if (found === undefined) {
      const others = known.map((one) => one.digest).join(', ') || 'no checkpoint there';
      throw new Violation(2, 'restore', `${where} came back as ${digest}, was ${others}`);
    }
    this.#coverage.note('head restored and compared');
    const { replayedRecords, stoppedBy } = raw.journal;
    if (replayedRecords > 0) this.#coverage.note('journal replayed');
    if (stoppedBy !== undefined) this.#coverage.note(`journal not whole: ${stoppedBy}`);
    if (!own) history.note(position, found);
    return found.journal;
  }

  #historyOf(partition: number): StoreHistory {
    const known = this.#anywhere.get(partition) ?? new StoreHistory();
    this.#anywhere.set(partition, known);
    return known;
  }

  forgetDead(): void {
    for (const entry of this.open) if (!entry.process.alive) this.open.delete(entry);
  }

  /** Heads with the same inputs at the same position, in whatever zone, must be the same. */
  comparePairs(): void {
    const seen = new Map<string, { digest: string; name: string }>();
    for (const { raw, process, journal } of this.open) {
      if (!process.alive) continue;
      const id = `${raw.partition}@${raw.position} ${JSON.stringify(journal())}`;
      const digest = raw.digest();
      const other = seen.get(id);
      if (other === undefined) seen.set(id, { digest, name: process.name });
      else if (other.digest !== digest) {
        const text = `partition ${raw.partition} at ${raw.position}: ${other.name} has ${other.digest}`;
        throw new Violation(3, 'replicas', `${text}, ${process.name} ${digest}`);
      } else this.#coverage.note('replicas compared');
    }
  }

  /** Feeds a fresh head what this one was given. */
  async replay({ raw, process, partition, journal }: WatchedHead): Promise<void> {
    const { position } = raw;
    const wanted = raw.digest();
    const { startPosition, entries } = journal();
    const store = createMemoryHeadStore();
    const fresh = await openPartitionHead({ partition, startOffset: startPosition }, { store });
    const records = this.#topic.partitions[partition]!;
    const applyTo = (to: number) => {
      const part = records.slice(fresh.position, to).map(asHeadRecord);
      if (to > fresh.position)
        fresh.apply(
          part.filter((one) => one !== undefined),
          to,
        );
    };
    let cut: Iterator<void> | undefined;
    for (const entry of entries) {
      applyTo(entry.position);
      if (entry.command === 'prepareCut' || entry.command === 'prepareEarlyCut') {
        if (entry.second) cut = fresh[entry.command](entry.argument as never)[Symbol.iterator]();
        cut?.next();
      } else give(fresh, entry);
    }
    applyTo(position);
    const digest = fresh.digest();
    await fresh.close();
    this.#coverage.note('head replayed and compared');
    if (digest === wanted) return;
    const where = `partition ${partition} of ${process.name} at ${position}`;
    throw new Violation(3, 'replay', `${where} is ${wanted}, replayed from its inputs ${digest}`);
  }
}

/** What a head was told says which samples it may pass, and how many series it may have. */
function tell(account: Account, { command, argument, second }: JournalEntry): void {
  if (command === 'configure') account.configured(argument as never, second as never);
  else if (command === 'drop') {
    const { tenant, lastOffset } = argument as Parameters<PartitionHead['drop']>[0];
    account.shipped(tenant, lastOffset);
  } else if (command === 'markShipped') {
    for (const one of argument as Parameters<PartitionHead['markShipped']>[0]) {
      account.shipped(one.tenant, one.throughOffset);
    }
  }
}

function give(head: PartitionHead, { command, argument, second }: JournalEntry): void {
  if (command === 'configure') head.configure(argument as never, second as never);
  else if (command === 'markShipped') head.markShipped(argument as never);
  else if (command === 'skip') head.apply([], argument as number);
  else if (command === 'park') head.park(argument as never, second as never);
  else if (command === 'cutEarly') head.cutEarly(argument as never, second as never);
  else if (command === 'drop') head.drop(argument as never);
  else head.cutDue(argument as never);
}

function asHeadRecord(record: Topic['partitions'][number][number]): HeadRecord | undefined {
  const { offset, timestampMs, key, value, version } = record;
  const tenant = Buffer.from(key).toString('utf8');
  if (!/^[a-zA-Z0-9_-]+$/.test(tenant)) return undefined;
  return { offset, timestampMs, tenant, value: new Uint8Array(value), version };
}

function* remembered(steps: Iterable<void>, remember: () => void): Generator<void> {
  for (const _ of steps) {
    remember();
    yield;
  }
  remember();
}

/** The head with some of its methods replaced; what is not asked for by name passes as it is. */
function withOverrides(head: PartitionHead, overrides: Partial<PartitionHead>): PartitionHead {
  return new Proxy(head, {
    get: (target, name) => Reflect.get(overrides, name) ?? Reflect.get(target, name),
  });
}
