// Opens a head from its store: of each pair of slots the newer row that a committed checkpoint wrote.
// Closed chunks stay where they are; labels, open chunks and tenants come back to memory.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { HeadStore } from '../head.ts';
import { PAGE_SLOTS } from '../pages/pages.ts';
import type { HeadState } from '../state.ts';
import type { ExemplarRun } from '../tenants/exemplars.ts';
import type { CommitState } from './checkpoint.ts';
import { decodeExemplars } from './exemplar-rows.ts';
import { restoreHistogramRow } from './histogram-rows.ts';
import { LabelsRow } from './labels-rows.ts';
import { HAS_HISTOGRAMS, HAS_OPEN, IN_USE, LABELS_NEXT, OPEN_NEXT, pageRows } from './page-rows.ts';
import {
  BEGIN_KEY,
  COMMIT_KEY,
  DISCARDS,
  EXEMPLARS,
  FORMAT_VERSION,
  HISTOGRAMS,
  key,
  keyNumber,
  LABELS,
  METADATA,
  OPEN,
  PAGES_KEY,
  restoreOpenRow,
  rowEpoch,
  TENANT,
} from './rows.ts';
import { restoreDiscards, restoreMetadata, restoreTenant, tenantName } from './tenant-rows.ts';

interface CommitRow {
  readonly format: number;
  readonly epoch: number;
  readonly position: number;
  /** Null before the first record. */
  readonly logTimeMs: number | null;
  readonly youngRecords: number;
  readonly aborted: number[];
  /** About how many there are to be restored. */
  readonly series: number;
}

export async function recover(
  state: HeadState,
  store: HeadStore,
  commit: CommitState,
): Promise<void> {
  const found = await store.getMany([COMMIT_KEY, BEGIN_KEY, PAGES_KEY]);
  const [committed, begun, directory = new Uint8Array(0)] = found;
  const row: CommitRow = committed
    ? JSON.parse(text(committed))
    : {
        ...{ format: FORMAT_VERSION, epoch: 0, position: state.position },
        ...{ logTimeMs: null, youngRecords: state.youngRecords, aborted: [], series: 0 },
      };
  if (row.format !== FORMAT_VERSION) {
    throw new WeirError('corrupt', `head store of format ${row.format}, not ${FORMAT_VERSION}`);
  }
  if (committed && !found[2]) throw new WeirError('corrupt', 'head store: no directory of pages');
  state.committedEpoch = row.epoch;
  state.position = row.position;
  state.youngRecords = row.youngRecords;
  if (row.logTimeMs !== null) {
    state.logTimeMs = row.logTimeMs;
    state.activity.setTime(row.logTimeMs);
  }
  commit.checkpointPosition = row.position;
  state.store.expect(row.series);
  for (const epoch of row.aborted) state.abortedEpochs.add(epoch);
  const begunEpoch: number = begun ? JSON.parse(text(begun)).epoch : 0;
  if (begunEpoch > row.epoch) state.abortedEpochs.add(begunEpoch);
  await recoverRows(state, store, commit, directory);
}

async function recoverRows(
  state: HeadState,
  store: HeadStore,
  commit: CommitState,
  directory: Uint8Array,
): Promise<void> {
  for await (const { id, slot, row } of newestRows(state, store, TENANT)) {
    restoreTenant(state.addTenant(tenantName(row), id), row);
    commit.tenantSlots.set(id, 1 - slot);
  }
  for await (const { id, slot, row } of newestRows(state, store, METADATA)) {
    restoreMetadata(state.tenants[id], row);
    commit.metadataSlots.set(id, 1 - slot);
  }
  await recoverExemplars(state, store);
  for await (const { id, slot, row } of newestRows(state, store, DISCARDS)) {
    restoreDiscards(state.tenants[id], row);
    commit.discardSlots.set(id, 1 - slot);
  }
  await recoverPages(state, store, commit, directory);
}

async function recoverPages(
  state: HeadState,
  store: HeadStore,
  commit: CommitState,
  directory: Uint8Array,
): Promise<void> {
  const rows = (kind: number, bits: number) =>
    pageRows(store, directory, kind, bits, (epoch) => isCommitted(state, epoch));
  const labels = new LabelsRow();
  for await (const { id, row } of rows(LABELS, IN_USE)) {
    restorePage(state, id, labels.reset(row));
  }
  const openEpochs: number[] = [];
  for await (const { id, row } of rows(OPEN, IN_USE | HAS_OPEN)) {
    restoreOpenRow(state, state.pages.page(id), row);
    openEpochs[id] = rowEpoch(row);
  }
  for await (const { id, row } of rows(HISTOGRAMS, IN_USE | HAS_OPEN | HAS_HISTOGRAMS)) {
    if (openEpochs[id] !== rowEpoch(row)) {
      throw new WeirError('corrupt', `head store: histograms of page ${id} are of another epoch`);
    }
    restoreHistogramRow(state, state.pages.page(id), row);
  }
  for (const [id, bits] of directory.entries()) {
    commit.pageHas[id] = bits & (HAS_OPEN | HAS_HISTOGRAMS);
    const labelsSlot = (bits & LABELS_NEXT) === 0 ? 0 : 1;
    const openSlot = (bits & OPEN_NEXT) === 0 ? 0 : 1;
    const page = state.pages.byId[id];
    if (page === undefined) state.pages.freePage({ id, labelsSlot, openSlot });
    else Object.assign(page, { labelsSlot, openSlot });
  }
}

/** Rows of runs that were given up are left over where a process ended before it deleted them. */
async function recoverExemplars(state: HeadState, store: HeadStore): Promise<void> {
  const runs = state.tenants.map((): ExemplarRun[] => []);
  const { exemplarRuns } = state;
  for await (const { id, slot, row } of newestRows(state, store, EXEMPLARS)) {
    exemplarRuns.nextId = Math.max(exemplarRuns.nextId, id + 1);
    const { tenant, run } = decodeExemplars(id, slot, row);
    const { first, next } = state.tenants[tenant]?.exemplars ?? { first: 0, next: 0 };
    if (run.from >= next || run.from + run.entries.length <= first) exemplarRuns.cleared.push(id);
    else runs[tenant].push(run);
  }
  for (const [tenant, all] of runs.entries()) {
    state.tenants[tenant].exemplars.restore(all.sort((a, b) => a.from - b.from));
  }
}

function restorePage(state: HeadState, id: number, labels: LabelsRow): void {
  const tenant = state.tenants[labels.tenant];
  if (!tenant) throw new WeirError('corrupt', `head store: page ${id} of unknown tenant`);
  if (!labels.next()) throw new WeirError('corrupt', `head store: page ${id} has no series`);
  const first = labels.bytes.subarray(0, labels.length);
  const metric = state.metricFor(tenant, first, labels.metric);
  const page = state.pages.addPage(metric, id);
  do state.restoreSeries(tenant, labels, page);
  while (labels.next());
  for (let slot = 0; slot < page.refs.length && slot < PAGE_SLOTS; slot++) {
    if (page.refs[slot] > 0) continue;
    page.refs[slot] = 0;
    metric.free.push(id * PAGE_SLOTS + slot);
  }
}

interface VersionedRow {
  readonly id: number;
  readonly slot: number;
  readonly row: Uint8Array;
}

/** Of each pair of slots the newest row that counts, in the order of ids. */
async function* newestRows(
  state: HeadState,
  store: HeadStore,
  kind: number,
): AsyncGenerator<VersionedRow> {
  let best: VersionedRow | undefined;
  for await (const rows of store.scan(key(kind), key(kind + 1))) {
    for (const [rowKey, row] of rows) {
      const epoch = rowEpoch(row);
      if (!isCommitted(state, epoch)) continue;
      const found = { id: keyNumber(rowKey, 0), slot: keyNumber(rowKey, 1), row };
      if (best && best.id !== found.id) yield best;
      if (!best || best.id !== found.id || rowEpoch(best.row) < epoch) best = found;
    }
  }
  if (best) yield best;
}

function isCommitted({ committedEpoch, abortedEpochs }: HeadState, epoch: number): boolean {
  return epoch <= committedEpoch && !abortedEpochs.has(epoch);
}
