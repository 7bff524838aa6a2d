// Reads series with their chunks: from memory what is open or not yet in the store, from the store's
// pages the rest. Series come in the order given, in groups, so that memory is bounded by a group. What
// a series has in memory is copied at one moment, together with the number of the last committed
// checkpoint; rows of later ones are left out, as their chunks were in memory at that moment. Rows and
// refs that a drop gives up are not deleted or reused before this read has ended (Reads).
import type { Chunk, HistogramChunk } from '@weir/tsdb/chunk';
import type { HeadSeries, HeadStore, Pause } from '../head.ts';
import { PAGE_BITS, PAGE_SLOTS } from '../pages/pages.ts';
import type { ByteArena } from '../series/byte-arena.ts';
import { HISTOGRAM_FLAG } from '../series/float-chunks.ts';
import { C, R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import { ChunkGroup } from './chunk-group.ts';
import { lastTime, NewestSamples } from './newest-sample.ts';
import { readStored, type VisibleWindow } from './stored-chunks.ts';

const GROUP_SERIES = 8192;

/** The first group where they are made by size, and the largest. */
const GROUP_SERIES_FIRST = 1024;
const GROUP_SERIES_MAX = 65_536;
/** Series copied from memory between two pauses. */
const COPY_STEP = 128;
/** Series of which is noted where they lie. */
const REMEMBER_STEP = 2048;
const BATCH_SERIES = 512;
const BATCH_BYTES = 256 * 1024;
/** Ranks of out-of-order chunks that are still in memory, behind those of any epoch in the store. */
const CLOSED_RANK = 2 ** 40;
const WAITING_RANK = 2 ** 50;

export interface ChunkRead {
  readonly tenant: Tenant;
  /** In the order in which series are wanted. */
  readonly refs: Uint32Array;
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  /** Of each series only its newest sample in the range is wanted. */
  readonly newestOnly: boolean;
  readonly windows: ReadonlyMap<number, VisibleWindow>;
  /** Whether windows that are not listed are visible: those that begin while reading. */
  readonly othersVisible: boolean;
  /** Makes groups that take about as much memory as this says. */
  readonly groups?: GroupSize;
  /** Called between pieces of work of about a millisecond. */
  readonly pause?: Pause;
}

/** How large groups may be, and how many series the next one has; kept over several reads of one kind. */
export interface GroupSize {
  readonly bytes: number;
  series: number;
}

export function groupsOf(bytes: number): GroupSize {
  return { bytes, series: GROUP_SERIES_FIRST };
}

/** Batches of series that have chunks in the range. The caller has registered the read. */
export async function* readSeries(
  state: HeadState,
  store: HeadStore,
  read: ChunkRead,
): AsyncGenerator<HeadSeries[]> {
  const { groups } = read;
  const identities = await remember(state, read);
  for (let from = 0; from < read.refs.length; ) {
    const to = Math.min(from + (groups?.series ?? GROUP_SERIES), read.refs.length);
    const group = await readGroup(state, store, read, identities, from, to);
    yield* inBatches(group, identities, from);
    if (groups) groups.series = nextSize(group, groups.bytes);
    from = to;
  }
}

/** How many series like these make a group of some size. */
function nextSize({ size, sizeBytes }: ChunkGroup, groupBytes: number): number {
  const wanted = Math.floor((groupBytes * size) / (sizeBytes + 1));
  const most = Math.max(size * 4, GROUP_SERIES_FIRST);
  return Math.max(BATCH_SERIES, Math.min(wanted, GROUP_SERIES_MAX, most));
}

/** What a read must still know of a series that is removed while it goes on. */
interface Identities {
  readonly arena: ByteArena;
  readonly positions: Int32Array;
  readonly lengths: Int32Array;
  readonly pageSlots: Int32Array;
}

/** All at one moment, but with `pause`, which only a cut has: no series goes beside it. */
async function remember(state: HeadState, { refs, pause }: ChunkRead): Promise<Identities> {
  const { store } = state;
  const positions = new Int32Array(refs.length);
  const lengths = new Int32Array(refs.length);
  const pageSlots = new Int32Array(refs.length);
  for (let at = 0; at < refs.length; at++) {
    if (pause && at % REMEMBER_STEP === 0) await pause();
    positions[at] = store.record(refs[at], R.labels);
    lengths[at] = store.labelsLength(refs[at]);
    pageSlots[at] = store.record(refs[at], R.pageSlot);
  }
  return { arena: store.labels, positions, lengths, pageSlots };
}

async function readGroup(
  state: HeadState,
  store: HeadStore,
  read: ChunkRead,
  { pageSlots }: Identities,
  from: number,
  to: number,
): Promise<ChunkGroup> {
  const group = new ChunkGroup(to - from);
  const newest = new NewestSamples(state.store);
  /** By page: of each slot, the series of the group + 1. */
  const pages = new Map<number, Int32Array>();
  for (let series = 0; series < group.size; series++) {
    if (series % COPY_STEP === 0) await read.pause?.();
    const ref = read.refs[from + series];
    group.epochs[series] = state.committedEpoch;
    if (read.newestOnly && readNewest(state, read, ref, newest, group, series)) continue;
    readMemory(state, read, ref, group, series);
    const pageSlot = pageSlots[from + series];
    let slots = pages.get(pageSlot >>> PAGE_BITS);
    if (slots === undefined) {
      slots = new Int32Array(PAGE_SLOTS);
      pages.set(pageSlot >>> PAGE_BITS, slots);
    }
    slots[pageSlot & (PAGE_SLOTS - 1)] = series + 1;
  }
  if (pages.size === 0) return group;
  const epoch = state.committedEpoch;
  await readStored(state, store, read, pages.keys(), epoch, (page, window, rowEpoch, entry) => {
    const series = (pages.get(page)?.[entry.slot] ?? 0) - 1;
    if (series < 0 || rowEpoch > group.epochs[series]) return;
    const minT = window * WINDOW_MS + entry.minRel;
    const maxT = window * WINDOW_MS + entry.maxRel;
    if (!overlaps(read, minT, maxT)) return;
    const { encoding, bytes } = entry;
    group.add(series, { minT, maxT, encoding, bytes }, entry.outOfOrder ? rowEpoch : 0);
  });
  return group;
}

/** True where the series' last sample is the newest in the range, and so all that is wanted. */
function readNewest(
  state: HeadState,
  read: ChunkRead,
  ref: number,
  newest: NewestSamples,
  group: ChunkGroup,
  series: number,
): boolean {
  const t = lastTime(state.store, ref);
  if (t < read.minT || t > read.maxT) return false;
  const window = state.store.record(ref, R.window);
  if (!isVisible(read, window, read.tenant.openGeneration(window))) return false;
  const isHistogram = (state.store.record(ref, R.packed) & HISTOGRAM_FLAG) !== 0;
  const chunk = isHistogram ? openChunk(state, ref) : newestFloat(state, ref, t, newest);
  if (chunk) group.add(series, chunk, 0);
  return chunk !== undefined;
}

function newestFloat(
  { appender }: HeadState,
  ref: number,
  t: number,
  newest: NewestSamples,
): Chunk {
  const chunk = newest.chunk(ref, t);
  if (!appender.starts.has(ref)) return chunk;
  return { minT: t, maxT: t, ...appender.withStarts(ref, chunk.bytes) };
}

function overlaps(read: ChunkRead, minT: number, maxT: number): boolean {
  return minT <= read.maxT && maxT >= read.minT;
}

function isVisible(read: ChunkRead, window: number, generation: number): boolean {
  const visible = read.windows.get(window);
  if (!visible) return read.othersVisible;
  return generation >= visible.from && generation <= visible.to;
}

function readMemory(
  state: HeadState,
  read: ChunkRead,
  ref: number,
  group: ChunkGroup,
  series: number,
): void {
  const { store } = state;
  let rank = CLOSED_RANK;
  for (let address = store.getCold(ref, C.closed); address !== 0; rank--) {
    const entry = store.closed.read(address);
    address = entry.next;
    const start = entry.window * WINDOW_MS;
    const minT = start + entry.minRel;
    const maxT = start + entry.maxRel;
    if (!overlaps(read, minT, maxT) || !isVisible(read, entry.window, entry.generation)) continue;
    const { encoding, bytes } = entry;
    group.add(series, { minT, maxT, encoding, bytes }, entry.outOfOrder ? rank : 0);
  }
  const open = openChunk(state, ref);
  const window = store.record(ref, R.window);
  const generation = read.tenant.openGeneration(window);
  if (open && overlaps(read, open.minT, open.maxT) && isVisible(read, window, generation)) {
    group.add(series, open, 0);
  }
  if (store.getCold(ref, C.outOfOrder) === 0) return;
  const { outOfOrder, histograms } = state.appender;
  for (const chunk of [...outOfOrder.chunks(ref), ...histograms.lateChunks(ref).map(chunkOf)]) {
    const late = Math.floor(chunk.minT / WINDOW_MS);
    if (!overlaps(read, chunk.minT, chunk.maxT)) continue;
    if (!isVisible(read, late, read.tenant.openGeneration(late))) continue;
    group.add(series, chunk, WAITING_RANK);
  }
}

/** What the series has in an open chunk, of whichever kind; to be copied at once. */
function openChunk({ store, appender }: HeadState, ref: number): Chunk | undefined {
  if (!appender.hasOpen(ref)) return undefined;
  const histograms = appender.histograms.openChunk(ref);
  if (histograms) return chunkOf(histograms);
  const start = store.record(ref, R.window) * WINDOW_MS;
  const minT = start + store.record(ref, R.min);
  const maxT = start + store.record(ref, R.last);
  return { minT, maxT, ...appender.openChunk(ref) };
}

function chunkOf(chunk: HistogramChunk): Chunk {
  const { minT, maxT, encoding } = chunk;
  return { minT, maxT, encoding, bytes: chunk.bytes() };
}

function* inBatches(
  group: ChunkGroup,
  { arena, positions, lengths }: Identities,
  from: number,
): Generator<HeadSeries[]> {
  let batch: HeadSeries[] = [];
  let sizeBytes = 0;
  for (let series = 0; series < group.size; series++) {
    const chunks = group.chunksOf(series);
    if (chunks.length === 0) continue;
    const labels = arena.read(positions[from + series], lengths[from + series]);
    batch.push({ labels, chunks });
    sizeBytes += labels.length;
    for (const chunk of chunks) sizeBytes += chunk.bytes.length;
    if (batch.length < BATCH_SERIES && sizeBytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    sizeBytes = 0;
  }
  if (batch.length > 0) yield batch;
}
