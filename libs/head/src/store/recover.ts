// Opens a head from its store: memory as the committed images have it, and of each pair of slots the newer
// row that a committed checkpoint wrote. Closed chunks stay where they are.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { HeadStore, Pause } from '../head.ts';
import type { Metric } from '../pages/pages.ts';
import { restoreSlabs } from '../slabs/restore-slabs.ts';
import type { SlabSpace } from '../slabs/slab-space.ts';
import type { HeadState } from '../state.ts';
import type { ExemplarRun } from '../tenants/exemplars.ts';
import type { CommitState } from './checkpoint.ts';
import { decodeCommit } from './commit-row.ts';
import { decodeExemplars } from './exemplar-rows.ts';
import { NO_ENTRIES_BYTES, restoreHistogramRow } from './histogram-rows.ts';
import { decodeMetric, decodePages } from './page-rows.ts';
import {
  BEGIN_KEY,
  COMMIT_KEY,
  DISCARDS,
  EXEMPLARS,
  HISTOGRAMS,
  key,
  keyNumber,
  METADATA,
  METRICS,
  PAGES_KEY,
  rowEpoch,
  TENANT,
} from './rows.ts';
import { restoreDiscards, restoreMetadata, restoreTenant, tenantName } from './tenant-rows.ts';

interface RecoverParts {
  readonly store: HeadStore;
  readonly space: SlabSpace;
  /** Called between pieces of the work. */
  readonly pause: Pause;
}

export async function recover(
  state: HeadState,
  { store, space, pause }: RecoverParts,
  commit: CommitState,
): Promise<void> {
  const [committed, begun, pages] = await store.getMany([COMMIT_KEY, BEGIN_KEY, PAGES_KEY]);
  const begunEpoch: number = begun ? JSON.parse(text(begun)).epoch : 0;
  if (!committed) {
    if (begunEpoch > 0) state.abortedEpochs.add(begunEpoch);
    return;
  }
  const row = decodeCommit(committed);
  if (!pages) throw new WeirError('corrupt', 'head store: no directory of pages');
  state.committedEpoch = row.epoch;
  state.position = row.position;
  state.youngRecords = row.youngRecords;
  if (row.logTimeMs !== null) {
    state.logTimeMs = row.logTimeMs;
    state.activity.setTime(row.logTimeMs);
  }
  commit.checkpointPosition = row.position;
  for (const epoch of row.aborted) state.abortedEpochs.add(epoch);
  if (begunEpoch > row.epoch) state.abortedEpochs.add(begunEpoch);
  await recoverTenants(state, store, commit);
  // What came out of order before is not known.
  for (const tenant of state.tenants) if (tenant) tenant.lateThrough = tenant.eventTime;
  const metrics = await recoverMetrics(state, store);
  state.pages.restore(metrics, decodePages(pages));
  for (const metric of metrics.values()) {
    if (metric.pages.length === 0) state.pages.removeMetric(metric);
  }
  await restoreSlabs(state, space, row, pause);
  for await (const { id, slot, row } of newestRows(state, store, HISTOGRAMS)) {
    commit.histogramSlots.set(id, 1 - slot);
    if (row.length > NO_ENTRIES_BYTES) restoreHistogramRow(state, id, row);
  }
}

async function recoverTenants(
  state: HeadState,
  store: HeadStore,
  commit: CommitState,
): Promise<void> {
  for await (const { id, slot, row } of newestRows(state, store, TENANT)) {
    const tenant = state.addTenant(tenantName(row), id);
    state.nameNotFirst[id] = restoreTenant(tenant, row);
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
}

async function recoverMetrics(state: HeadState, store: HeadStore): Promise<Map<number, Metric>> {
  const metrics = new Map<number, Metric>();
  for await (const rows of store.scan(key(METRICS), key(METRICS + 1))) {
    for (const [rowKey, row] of rows) {
      const { tenant, name } = decodeMetric(row);
      if (!state.tenants[tenant]) throw new WeirError('corrupt', 'head store: metric of no tenant');
      const id = keyNumber(rowKey, 0);
      metrics.set(id, state.pages.metric(tenant, name, id));
    }
  }
  state.pages.changedMetrics.clear();
  return metrics;
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
