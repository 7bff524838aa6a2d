// One partition inside its worker: the head over its store, and the finished blocks beside it. The store
// is opened at the first record, so that an empty partition costs next to nothing. Records are applied in
// slices, so that reads get their turn; checkpoints run beside that. Invariants: a batch is applied only
// at the position it names; after a failed apply nothing more is applied until the partition was
// reopened from its last checkpoint.
import { join } from 'node:path';
import { assert, isKind, toWeirError, WeirError } from '@weir/errors';
import type { HeadStore, PartitionHead, Pause, ShippedWindow, TenantWindow } from '@weir/head';
import type { Clock, Timer } from '@weir/runtime';
import type { KeptEntries } from '@weir/tsdb/block';
import type {
  Applied,
  ApplyBatch,
  ApplyRecord,
  Aside,
  CutWindow,
  DurableState,
  PartitionStats,
  ReplayedJournal,
} from '../workers/partition-host.ts';
import { createCheckpointer } from './checkpointer.ts';
import { type EarlyCutSettings, earlyCuts } from './early-cuts.ts';
import type { FailedRecords } from './failed-records.ts';
import { createIngestionRates, type IngestionRates } from './ingestion-rates.ts';
import { type LocalBlocks, openLocalBlocks } from './local-blocks.ts';
import { createOpeningMark } from './opening-mark.ts';
import { createPartitionFolder } from './partition-folder.ts';
import { createReadLeases, type ReadLeases } from './read-leases.ts';
import { createRestoring } from './restoring.ts';

/** Applying lets others run after this long. */
const SLICE_MS = 2;
/** Cutting and dropping do so earlier: what waits for them is pushed samples. */
const PAUSE_MS = 1;
/** A cut that nobody waits for rests this many times as long as it has worked. */
const CUT_REST = 1;
const REST_MAX_MS = 10;
/** Reads that are under way when a partition is closed get this long. */
const CLOSE_PATIENCE_MS = 3_000;
/** So long after a batch its records are in the head's journal; while more come, these are written together. */
const JOURNAL_AFTER_MS = 10;

export interface HostParts {
  readonly openStore: (path: string) => Promise<HeadStore>;
  readonly openHead: (
    partition: number,
    store: HeadStore,
    pause: Pause,
    endOffset: number | undefined,
  ) => Promise<PartitionHead>;
  readonly clock: Clock;
  readonly nextUlid: () => string;
}

export interface HostedPartitionSettings {
  readonly partition: number;
  readonly dir: string;
  readonly topicId: string;
  readonly endOffset?: number;
}

export interface HostedPartition {
  readonly partition: number;
  readonly head: PartitionHead | undefined;
  readonly blocks: LocalBlocks;
  readonly leases: ReadLeases;
  readonly rates: Pick<IngestionRates, 'of'>;
  /** The position of the head on disk; undefined without one. */
  readonly storedPosition: number | undefined;
  /** What of it came from its journal. */
  readonly journal: ReplayedJournal | undefined;
  /** Where a store was put that is damaged or of another log. */
  readonly aside: Aside | undefined;
  start(position: number, shipped: readonly ShippedWindow[]): void;
  markShipped(shipped: readonly ShippedWindow[]): void;
  apply(batch: ApplyBatch): Promise<Applied>;
  checkpoint(force: boolean): Promise<DurableState>;
  cut(
    all: boolean,
    tenants: readonly string[],
    early?: EarlyCutSettings,
  ): Promise<readonly CutWindow[]>;
  drop(windows: readonly TenantWindow[]): Promise<void>;
  deleteBlocks(ulids: readonly string[]): Promise<void>;
  stats(): PartitionStats;
  quarantine(blocks: boolean): Promise<string>;
  snapshot(topicId: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  restore(bytes: Uint8Array): Promise<void>;
  endRestore(keep: boolean): Promise<number | undefined>;
  close(checkpoint: boolean): Promise<void>;
}

export async function openHostedPartition(
  settings: HostedPartitionSettings,
  parts: HostParts,
  failedRecords: FailedRecords,
  keptEntries?: KeptEntries,
): Promise<HostedPartition> {
  const { partition, topicId } = settings;
  const { clock } = parts;
  const folder = createPartitionFolder(join(settings.dir, String(partition)), clock);
  const leases = createReadLeases(clock);
  const rates = createIngestionRates(clock);
  const checkpointer = createCheckpointer(clock);
  const identity = { topicId, partition };
  const restoring = createRestoring(folder, identity, parts.openStore);
  const pause = createPause(clock, 0);
  const { head: storedHead, aside } = await openStored();
  const blocks = await openLocalBlocks(
    { dir: folder.blocksDir, partition, topicId },
    { nextUlid: parts.nextUlid, putAside: folder.setPartAside, keptEntries },
  );
  let head = storedHead;
  // A store without a checkpoint knows no position: it is as good as none.
  const storedPosition = (head?.checkpointPosition ?? 0) > 0 ? head?.position : undefined;
  let position = storedPosition ?? 0;
  let shippedBefore: readonly ShippedWindow[] = [];
  let failure: WeirError | undefined;
  const restingPause = createPause(clock, CUT_REST);
  let applying: Promise<unknown> = Promise.resolve();
  let maintaining: Promise<unknown> = Promise.resolve();
  /** A checkpoint would finish a drop under way in one piece, so it waits. */
  let dropping: Promise<void> | undefined;
  let journaling: Timer | undefined;

  /** The head on disk, if it is this log's and sound; else it is put aside, and rebuilt. */
  async function openStored(): Promise<{ head?: PartitionHead; aside?: Aside }> {
    const mark = createOpeningMark(folder.dir);
    let foreign = false;
    let why = 'it belongs to another log';
    try {
      const found = await folder.readIdentity();
      if (found === undefined) {
        await folder.removeHead();
        await mark.end();
        return {};
      }
      foreign = found.topicId !== topicId;
      if (!foreign) return { head: await mark.open(openHead) };
    } catch (error) {
      if (!isKind(error, 'corrupt')) throw error;
      why = toWeirError(error).message;
    }
    // Blocks of this log are sound whatever the head is.
    const where = await folder.setAside(foreign);
    await mark.end();
    return { aside: { where, why } };
  }

  async function openHead(): Promise<PartitionHead> {
    const store = await parts.openStore(folder.headDir);
    try {
      return await parts.openHead(partition, store, pause, settings.endOffset);
    } catch (error) {
      // Else its folder could not be put aside; what opening said matters more than what closing says.
      await store.close().catch(() => undefined);
      throw error;
    }
  }

  /** One cut, drop or close at a time; applying goes on meanwhile. */
  function exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = maintaining.then(work);
    maintaining = done.catch(() => undefined);
    return done;
  }

  /** Damage may have been found by a read or a checkpoint: nothing more is built on it. */
  function checkSound(): void {
    if (head?.damage) throw head.damage;
  }

  async function applyNow(batch: ApplyBatch): Promise<Applied> {
    if (failure) throw failure;
    try {
      checkSound();
      assert(batch.fromOffset === position, `batch at ${batch.fromOffset}, head at ${position}`);
      const samples = await applyRecords(batch);
      const ingested = head?.takeIngested() ?? [];
      rates.add(ingested);
      return {
        position,
        samples,
        ingested,
        seriesCount: head?.seriesCount ?? 0,
        discards: head?.takeDiscards() ?? [],
        seriesChanges: head?.takeSeriesChanges() ?? [],
        ...checkpointer.takeResults(),
        journalError: head?.journal.takeFailure()?.message,
      };
    } catch (error) {
      const { kind, message } = toWeirError(error);
      failure = new WeirError(kind, `partition ${partition} can't apply: ${message}`, {
        cause: error,
      });
      throw failure;
    }
  }

  async function applyRecords({ records, nextOffset, settings }: ApplyBatch): Promise<number> {
    if (head === undefined) {
      if (records.length === 0) {
        position = nextOffset;
        return 0;
      }
      await folder.writeIdentity(identity);
      head = await openHead();
      head.markShipped(shippedBefore);
      parkFailed(head);
      head.apply([], position);
    }
    for (const [tenant, tenantSettings] of settings) head.configure(tenant, tenantSettings);
    return applySlices(head, records, nextOffset);
  }

  async function dropAll(windows: readonly TenantWindow[]): Promise<void> {
    for (const window of windows) {
      for (const _ of head?.dropSteps(window) ?? []) await pause();
    }
  }

  /** Closed chunks are in memory until a checkpoint holds them: it takes its turns between the steps. */
  async function closeChunks(of: PartitionHead, steps: Iterable<void>, rest: Pause): Promise<void> {
    for (const _ of steps) {
      await rest();
      await checkpointer.runDue(of);
    }
  }

  function parkFailed(into: PartitionHead): void {
    for (const { tenant, offset } of failedRecords.toPark(partition)) into.park(tenant, offset);
  }

  async function applySlices(
    into: PartitionHead,
    records: readonly ApplyRecord[],
    nextOffset: number,
  ): Promise<number> {
    let samples = 0;
    let sliceStart = clock.steadyMs();
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!;
      const before = into.samplesSinceCheckpoint;
      try {
        into.apply([record], record.offset + 1);
      } catch (error) {
        failedRecords.failed(partition, record);
        throw error;
      }
      position = record.offset + 1;
      samples += Math.max(0, into.samplesSinceCheckpoint - before);
      checkpointer.noteBytes(record.value.byteLength);
      const room = into.room();
      if (room !== undefined) await room;
      if (clock.steadyMs() - sliceStart < SLICE_MS) continue;
      await clock.yield();
      sliceStart = clock.steadyMs();
    }
    if (position < nextOffset) into.apply([], nextOffset);
    position = nextOffset;
    if (dropping === undefined && checkpointer.isDue(into)) checkpointer.begin(into);
    journaling ??= clock.after(JOURNAL_AFTER_MS, () => {
      journaling = undefined;
      into.journal.flush();
    });
    await checkpointer.roomFor(into);
    return samples;
  }

  return {
    partition,
    get head() {
      return head;
    },
    blocks,
    leases,
    rates,
    storedPosition,
    journal: storedHead && {
      records: storedHead.journal.replayedRecords,
      stoppedBy: storedHead.journal.stoppedBy,
    },
    aside,
    start(from, shipped) {
      assert(head === undefined || head.position <= from, 'a head does not go back');
      position = from;
      shippedBefore = shipped;
      head?.markShipped(shipped);
      if (head !== undefined) parkFailed(head);
      if (head !== undefined && head.position < from) head.apply([], from);
    },
    markShipped(shipped) {
      shippedBefore = shipped;
      head?.markShipped(shipped);
    },
    apply(batch) {
      const done = applying.then(() => applyNow(batch));
      applying = done.catch(() => undefined);
      return done;
    },
    async checkpoint(force) {
      if (head === undefined) {
        const damagedBlocks = blocks.takeDamaged();
        return { checkpointPosition: position, safeOffset: position, damagedBlocks, parked: [] };
      }
      checkSound();
      const safeOffset = head.safeOffset();
      if (force || checkpointer.isDue(head)) {
        await dropping;
        await checkpointer.run(head);
      }
      const { checkpointPosition } = head;
      const damagedBlocks = blocks.takeDamaged();
      return { checkpointPosition, safeOffset, damagedBlocks, parked: head.parked() };
    },
    cut: (all, tenants, early) =>
      exclusively(async () => {
        if (head === undefined) return [];
        const rest = all ? pause : restingPause;
        await closeChunks(head, head.prepareCut(all), rest);
        const due = head.cutDue(all);
        const wanted =
          tenants.length === 0 ? due : due.filter((one) => tenants.includes(one.tenant));
        const cut = await cutWindows(head, blocks, wanted, rest);
        if (all || early === undefined) return cut;
        for (const { tenant, idleMs } of earlyCuts(head, early, clock.nowMs())) {
          await closeChunks(head, head.prepareEarlyCut(tenant), rest);
          cut.push(...(await cutWindows(head, blocks, head.cutEarly(tenant, idleMs), rest)));
        }
        return cut;
      }),
    drop: (windows) =>
      exclusively(async () => {
        await leases.quiesce();
        dropping = dropAll(windows).finally(() => {
          dropping = undefined;
        });
        await dropping;
      }),
    deleteBlocks: (ulids) =>
      exclusively(async () => {
        await leases.quiesce();
        await blocks.delete(ulids);
      }),
    stats: () => ({
      partition,
      position,
      seriesCount: head?.seriesCount ?? 0,
      tenants: head?.tenants() ?? [],
      blocks: blocks.all(),
      damage: head?.damage?.message,
    }),
    async quarantine(withBlocks) {
      await closeAll(false);
      return folder.setAside(withBlocks);
    },
    async *snapshot(ofTopic, signal) {
      if (head === undefined) throw new WeirError('not-found', `partition ${partition} is empty`);
      for await (const piece of head.snapshot(ofTopic)) {
        yield piece;
        signal.throwIfAborted();
        await clock.yield();
      }
    },
    restore: (bytes) => {
      assert(head === undefined, 'only an empty disk is filled from a snapshot');
      return restoring.push(bytes);
    },
    async endRestore(keep) {
      await restoring.end(keep);
      if (!keep) return undefined;
      head = await openHead();
      position = head.position;
      return position;
    },
    close: (checkpoint) => closeAll(checkpoint),
  };

  async function closeAll(checkpoint: boolean): Promise<void> {
    failure ??= new WeirError('closed', `partition ${partition} is closed here`);
    await applying;
    journaling?.cancel();
    await exclusively(async () => {
      try {
        if (checkpoint && head !== undefined) await checkpointer.run(head);
        await checkpointer.settled();
      } finally {
        await leases.quiesce(CLOSE_PATIENCE_MS);
        await blocks.close();
        await head?.close();
        head = undefined;
      }
    });
  }
}

/**
 * Lets others run when this thread has worked for PAUSE_MS, as long work does between its pieces, and then
 * leaves the core to them for `rest` times as long as it had it.
 */
function createPause(clock: Clock, rest: number): Pause {
  let sinceMs = clock.steadyMs();
  return () => {
    const workedMs = clock.steadyMs() - sinceMs;
    if (workedMs < PAUSE_MS) return undefined;
    // Time that passed before this work, or waiting for a core, is no work of its own.
    const restMs = Math.min(workedMs, REST_MAX_MS) * rest;
    return (restMs > 0 ? clock.sleep(restMs) : clock.yield()).then(() => {
      sinceMs = clock.steadyMs();
    });
  };
}

/** Windows whose block already lies here wait for the shipper; they are not cut again. */
async function cutWindows(
  head: PartitionHead,
  blocks: LocalBlocks,
  windows: readonly TenantWindow[],
  pause: Pause,
): Promise<CutWindow[]> {
  const cut: CutWindow[] = [];
  for (const window of windows) {
    if (blocks.all().some((block) => covers(block.window, window))) continue;
    cut.push({ window, block: await blocks.write(window, head.cut(window, pause), pause) });
  }
  return cut;
}

function covers(block: TenantWindow, window: TenantWindow): boolean {
  return (
    block.tenant === window.tenant &&
    block.minT <= window.minT &&
    block.maxT >= window.maxT &&
    block.firstOffset <= window.firstOffset &&
    block.lastOffset >= window.lastOffset
  );
}
