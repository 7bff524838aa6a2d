// Opens a partition's head on a store and ties its parts to the port.

import { WeirError } from '@weir/errors';
import { configure, cutDue, drop, prepareCut, safeOffset } from './cuts.ts';
import { digest } from './digest.ts';
import { cutEarly, prepareEarlyCut } from './early-cuts.ts';
import type {
  ExemplarSelect,
  HeadRecord,
  HeadSelect,
  HeadStore,
  HistogramMetricsRequest,
  IngestedSamples,
  JournalState,
  LabelCardinalityRequest,
  PartitionHead,
  Pause,
  SeriesChanges,
  ShippedWindow,
  TenantSettings,
  TenantStats,
  TenantWindow,
} from './head.ts';

import type { HeadJournal } from './journal/head-journal.ts';
import { openJournal } from './journal/open-journal.ts';
import { cut } from './reads/cut.ts';
import { exemplars } from './reads/exemplars.ts';
import { labelNames, labelValues, prepareOrder, samples, select } from './reads/select.ts';
import { RecordApplier } from './records/apply.ts';
import { SlabSpace } from './slabs/slab-space.ts';
import { writeSnapshot } from './snapshot/write-snapshot.ts';
import { HeadState } from './state.ts';
import { type CheckedStore, createCheckedStore } from './store/checked-store.ts';
import { Checkpoint, type CommitState } from './store/checkpoint.ts';
import { clearDropped } from './store/clear.ts';
import { recover } from './store/recover.ts';
import { cardinality } from './tenants/cardinality.ts';
import { histogramMetrics } from './tenants/histogram-metrics.ts';
import { WINDOW_MS } from './windows.ts';

export interface PartitionHeadSettings {
  readonly partition: number;
  /** Where the log ends: nothing of the journal beyond is applied. Absent: anywhere. */
  readonly endOffset?: number | undefined;
  /** The journal is written in pieces of this size; for tests. */
  readonly journalFrameBytes?: number | undefined;
  /** Where to begin when the store is empty. */
  readonly startOffset?: number;
}

export interface PartitionHeadParts {
  /** The head owns it from here on, and closes it. */
  readonly store: HeadStore;
  /** Called between pieces of the work of opening. */
  readonly pause?: Pause;
}

/** Opens the head at the end of its journal, else at its last committed checkpoint. Throws `corrupt` on a damaged store. */
export async function openPartitionHead(
  settings: PartitionHeadSettings,
  parts: PartitionHeadParts,
): Promise<PartitionHead> {
  return (await openHeadAndState(settings, parts)).head;
}

/** The same, for those who look at what the head has in memory and in its slabs. */
export async function openHeadAndState(
  settings: PartitionHeadSettings,
  parts: PartitionHeadParts,
): Promise<{ head: PartitionHead; state: HeadState; space: SlabSpace }> {
  const store = createCheckedStore(parts.store);
  // Once more where a record of the journal could not be applied.
  for (;;) {
    const opened = await tryOpen(settings, store, parts.pause ?? noPause);
    if (opened !== undefined) return opened;
  }
}

async function tryOpen(
  settings: PartitionHeadSettings,
  store: CheckedStore,
  pause: Pause,
): Promise<{ head: PartitionHead; state: HeadState; space: SlabSpace } | undefined> {
  const state = new HeadState();
  state.position = settings.startOffset ?? 0;
  const commit: CommitState = {
    tenantSlots: new Map(),
    metadataSlots: new Map(),
    discardSlots: new Map(),
    histogramSlots: new Map(),
    checkpointPosition: state.position,
  };
  const space = await SlabSpace.open(store);
  await recover(state, { store, space, pause }, commit);
  const applier = new RecordApplier(state);
  const { endOffset = Infinity, journalFrameBytes: frameBytes } = settings;
  const journalParts = { files: store.journal, applier, pause };
  const opened = await openJournal(state, journalParts, { endOffset, frameBytes });
  if (opened === undefined) return undefined;
  takeIngested(state);
  const of = { state, applier, commit, store, space, pause, ...opened };
  return { head: createHead(settings.partition, of), state, space };
}

interface HeadParts {
  readonly state: HeadState;
  readonly applier: RecordApplier;
  readonly commit: CommitState;
  readonly store: CheckedStore;
  readonly space: SlabSpace;
  readonly pause: Pause;
  readonly journal: HeadJournal;
  readonly journalState: JournalState;
}

function noPause(): undefined {}

function createHead(partition: number, parts: HeadParts): PartitionHead {
  const { state, applier, commit, store, space, pause, journal, journalState } = parts;
  let checkpointing: Promise<void> = Promise.resolve();
  let isClosed = false;
  const checkpoint = async (): Promise<void> => {
    if (isClosed) throw new WeirError('closed', `head of partition ${partition} is closed`);
    const running = new Checkpoint(state, store, space, commit);
    journal.begin(running.epoch, state.position);
    try {
      await running.run();
    } catch (error) {
      journal.aborted();
      throw error;
    }
    await journal.committed();
    await clearDropped(state, store);
  };
  return {
    partition,
    get position() {
      return state.position;
    },
    get checkpointPosition() {
      return commit.checkpointPosition;
    },
    get closedBytes() {
      return state.store.closed.currentBytes;
    },
    get samplesSinceCheckpoint() {
      return state.samplesSinceCheckpoint;
    },
    get seriesCount() {
      return state.store.count;
    },
    journal: journalState,
    apply(records: readonly HeadRecord[], nextOffset: number) {
      for (const record of records) {
        // A replay may hand over again what the checkpoint already holds.
        if (record.offset < state.position) continue;
        applier.apply(record);
        journal.note(record, applier);
      }
      journal.noteMove(nextOffset);
      state.position = Math.max(state.position, nextOffset);
    },
    configure(tenant: string, value: TenantSettings) {
      const before = state.tenantsByName.get(tenant)?.settings;
      configure(state, tenant, value);
      const isSame = before !== undefined && JSON.stringify(before) === JSON.stringify(value);
      if (!isSame) journal.noteSettings(tenant, value);
    },
    park: (tenant: string, fromOffset: number) => state.park(tenant, fromOffset),
    parked: () =>
      state.tenants.flatMap(({ name, parkedFrom, parkedRecords }) =>
        parkedFrom === undefined
          ? []
          : [{ tenant: name, fromOffset: parkedFrom, records: parkedRecords }],
      ),
    markShipped: (shipped: readonly ShippedWindow[]) => state.markShipped(shipped),
    room: () => state.running?.room() ?? journal.room(),
    checkpoint() {
      const next = checkpointing.then(checkpoint);
      checkpointing = next.catch(() => {});
      return next;
    },
    select: (request: HeadSelect) => select(state, store, request, pause),
    prepareOrder: (request: HeadSelect) => prepareOrder(state, request, pause),
    samples: (request: HeadSelect, inOrder: boolean) => samples(state, store, request, inOrder),
    labelNames: async (request: HeadSelect) => labelNames(state, request),
    labelValues: async (name: string, request: HeadSelect) => labelValues(state, name, request),
    metadata: (tenant: string) => state.tenantsByName.get(tenant)?.metadata.all() ?? [],
    exemplars: async (request: ExemplarSelect) => exemplars(state, request),
    tenants: () => tenantStats(state),
    takeDiscards() {
      const taken = [...state.discards].flatMap(([tenant, reasons]) =>
        [...reasons].map(([reason, count]) => ({ tenant, reason, count })),
      );
      state.discards.clear();
      return taken;
    },
    discarded: (tenant: string) =>
      state.tenantsByName.get(tenant)?.discards.read() ?? { reasons: [], entries: [] },
    activity: (atMs = -Infinity) =>
      state.tenants.map((tenant) => state.activity.read(tenant, atMs)),
    takeSeriesChanges: () => takeSeriesChanges(state),
    takeIngested: () => takeIngested(state),
    cardinality: (request: LabelCardinalityRequest) => cardinality(state, request),
    histogramMetrics: (request: HistogramMetricsRequest) => histogramMetrics(state, request),
    prepareCut: (all: boolean) => prepareCut(state, all),
    cutDue: (all: boolean) => cutDue(state, all),
    prepareEarlyCut: (tenant: string) => prepareEarlyCut(state, tenant),
    cutEarly: (tenant: string, idleMs: number) => cutEarly(state, tenant, idleMs),
    cut: (window: TenantWindow, pause: Pause = noPause) => cut(state, store, window, pause),
    drop(window: TenantWindow) {
      for (const _ of drop(state, window));
    },
    dropSteps: (window: TenantWindow) => drop(state, window),
    safeOffset: () => safeOffset(state),
    snapshot: (topicId: string) => writeSnapshot(store, space, topicId, partition),
    get damage() {
      return store.damage;
    },
    digest: () => digest(state),
    async close() {
      isClosed = true;
      await checkpointing;
      await journal.close();
      await store.close();
    },
  };
}

function takeSeriesChanges(state: HeadState): SeriesChanges[] {
  const changed = state.tenants.filter(({ changes }) => changes.created + changes.removed > 0);
  return changed.map((tenant) => {
    const { name, changes } = tenant;
    tenant.changes = { created: 0, removed: 0 };
    return { tenant: name, ...changes };
  });
}

function takeIngested(state: HeadState): IngestedSamples[] {
  const active = state.tenants.filter(({ ingested }) => ingested.samples > 0);
  return active.map((tenant) => {
    const { name, ingested } = tenant;
    tenant.ingested = { samples: 0, ruleSamples: 0 };
    return { tenant: name, ...ingested };
  });
}

function tenantStats(state: HeadState): TenantStats[] {
  return state.tenants.map((tenant) => ({
    tenant: tenant.name,
    series: tenant.seriesCount,
    eventTimeMs: tenant.eventTime,
    minTimeMs: (tenant.live()[0]?.index ?? Infinity) * WINDOW_MS,
  }));
}
