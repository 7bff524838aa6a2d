// One partition inside its worker: the head over its store, and the finished blocks beside it. The store
// is opened at the first record, so that an empty partition costs next to nothing. Records are applied in
// slices, so that reads get their turn; checkpoints run beside that. Invariants: a batch is applied only
// at the position it names; after a failed apply nothing more is applied until the partition was
// reopened from its last checkpoint.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, isKind, toWeirError, WeirError } from '@weir/errors';
import type { HeadStore, PartitionHead, ShippedWindow, TenantWindow } from '@weir/head';
import type { Clock } from '@weir/runtime';
import type {
  Applied,
  ApplyBatch,
  ApplyRecord,
  CutWindow,
  DurableState,
  PartitionStats,
} from '../workers/partition-host.ts';
import { syncDirectory } from './block-directory.ts';
import { createCheckpointer } from './checkpointer.ts';
import { type LocalBlocks, openLocalBlocks } from './local-blocks.ts';
import { createReadLeases, type ReadLeases } from './read-leases.ts';

/** Applying lets others run after this long. */
const SLICE_MS = 2;
/** Reads that are under way when a partition is closed get this long. */
const CLOSE_PATIENCE_MS = 3_000;
const IDENTITY_FILE = 'partition.json';

export interface HostParts {
  readonly openStore: (path: string) => Promise<HeadStore>;
  readonly openHead: (partition: number, store: HeadStore) => Promise<PartitionHead>;
  readonly clock: Clock;
  readonly nextUlid: () => string;
}

export interface HostedPartitionSettings {
  readonly partition: number;
  readonly dir: string;
  readonly topicId: string;
}

export interface HostedPartition {
  readonly head: PartitionHead | undefined;
  readonly blocks: LocalBlocks;
  readonly leases: ReadLeases;
  /** The position of the head on disk; undefined without one. */
  readonly storedPosition: number | undefined;
  /** Where a store was put that is damaged or of another log. */
  readonly aside: string | undefined;
  start(position: number, shipped: readonly ShippedWindow[]): void;
  markShipped(shipped: readonly ShippedWindow[]): void;
  apply(batch: ApplyBatch): Promise<Applied>;
  checkpoint(force: boolean): Promise<DurableState>;
  cut(all: boolean, tenants: readonly string[]): Promise<readonly CutWindow[]>;
  drop(windows: readonly TenantWindow[]): Promise<void>;
  deleteBlocks(ulids: readonly string[]): Promise<void>;
  stats(): PartitionStats;
  quarantine(): Promise<string>;
  close(checkpoint: boolean): Promise<void>;
}

export async function openHostedPartition(
  settings: HostedPartitionSettings,
  parts: HostParts,
): Promise<HostedPartition> {
  const { partition, topicId } = settings;
  const { clock } = parts;
  const dir = join(settings.dir, String(partition));
  const leases = createReadLeases(clock);
  const checkpointer = createCheckpointer(clock);
  const { head: storedHead, aside } = await openStored();
  const blocks = await openLocalBlocks({ dir: join(dir, 'blocks'), partition, topicId }, parts);
  let head = storedHead;
  // A store without a checkpoint knows no position: it is as good as none.
  const storedPosition = (head?.checkpointPosition ?? 0) > 0 ? head?.position : undefined;
  let position = storedPosition ?? 0;
  let shippedBefore: readonly ShippedWindow[] = [];
  let failure: WeirError | undefined;
  let applying: Promise<unknown> = Promise.resolve();
  let maintaining: Promise<unknown> = Promise.resolve();

  /** The head on disk, if it is this log's and sound; else it is put aside, and the log rebuilds it. */
  async function openStored(): Promise<{ head?: PartitionHead; aside?: string }> {
    try {
      const found = await readIdentity(dir);
      if (found === undefined) return {};
      if (found.topicId === topicId) return { head: await openHead() };
    } catch (error) {
      if (!isKind(error, 'corrupt')) throw error;
    }
    return { aside: await setAside(dir, clock) };
  }

  async function openHead(): Promise<PartitionHead> {
    const store = await parts.openStore(join(dir, 'head'));
    try {
      return await parts.openHead(partition, store);
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

  async function applyNow(batch: ApplyBatch): Promise<Applied> {
    if (failure) throw failure;
    try {
      assert(batch.fromOffset === position, `batch at ${batch.fromOffset}, head at ${position}`);
      const samples = await applyRecords(batch);
      return {
        position,
        samples,
        seriesCount: head?.seriesCount ?? 0,
        discards: head?.takeDiscards() ?? [],
        ...checkpointer.takeResults(),
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
      await writeIdentity(dir, { topicId, partition });
      head = await openHead();
      head.markShipped(shippedBefore);
      head.apply([], position);
    }
    for (const [tenant, tenantSettings] of settings) head.configure(tenant, tenantSettings);
    return applySlices(head, records, nextOffset);
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
      into.apply([record], record.offset + 1);
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
    if (checkpointer.isDue(into)) checkpointer.begin(into);
    await checkpointer.roomFor(into);
    return samples;
  }

  return {
    get head() {
      return head;
    },
    blocks,
    leases,
    storedPosition,
    aside,
    start(from, shipped) {
      assert(head === undefined || head.position <= from, 'a head does not go back');
      position = from;
      shippedBefore = shipped;
      head?.markShipped(shipped);
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
      if (head === undefined) return { checkpointPosition: position, safeOffset: position };
      const safeOffset = head.safeOffset();
      if (force || checkpointer.isDue(head)) await checkpointer.run(head);
      return { checkpointPosition: head.checkpointPosition, safeOffset };
    },
    cut: (all, tenants) =>
      exclusively(async () => {
        for (const _ of head?.prepareCut(all) ?? []) await clock.yield();
        return cutWindows(head, blocks, all, tenants);
      }),
    drop: (windows) =>
      exclusively(async () => {
        await leases.quiesce();
        for (const window of windows) {
          for (const _ of head?.dropSteps(window) ?? []) await clock.yield();
        }
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
    }),
    async quarantine() {
      await closeAll(false);
      return setAside(dir, clock);
    },
    close: (checkpoint) => closeAll(checkpoint),
  };

  async function closeAll(checkpoint: boolean): Promise<void> {
    failure ??= new WeirError('closed', `partition ${partition} is closed here`);
    await applying;
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

/** Windows whose block already lies here wait for the shipper; they are not cut again. */
async function cutWindows(
  head: PartitionHead | undefined,
  blocks: LocalBlocks,
  all: boolean,
  tenants: readonly string[],
): Promise<CutWindow[]> {
  const cut: CutWindow[] = [];
  for (const window of head?.cutDue(all) ?? []) {
    if (tenants.length > 0 && !tenants.includes(window.tenant)) continue;
    if (blocks.all().some((block) => covers(block.window, window))) continue;
    cut.push({ window, block: await blocks.write(window, head!.cut(window)) });
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

interface Identity {
  readonly topicId: string;
  readonly partition: number;
}

/** Written before the store is created: a folder without it holds no head. */
async function writeIdentity(dir: string, identity: Identity): Promise<void> {
  await mkdir(dir, { recursive: true });
  const temporary = join(dir, `${IDENTITY_FILE}.tmp`);
  await writeFile(temporary, `${JSON.stringify(identity)}\n`, { flush: true });
  await rename(temporary, join(dir, IDENTITY_FILE));
  await syncDirectory(dir);
}

async function readIdentity(dir: string): Promise<Identity | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, IDENTITY_FILE), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new WeirError('corrupt', `${join(dir, IDENTITY_FILE)} is damaged`, { cause: error });
  }
}

async function setAside(dir: string, clock: Clock): Promise<string> {
  const aside = `${dir}.quarantined-${clock.nowMs()}`;
  await rename(dir, aside);
  return aside;
}
