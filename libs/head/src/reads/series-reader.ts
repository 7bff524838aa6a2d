// Reads series with their chunks: from memory what is open or not yet in the store, from the store's
// pages the rest. Series come in the order given, in groups, so that memory is bounded by a group. What
// a group has in memory is copied at one moment, together with the number of the last committed
// checkpoint; rows of later ones are left out, as their chunks were in memory at that moment. Rows and
// refs that a drop gives up are not deleted or reused before this read has ended (Reads).
import { CHUNK_XOR, type Chunk } from '@weir/tsdb/chunk';
import type { HeadSeries, HeadStore } from '../head.ts';
import { type Metric, PAGE_BITS, PAGE_SLOTS } from '../pages/pages.ts';
import { packedSamples } from '../series/append.ts';
import type { ByteArena } from '../series/byte-arena.ts';
import { C, R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import { chunkRange, keyNumber, readChunkEntries } from '../store/rows.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import { disjointChunks, type RankedChunk } from './merge-chunks.ts';

const GROUP_SERIES = 8192;
const BATCH_SERIES = 512;
const BATCH_BYTES = 256 * 1024;
/** Ranks of out-of-order chunks that are still in memory, behind those of any epoch in the store. */
const CLOSED_RANK = 2 ** 40;
const WAITING_RANK = 2 ** 50;

/** Generations of one window that a read sees, both inclusive. */
export interface VisibleWindow {
  readonly window: number;
  readonly from: number;
  readonly to: number;
}

export interface ChunkRead {
  readonly tenant: Tenant;
  /** In the order in which series are wanted. */
  readonly refs: Uint32Array;
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  readonly windows: ReadonlyMap<number, VisibleWindow>;
  /** Whether windows that are not listed are visible: those that begin while reading. */
  readonly othersVisible: boolean;
}

interface Draft {
  readonly labels: Uint8Array;
  readonly chunks: RankedChunk[];
}

/** Batches of series that have chunks in the range. The caller has registered the read. */
export async function* readSeries(
  state: HeadState,
  store: HeadStore,
  read: ChunkRead,
): AsyncGenerator<HeadSeries[]> {
  const identities = remember(state, read.refs);
  for (let from = 0; from < read.refs.length; from += GROUP_SERIES) {
    const to = Math.min(from + GROUP_SERIES, read.refs.length);
    const drafts = await readGroup(state, store, read, identities, from, to);
    yield* inBatches(drafts);
  }
}

/** What a read must still know of a series that is removed while it goes on. */
interface Identities {
  readonly arena: ByteArena;
  readonly positions: Int32Array;
  readonly lengths: Int32Array;
  readonly pageSlots: Int32Array;
}

function remember(state: HeadState, refs: Uint32Array): Identities {
  const { store } = state;
  return {
    arena: store.labels,
    positions: Int32Array.from(refs, (ref) => store.record(ref, R.labels)),
    lengths: Int32Array.from(refs, (ref) => store.labelsLength(ref)),
    pageSlots: Int32Array.from(refs, (ref) => store.record(ref, R.pageSlot)),
  };
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
  const bySlot = new Map<number, Draft>();
  const pages = new Set<number>();
  const epoch = state.committedEpoch;
  for (let at = from; at < to; at++) {
    const labels = identities.arena.read(identities.positions[at], identities.lengths[at]);
    const draft = { labels, chunks: [] };
    readMemory(state, read, read.refs[at], draft);
    drafts.push(draft);
    const pageSlot = identities.pageSlots[at];
    bySlot.set(pageSlot, draft);
    pages.add(pageSlot >>> PAGE_BITS);
  }
  for (const [metric, pageIds] of byMetric(state, pages)) {
    for (const visible of read.windows.values()) {
      if (!overlaps(read, visible.window * WINDOW_MS, (visible.window + 1) * WINDOW_MS - 1))
        continue;
      await readRows(state, store, read, visible, metric, pageIds, bySlot, epoch);
    }
  }
  return drafts;
}

function byMetric(state: HeadState, pages: Set<number>): Map<Metric, number[]> {
  const metrics = new Map<Metric, number[]>();
  for (const page of [...pages].sort((a, b) => a - b)) {
    const { metric } = state.pages.page(page);
    const known = metrics.get(metric);
    if (known) known.push(page);
    else metrics.set(metric, [page]);
  }
  return metrics;
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
    draft.chunks.push({
      minT,
      maxT,
      encoding: CHUNK_XOR,
      bytes,
      rank: entry.outOfOrder ? rank : 0,
    });
  }
  const window = store.record(ref, R.window);
  if (packedSamples(store.record(ref, R.packed)) > 0) {
    const minT = window * WINDOW_MS + store.record(ref, R.min);
    const maxT = window * WINDOW_MS + store.record(ref, R.last);
    if (overlaps(read, minT, maxT) && isVisible(read, window, read.tenant.openGeneration(window))) {
      const bytes = state.appender.openChunk(ref);
      draft.chunks.push({ minT, maxT, encoding: CHUNK_XOR, bytes, rank: 0 });
    }
  }
  if (store.getCold(ref, C.outOfOrder) === 0) return;
  for (const chunk of state.appender.outOfOrder.chunks(ref)) {
    const late = Math.floor(chunk.minT / WINDOW_MS);
    if (!overlaps(read, chunk.minT, chunk.maxT)) continue;
    if (!isVisible(read, late, read.tenant.openGeneration(late))) continue;
    draft.chunks.push({ ...chunk, rank: WAITING_RANK });
  }
}

/** The rows of one window and metric: all of them in one scan, or page by page when few are wanted. */
async function readRows(
  state: HeadState,
  store: HeadStore,
  read: ChunkRead,
  visible: VisibleWindow,
  metric: Metric,
  pages: number[],
  bySlot: Map<number, Draft>,
  epoch: number,
): Promise<void> {
  const { window } = visible;
  const last = Math.min(visible.to, read.tenant.openGeneration(window));
  for (let generation = visible.from; generation <= last; generation++) {
    const range = (...rest: number[]) =>
      chunkRange(metric.tenant, window, generation, metric.id, ...rest);
    const scans: [Uint8Array, Uint8Array][] =
      pages.length * 4 >= metric.pages.length
        ? [[range(pages[0]), range(pages[pages.length - 1] + 1)]]
        : pages.map((page) => [range(page), range(page + 1)]);
    for (const [from, to] of scans) {
      for await (const rows of store.scan(from, to)) {
        for (const [key, row] of rows) {
          const rowEpoch = keyNumber(key, 5);
          if (rowEpoch > epoch || state.abortedEpochs.has(rowEpoch)) continue;
          addRow(read, window, keyNumber(key, 4) * PAGE_SLOTS, row, rowEpoch, bySlot);
        }
      }
    }
  }
}

function addRow(
  read: ChunkRead,
  window: number,
  firstSlot: number,
  row: Uint8Array,
  epoch: number,
  bySlot: Map<number, Draft>,
): void {
  const start = window * WINDOW_MS;
  readChunkEntries(row, ({ slot, outOfOrder, minRel, maxRel, bytes }) => {
    const draft = bySlot.get(firstSlot + slot);
    if (!draft || !overlaps(read, start + minRel, start + maxRel)) return;
    draft.chunks.push({
      minT: start + minRel,
      maxT: start + maxRel,
      encoding: CHUNK_XOR,
      bytes,
      rank: outOfOrder ? epoch : 0,
    });
  });
}

function* inBatches(drafts: Draft[]): Generator<HeadSeries[]> {
  let batch: HeadSeries[] = [];
  let sizeBytes = 0;
  for (const { labels, chunks: found } of drafts) {
    if (found.length === 0) continue;
    const chunks: Chunk[] = disjointChunks(found);
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
