// The port between the main thread and the threads that own partitions. Everything that crosses it is
// plain data, so that the same calls run in this thread (tests, simulation) or over a MessagePort.
// Invariant: one host owns a partition's head and local blocks; the main thread never touches them,
// except that the shipper reads the files of a finished block.
import type {
  IngestedSamples,
  ParkedTenant,
  SeriesChanges,
  ShippedWindow,
  TenantActivity,
  TenantSettings,
  TenantStats,
  TenantWindow,
} from '@weir/head';
import type { ReadRequest, ReadThread } from '@weir/query';
import type { EarlyCutSettings } from '../worker/early-cuts.ts';

export interface OpenPartition {
  readonly partition: number;
  /** Folder of all partitions of this instance; this one lives in `<dir>/<partition>`. */
  readonly dir: string;
  readonly topicId: string;
  /** Where the log ends: what the head's journal has beyond is not taken. Absent: anywhere. */
  readonly endOffset?: number;
}

export interface OpenedPartition {
  /** The next offset of the head found on disk; undefined when there is none. */
  readonly position: number | undefined;
  /** What of it came from its journal; undefined without a head. */
  readonly journal: ReplayedJournal | undefined;
  /** What became of a store that is damaged or of another log; undefined mostly. */
  readonly aside: Aside | undefined;
  readonly blocks: readonly LocalBlock[];
}

/** What opening a head took from its journal. */
export interface ReplayedJournal {
  readonly records: number;
  /** Why not all that was there; undefined where it was all. */
  readonly stoppedBy: string | undefined;
}

/** A local head that was put aside. */
export interface Aside {
  readonly where: string;
  readonly why: string;
}

/** A finished block in `<dir>/<partition>/blocks/<tenant>/<ulid>`. */
export interface LocalBlock {
  readonly ulid: string;
  readonly dir: string;
  readonly window: TenantWindow;
}

/** What cutting a window gave: no block when the window turned out to hold no sample. */
export interface CutWindow {
  readonly window: TenantWindow;
  readonly block: LocalBlock | undefined;
}

export interface StartPartition {
  readonly partition: number;
  /** The next offset that will be applied. */
  readonly position: number;
  readonly shipped: readonly ShippedWindow[];
}

export interface ApplyRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly tenant: string;
  readonly value: Uint8Array;
  readonly version: number;
}

export interface ApplyBatch {
  readonly partition: number;
  /** The position before this batch; another one here means that a batch was lost: refused. */
  readonly fromOffset: number;
  readonly records: readonly ApplyRecord[];
  readonly nextOffset: number;
  /** Settings of tenants that are new here or have changed. */
  readonly settings: readonly (readonly [string, TenantSettings])[];
}

export interface DiscardCount {
  readonly tenant: string;
  readonly reason: string;
  readonly count: number;
}

export interface Applied {
  readonly position: number;
  readonly samples: number;
  readonly ingested: readonly IngestedSamples[];
  readonly seriesCount: number;
  readonly discards: readonly DiscardCount[];
  readonly seriesChanges: readonly SeriesChanges[];
  /** Durations of checkpoints that ended since the last answer, ms. */
  readonly checkpointsMs: readonly number[];
  /** Why the last checkpoint failed, or undefined. */
  readonly checkpointError: string | undefined;
  /** What the disk refused the head's journal since the last answer, which then begins with the next checkpoint. */
  readonly journalError?: string | undefined;
}

/** How far the disk is, for the group commit. */
export interface DurableState {
  readonly checkpointPosition: number;
  readonly safeOffset: number;
  /** Blocks that were found damaged and put aside since the last answer. */
  readonly damagedBlocks: readonly string[];
  /** Tenants whose records stay in the log, as one of them can't be applied. */
  readonly parked: readonly ParkedTenant[];
}

export interface PartitionStats {
  readonly partition: number;
  readonly position: number;
  readonly seriesCount: number;
  readonly tenants: readonly TenantStats[];
  readonly blocks: readonly LocalBlock[];
  /** What was found damaged in the local head: it has to be put aside. */
  readonly damage: string | undefined;
}

export interface PartitionHost {
  /** Opens what the disk has; creates nothing. */
  open(request: OpenPartition): Promise<OpenedPartition>;
  /**
   * Moves the store of an opened partition out of the way, and with `blocks` its blocks too; returns
   * where to. The partition has to be opened again.
   */
  quarantine(request: { readonly partition: number; readonly blocks: boolean }): Promise<string>;
  /**
   * The last checkpoint, as @weir/head's snapshots are: for another node's restore(). The first piece is
   * the header. Rejects with `not-found` before the first checkpoint.
   */
  snapshot(
    request: { readonly partition: number; readonly topicId: string },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /** Takes the next bytes of a snapshot for the empty disk of an opened partition; `corrupt` refuses it. */
  restore(request: { readonly partition: number; readonly bytes: Uint8Array }): Promise<void>;
  /** After the last bytes: opens what was restored (`keep`), or throws it away; returns the position. */
  endRestore(request: {
    readonly partition: number;
    readonly keep: boolean;
  }): Promise<number | undefined>;
  start(request: StartPartition): Promise<void>;
  /** Windows that were shipped by somebody: covered samples are dropped, or skipped when replayed. */
  markShipped(request: {
    readonly partition: number;
    readonly shipped: readonly ShippedWindow[];
  }): Promise<void>;
  /** Applies records in order. Rejects, and refuses what follows, when the head failed. */
  apply(batch: ApplyBatch): Promise<Applied>;
  /** Checkpoints when one is due; with `force` whenever something changed. */
  checkpoint(request: {
    readonly partition: number;
    readonly force: boolean;
  }): Promise<DurableState>;
  /** Cuts due windows (with `all` every window) into local blocks; blocks not dropped yet are not cut again. */
  cut(request: {
    readonly partition: number;
    readonly all: boolean;
    readonly tenants: readonly string[];
    /** Cut windows of idle tenants, and of those with many series that have gone, before they close. */
    readonly early?: EarlyCutSettings;
  }): Promise<readonly CutWindow[]>;
  /** The windows are in verified blocks: the head forgets them, once no running read needs them. */
  drop(request: {
    readonly partition: number;
    readonly windows: readonly TenantWindow[];
  }): Promise<void>;
  /** Deletes local blocks. */
  deleteBlocks(request: {
    readonly partition: number;
    readonly ulids: readonly string[];
  }): Promise<void>;
  stats(request: { readonly partition: number }): Promise<PartitionStats>;
  /** Active series by tenant at log time, or at `atMs` where that is later. */
  activity(request: {
    readonly partition: number;
    readonly atMs: number;
  }): Promise<readonly TenantActivity[]>;
  /** Checkpoints if asked, and closes the store. */
  close(request: { readonly partition: number; readonly checkpoint: boolean }): Promise<void>;
  /** Answers the read protocol for partitions of this host. */
  read(request: ReadRequest, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Threads (or this one) that own partitions; a partition is pinned to one of them. */
export interface PartitionWorkers {
  hostOf(partition: number): PartitionHost;
  /** The thread of hostOf(); undefined where that is this one. */
  threadOf(partition: number): ReadThread | undefined;
  /** Of each thread that runs, a number from `first` on that is pinned to it. */
  pinned(first: number): readonly number[];
  close(): Promise<void>;
}
