// Puts a head's memory back from the committed images: series with the refs they had, chunk blocks, label
// bytes; then all that follows from them, for which nothing is stored.
import { WeirError } from '@weir/errors';
import type { Pause } from '../head.ts';
import { PAGE_BITS, PAGE_SLOTS } from '../pages/pages.ts';
import { PART_BYTES } from '../postings/pair-table.ts';
import type { ArenaState, ByteArena } from '../series/byte-arena.ts';
import { SLAB_BLOCKS, SLAB_WORDS } from '../series/chunk-blocks.ts';
import {
  C,
  COLD_BITS,
  GROUP_BYTES,
  R,
  RECORD_BITS,
  SLAB_BITS,
  SLAB_MASK,
} from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import type { CommitRow } from '../store/commit-row.ts';
import { NEVER } from '../tenants/activity.ts';
import type { Tenant } from '../windows.ts';
import { BLOCKS, GROUPS, LABELS, PAIR_PARTS, PAIRS, type SlabSpace } from './slab-space.ts';

/** The pages of the series, still without refs, and the tenants are there already. */
export async function restoreSlabs(
  state: HeadState,
  space: SlabSpace,
  row: CommitRow,
  pause: Pause,
): Promise<void> {
  const { store } = state;
  await restoreArena(store.labels, row.labels, space, LABELS, pause);
  await restoreBlocks(state, space, row, pause);
  await restoreGroups(state, space, row, pause);
  await restoreIndex(state, space, row, pause);
  const { activity, tenants } = state;
  for (const { settings, id } of tenants) {
    if ((settings.trackers ?? []).length > 0) activity.recount(tenants[id]);
  }
}

async function restoreArena(
  arena: ByteArena,
  state: ArenaState,
  space: SlabSpace,
  kind: number,
  pause: Pause,
): Promise<void> {
  for (const slab of arena.restore(state)) {
    const bytes = arena.usedOf(slab);
    if (bytes.length === 0) continue;
    if (space.used(kind, slab) !== bytes.length) throw damaged('label bytes');
    space.read(kind, slab, [bytes]);
    await pause();
  }
}

/** When all series are there, and their pages know their tenants. */
async function restoreIndex(
  { store, index }: HeadState,
  space: SlabSpace,
  row: CommitRow,
  pause: Pause,
): Promise<void> {
  const { pairs } = index;
  await restoreArena(pairs.arena, row.pairs, space, PAIRS, pause);
  pairs.restore(space.end(PAIR_PARTS), (part, columns) => {
    if (space.used(PAIR_PARTS, part) !== PART_BYTES) throw damaged('pairs');
    space.read(PAIR_PARTS, part, columns.map(bytesOf));
  });
  for (const _ of index.restore(store)) await pause();
}

async function restoreBlocks(
  { store: { blocks } }: HeadState,
  space: SlabSpace,
  { blocks: { allocated, free } }: CommitRow,
  pause: Pause,
): Promise<void> {
  const slabs: Int32Array[] = [];
  for (let slab = 0; slab < space.end(BLOCKS); slab++) {
    slabs.push(new Int32Array(SLAB_WORDS));
    if (space.used(BLOCKS, slab) !== slabs[slab].byteLength) throw damaged('blocks');
    space.read(BLOCKS, slab, [bytesOf(slabs[slab])]);
    await pause();
  }
  if (allocated > slabs.length * SLAB_BLOCKS) throw damaged('blocks');
  blocks.restore(slabs, allocated, free);
}

/**
 * Series in the order of their refs, with their pages, counts and activity: a group at a time, while the
 * processor's cache has it.
 */
async function restoreGroups(
  state: HeadState,
  space: SlabSpace,
  { refs, series }: CommitRow,
  pause: Pause,
): Promise<void> {
  const { store, pages, activity, tenants } = state;
  const groups = (refs + SLAB_MASK) >>> SLAB_BITS;
  activity.restoreMinutes(groups << SLAB_BITS);
  store.beginRestore(refs, series);
  const active: ActiveRun = { tenant: tenants[0], minute: NEVER, series: 0 };
  for (let group = 0; group < groups; group++) {
    store.restoreGroup(group, readGroup(state, space, group));
    restoreSeries(state, group, active);
    await pause();
  }
  if (active.series > 0) activity.restored(active.tenant, active.minute, active.series);
  for (const page of pages.byId) {
    if (page !== undefined) store.setPageTenant(page.id, page.metric.tenant);
  }
  pages.restoreFree();
}

function readGroup(
  { activity }: HeadState,
  space: SlabSpace,
  group: number,
): ArrayBuffer | undefined {
  if (space.used(GROUPS, group) === 0) return undefined;
  const memory = new ArrayBuffer(GROUP_BYTES);
  const minutes = activity.minutes.subarray(group << SLAB_BITS, (group + 1) << SLAB_BITS);
  if (space.used(GROUPS, group) !== GROUP_BYTES + minutes.byteLength) throw damaged('series');
  space.read(GROUPS, group, [new Uint8Array(memory), bytesOf(minutes)]);
  return memory;
}

/** Series one behind the other with one minute of activity. */
interface ActiveRun {
  tenant: Tenant;
  minute: number;
  series: number;
}

function restoreSeries(state: HeadState, group: number, active: ActiveRun): void {
  const { store, pages, activity, tenants } = state;
  const { labels, refs } = store;
  const record = store.records[group];
  const cold = store.cold[group];
  const first = group << SLAB_BITS;
  for (let ref = first, at = 0; ref <= first + SLAB_MASK && ref < refs; ref++) {
    const from = at;
    at += 1 << RECORD_BITS;
    const length = record[from + R.labelsLength];
    if (length === 0) continue;
    const pageSlot = record[from + R.pageSlot];
    const page = pages.byId[pageSlot >>> PAGE_BITS];
    if (page === undefined) throw damaged('series');
    page.refs[pageSlot & (PAGE_SLOTS - 1)] = ref + 1;
    page.metric.unsorted.push(ref);
    const tenant = tenants[page.metric.tenant];
    const minute = activity.minutes[ref];
    if (tenant !== active.tenant || minute !== active.minute) {
      if (active.series > 0) activity.restored(active.tenant, active.minute, active.series);
      Object.assign(active, { tenant, minute, series: 0 });
    }
    active.series++;
    tenant.seriesCount++;
    tenant.seriesSum = (tenant.seriesSum + record[from + R.hash]) | 0;
    // A hint that went stale with the refs above.
    if (record[from + R.next] > refs) record[from + R.next] = 0;
    const coldAt = (ref & SLAB_MASK) << COLD_BITS;
    cold[coldAt + C.closed] = 0;
    cold[coldAt + C.pass] = 0;
    const position = record[from + R.labels];
    const bytes = labels.slabOf(position);
    const offset = labels.offsetOf(position);
    if (bytes === undefined || offset + length > bytes.length) throw damaged('labels');
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function damaged(what: string): WeirError {
  return new WeirError('corrupt', `head store: damaged images of ${what}`);
}
