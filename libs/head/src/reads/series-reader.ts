// Reads series with their chunks: from memory what is open or not yet in the store, from the store's
// pages the rest. Series come in the order given, in groups, so that memory is bounded by a group. What
// a series has in memory is copied at one moment, together with the number of the last committed
// checkpoint; rows of later ones are left out, as their chunks were in memory at that moment. Rows and
// refs that a drop gives up are not deleted or reused before this read has ended (Reads).
import { CHUNK_XOR, type Chunk, type HistogramChunk } from '@weir/tsdb/chunk';
import type { HeadSeries, HeadStore, Pause } from '../head.ts';
import { PAGE_BITS, PAGE_SLOTS } from '../pages/pages.ts';
import type { ByteArena } from '../series/byte-arena.ts';
import { HISTOGRAM_FLAG } from '../series/float-chunks.ts';
import { C, R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import { disjointChunks, type RankedChunk } from './merge-chunks.ts';
import { lastTime, NewestSamples } from './newest-sample.ts';
import { readStored, type VisibleWindow } from './stored-chunks.ts';

const GROUP_SERIES = 8192;

/** The first group where they are made by size. */
const GROUP_SERIES_FIRST = 1024;
/** What a series of a group takes beside the bytes of its chunks. */
const SERIES_OVERHEAD_BYTES = 1024;
/** Series copied from memory between two pauses. */
const COPY_STEP = 128;
/** Series of which is noted where they lie. */
const REMEMBER_STEP = 2048;
const BATCH_SERIES = 512;
const BATCH_BYTES = 256 * 1024;
const PIECE_BYTES = 64 * 1024;
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

interface Draft {
  readonly labels: Uint8Array;
  /** The last checkpoint that was committed when what is in memory was copied. */
  readonly epoch: number;
  readonly chunks: RankedChunk[];
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
    const drafts = await readGroup(state, store, read, identities, from, to);
    yield* inBatches(drafts);
    if (groups) groups.series = nextSize(drafts, groups.bytes);
    from = to;
  }
}

/** How many series like these make a group of some size. */
function nextSize(drafts: readonly Draft[], groupBytes: number): number {
  let sizeBytes = drafts.length * SERIES_OVERHEAD_BYTES;
  for (const { chunks } of drafts) for (const { bytes } of chunks) sizeBytes += bytes.length;
  const wanted = Math.floor((groupBytes * drafts.length) / (sizeBytes + 1));
  const most = Math.max(drafts.length * 2, GROUP_SERIES_FIRST);
  return Math.max(BATCH_SERIES, Math.min(wanted, GROUP_SERIES, most));
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
  identities: Identities,
  from: number,
  to: number,
): Promise<Draft[]> {
  const drafts: Draft[] = [];
  const newest = new NewestSamples(state.store);
  const pages = new Map<number, (Draft | undefined)[]>();
  for (let at = from; at < to; at++) {
    if (at % COPY_STEP === 0) await read.pause?.();
    const ref = read.refs[at];
    const epoch = state.committedEpoch;
    const labels = identities.arena.read(identities.positions[at], identities.lengths[at]);
    const draft: Draft = { labels, epoch, chunks: [] };
    drafts.push(draft);
    if (read.newestOnly && readNewest(state, read, ref, newest, draft)) continue;
    readMemory(state, read, ref, draft);
    const pageSlot = identities.pageSlots[at];
    let page = pages.get(pageSlot >>> PAGE_BITS);
    if (page === undefined) {
      page = new Array<Draft | undefined>(PAGE_SLOTS);
      pages.set(pageSlot >>> PAGE_BITS, page);
    }
    page[pageSlot & (PAGE_SLOTS - 1)] = draft;
  }
  if (pages.size === 0) return drafts;
  const epoch = state.committedEpoch;
  // Rows hold other series, too: where a group is to be small, they are not kept.
  const copies = read.groups ? new PackedBytes() : undefined;
  await readStored(state, store, read, pages.keys(), epoch, (page, window, rowEpoch, entry) => {
    const draft = pages.get(page)?.[entry.slot];
    if (draft === undefined || rowEpoch > draft.epoch) return;
    const minT = window * WINDOW_MS + entry.minRel;
    const maxT = window * WINDOW_MS + entry.maxRel;
    if (!overlaps(read, minT, maxT)) return;
    const rank = entry.outOfOrder ? rowEpoch : 0;
    const bytes = copies ? copies.copy(entry.bytes) : entry.bytes;
    draft.chunks.push({ minT, maxT, encoding: entry.encoding, bytes, rank });
  });
  return drafts;
}

/** Copies of bytes, side by side in larger pieces of memory. */
class PackedBytes {
  #piece = new Uint8Array(0);
  #at = 0;

  copy(bytes: Uint8Array): Uint8Array {
    if (this.#at + bytes.length > this.#piece.length) {
      this.#piece = new Uint8Array(Math.max(PIECE_BYTES, bytes.length));
      this.#at = 0;
    }
    const from = this.#at;
    this.#piece.set(bytes, from);
    this.#at += bytes.length;
    return this.#piece.subarray(from, this.#at);
  }
}

/** True where the series' last sample is the newest in the range, and so all that is wanted. */
function readNewest(
  state: HeadState,
  read: ChunkRead,
  ref: number,
  newest: NewestSamples,
  draft: Draft,
): boolean {
  const t = lastTime(state.store, ref);
  if (t < read.minT || t > read.maxT) return false;
  const window = state.store.record(ref, R.window);
  if (!isVisible(read, window, read.tenant.openGeneration(window))) return false;
  if ((state.store.record(ref, R.packed) & HISTOGRAM_FLAG) !== 0) {
    const open = openChunk(state, ref);
    if (open) draft.chunks.push(open);
    return open !== undefined;
  }
  draft.chunks.push(newest.chunk(ref, t));
  return true;
}

function overlaps(read: ChunkRead, minT: number, maxT: number): boolean {
  return minT <= read.maxT && maxT >= read.minT;
}

function isVisible(read: ChunkRead, window: number, generation: number): boolean {
  const visible = read.windows.get(window);
  if (!visible) return read.othersVisible;
  return generation >= visible.from && generation <= visible.to;
}

function readMemory(state: HeadState, read: ChunkRead, ref: number, draft: Draft): void {
  const { store } = state;
  let rank = CLOSED_RANK;
  for (let address = store.getCold(ref, C.closed); address !== 0; rank--) {
    const entry = store.closed.read(address);
    address = entry.next;
    const start = entry.window * WINDOW_MS;
    const minT = start + entry.minRel;
    const maxT = start + entry.maxRel;
    if (!overlaps(read, minT, maxT) || !isVisible(read, entry.window, entry.generation)) continue;
    const bytes = entry.bytes.slice();
    const { encoding } = entry;
    draft.chunks.push({ minT, maxT, encoding, bytes, rank: entry.outOfOrder ? rank : 0 });
  }
  const open = openChunk(state, ref);
  const window = store.record(ref, R.window);
  const generation = read.tenant.openGeneration(window);
  if (open && overlaps(read, open.minT, open.maxT) && isVisible(read, window, generation)) {
    draft.chunks.push(open);
  }
  if (store.getCold(ref, C.outOfOrder) === 0) return;
  const { outOfOrder, histograms } = state.appender;
  for (const chunk of [...outOfOrder.chunks(ref), ...histograms.lateChunks(ref).map(chunkOf)]) {
    const late = Math.floor(chunk.minT / WINDOW_MS);
    if (!overlaps(read, chunk.minT, chunk.maxT)) continue;
    if (!isVisible(read, late, read.tenant.openGeneration(late))) continue;
    draft.chunks.push({ ...chunk, rank: WAITING_RANK });
  }
}

/** A copy of what the series has in an open chunk, of whichever kind. */
function openChunk({ store, appender }: HeadState, ref: number): RankedChunk | undefined {
  if (!appender.hasOpen(ref)) return undefined;
  const histograms = appender.histograms.openChunk(ref);
  if (histograms) return { ...chunkOf(histograms), rank: 0 };
  const start = store.record(ref, R.window) * WINDOW_MS;
  const minT = start + store.record(ref, R.min);
  const maxT = start + store.record(ref, R.last);
  return { minT, maxT, encoding: CHUNK_XOR, bytes: appender.openChunk(ref), rank: 0 };
}

function chunkOf(chunk: HistogramChunk): Chunk {
  const { minT, maxT, encoding } = chunk;
  return { minT, maxT, encoding, bytes: chunk.bytes() };
}

function* inBatches(drafts: Draft[]): Generator<HeadSeries[]> {
  let batch: HeadSeries[] = [];
  let sizeBytes = 0;
  for (const { labels, chunks: found } of drafts) {
    if (found.length === 0) continue;
    const chunks = disjointChunks(found);
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
