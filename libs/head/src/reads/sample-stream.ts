// Series one after the other with their floats decoded, straight from the records: for who evaluates where the
// series lie. An open chunk is not put together to be taken apart again, and rows of the store are read only
// for series whose open chunk does not reach back far enough.
//
// What a series has in memory is decoded a batch ahead, at one moment, together with the number of the last
// committed checkpoint, as in series-reader.ts, whose rules about rows and drops hold here too.
// Deliberately without native histograms, out-of-order chunks and ones with start timestamps: the stream throws
// NotPlain at the first. Start timestamps of open chunks are passed over.
import { grown } from '@weir/bytes';
import { type LabelBytes, SampleColumns, type SeriesMemo } from '@weir/model';
import { CHUNK_XOR, decodeXorChunk, isHistogramChunk, XorBatch } from '@weir/tsdb/chunk';
import type { HeadSamples, HeadSelect, HeadStore } from '../head.ts';
import { PAGE_BITS, PAGE_SLOTS } from '../pages/pages.ts';
import { HISTOGRAM_FLAG } from '../series/float-chunks.ts';
import { C, NO_WINDOW, R, RAW_MAX, SLAB_BITS, SLAB_MASK } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import { ChunkGroup } from './chunk-group.ts';
import { lastTime } from './newest-sample.ts';
import { readStored, type VisibleWindow } from './stored-chunks.ts';

/** Series of a batch; each reads all rows of the pages they lie on, which in label order are many. */
const BATCH_SERIES = 512;
const BATCH_SERIES_ORDERED = 4096;

/** Memory of a stream that has ended, for the next one of the thread: V8 collects all garbage the sooner for every new one. */
const spareColumns: SampleColumns[] = [];
const SPARE_SAMPLES_MAX = 128 * 1024;

/** A series has what this stream does not read. */
export class NotPlain extends Error {
  constructor(what: string) {
    super(`not plain samples: ${what}`);
    this.name = 'NotPlain';
  }
}

function notFloats(encoding: number): NotPlain {
  return new NotPlain(isHistogramChunk(encoding) ? 'a native histogram' : 'start timestamps');
}

export interface SampleRead {
  readonly select: HeadSelect;
  readonly tenant: Tenant;
  readonly refs: Uint32Array;
  readonly windows: ReadonlyMap<number, VisibleWindow>;
  readonly inOrder: boolean;
}

export class SampleStream implements HeadSamples {
  readonly #state: HeadState;
  readonly #store: HeadStore;
  readonly #read: SampleRead;
  readonly #batchSeries: number;
  readonly #readNumber: number;
  /** No chunk out of order can begin after this read's minT: a series' open chunk tells all since its start. */
  readonly #isInOrder: boolean;
  /** Of the batch: what is decoded from memory, where each series' begins, and what the store has. */
  readonly #memory = spareColumns.pop() ?? new SampleColumns(256);
  readonly #batch = new XorBatch(this.#memory);
  #from = new Int32Array(BATCH_SERIES + 1);
  #stored: ChunkGroup | undefined;
  /** The batch is refs [#first, #end); #at is the current series. */
  #first = 0;
  #end = 0;
  #at = -1;
  #closed: number[] = [];
  #isOpen = true;

  constructor(state: HeadState, store: HeadStore, read: SampleRead) {
    this.#state = state;
    this.#store = store;
    this.#read = read;
    this.#batchSeries = read.inOrder ? BATCH_SERIES_ORDERED : BATCH_SERIES;
    this.#isInOrder = read.select.minT > read.tenant.lateThrough;
    this.#readNumber = state.reads.begin();
  }

  get memo(): SeriesMemo {
    return this.#state.store.memo;
  }

  get number(): number {
    return this.#read.refs[this.#at];
  }

  get labels(): LabelBytes {
    return this.#state.store.labelsOf(this.#read.refs[this.#at]);
  }

  next(): boolean | Promise<boolean> {
    for (;;) {
      for (this.#at++; this.#at < this.#end; this.#at++) {
        const at = this.#at - this.#first;
        if (this.#from[at + 1] > this.#from[at]) return true;
        if (this.#stored?.has(at)) return true;
      }
      if (this.#end === this.#read.refs.length) {
        this.close();
        return false;
      }
      this.#at = this.#end - 1;
      const loading = this.#load();
      if (loading !== undefined) return loading.then(() => this.next());
    }
  }

  samples(out: SampleColumns): void {
    const at = this.#at - this.#first;
    const { minT, maxT } = this.#read.select;
    const stored = this.#stored;
    if (stored?.has(at)) {
      for (const { bytes } of stored.chunksOf(at)) decodeXorChunk(bytes, out, minT, maxT);
    }
    const from = this.#from[at];
    const count = this.#from[at + 1] - from;
    const { t, v } = this.#memory;
    out.reserve(count);
    const { t: outT, v: outV } = out;
    for (let index = 0, to = out.count; index < count; index++, to++) {
      outT[to] = t[from + index];
      outV[to] = v[from + index];
    }
    out.count += count;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#state.reads.end(this.#readNumber);
    if (spareColumns.length === 0 && this.#memory.t.length <= SPARE_SAMPLES_MAX) {
      spareColumns.push(this.#memory);
    }
  }

  /** The next batch; a promise where the store is needed. */
  #load(): Promise<void> | undefined {
    const { refs, select } = this.#read;
    const { store } = this.#state;
    this.#first = this.#end;
    this.#end = Math.min(this.#first + this.#batchSeries, refs.length);
    this.#memory.clear();
    this.#batch.begin(select.minT, select.maxT);
    this.#stored = undefined;
    const size = this.#end - this.#first;
    while (this.#from.length <= size) this.#from = grown(this.#from);
    /** By page: of each slot, the series of the batch + 1. */
    let pages: Map<number, Int32Array> | undefined;
    for (let at = 0; at < size; at++) {
      this.#from[at] = this.#batch.count;
      const ref = refs[this.#first + at];
      if (store.labelsLength(ref) === 0) continue;
      if (select.newestOnly === true && this.#takeNewest(ref)) continue;
      if (!this.#takeMemory(ref)) continue;
      const pageSlot = store.record(ref, R.pageSlot);
      pages ??= new Map();
      let slots = pages.get(pageSlot >>> PAGE_BITS);
      if (slots === undefined) {
        slots = new Int32Array(PAGE_SLOTS);
        pages.set(pageSlot >>> PAGE_BITS, slots);
      }
      slots[pageSlot & (PAGE_SLOTS - 1)] = at + 1;
    }
    this.#from[size] = this.#batch.count;
    this.#decode(size);
    return pages === undefined ? undefined : this.#loadStored(pages, size);
  }

  /** Decodes the batch: where a series' first chunk was in it becomes where its samples begin. */
  #decode(size: number): void {
    const batch = this.#batch;
    batch.decode();
    for (let at = 0; at <= size; at++) {
      const before = this.#from[at];
      this.#from[at] = before === 0 ? 0 : batch.ends[before - 1];
    }
  }

  async #loadStored(pages: ReadonlyMap<number, Int32Array>, size: number): Promise<void> {
    const { select, tenant, windows } = this.#read;
    const { minT, maxT } = select;
    const state = this.#state;
    const group = new ChunkGroup(size);
    const epoch = state.committedEpoch;
    const range = { tenant, minT, maxT, windows };
    await readStored(state, this.#store, range, pages.keys(), epoch, (page, window, _, entry) => {
      const series = (pages.get(page)?.[entry.slot] ?? 0) - 1;
      if (series < 0) return;
      const chunkMinT = window * WINDOW_MS + entry.minRel;
      const chunkMaxT = window * WINDOW_MS + entry.maxRel;
      if (chunkMinT > maxT || chunkMaxT < minT) return;
      const { encoding, bytes } = entry;
      if (entry.outOfOrder) throw new NotPlain('a chunk out of order');
      if (encoding !== CHUNK_XOR) throw notFloats(encoding);
      group.add(series, { minT: chunkMinT, maxT: chunkMaxT, encoding, bytes }, 0);
    });
    this.#stored = group;
  }

  /** True where the series' last sample is the newest in the range, and so all that is wanted. */
  #takeNewest(ref: number): boolean {
    const { store } = this.#state;
    const { minT, maxT } = this.#read.select;
    const t = lastTime(store, ref);
    if (t < minT || t > maxT) return false;
    const packed = store.record(ref, R.packed);
    if ((packed & HISTOGRAM_FLAG) !== 0) throw new NotPlain('a native histogram');
    const raw = packed & 15;
    if (raw === 0) this.#batch.addSample(t, store.record(ref, R.low), store.record(ref, R.high));
    else {
      const bits = store.rawBits[ref >>> SLAB_BITS];
      const at = ((ref & SLAB_MASK) * RAW_MAX + raw - 1) * 2;
      this.#batch.addSample(t, bits[at], bits[at + 1]);
    }
    return true;
  }

  /** Adds what is in memory to what is decoded; true where the store may have older samples of the range. */
  #takeMemory(ref: number): boolean {
    const { store, appender } = this.#state;
    const { minT, maxT } = this.#read.select;
    const window = store.record(ref, R.window);
    if (window === NO_WINDOW) return false;
    if (store.getCold(ref, C.outOfOrder) !== 0) throw new NotPlain('samples out of order');
    if ((store.record(ref, R.packed) & HISTOGRAM_FLAG) !== 0) {
      throw new NotPlain('a native histogram');
    }
    const isReached = this.#takeClosed(ref, minT, maxT);
    if (!appender.hasOpen(ref)) return !isReached;
    const start = window * WINDOW_MS;
    const openMinT = start + store.record(ref, R.min);
    if (openMinT <= maxT) appender.addOpen(this.#batch, ref, minT);
    return !(isReached || (openMinT <= minT && this.#isInOrder));
  }

  /** Chunks that no checkpoint has; true where the oldest begins before the range. */
  #takeClosed(ref: number, minT: number, maxT: number): boolean {
    const { store } = this.#state;
    let address = store.getCold(ref, C.closed);
    if (address === 0) return false;
    const closed = this.#closed;
    closed.length = 0;
    let isReached = false;
    while (address !== 0) {
      const entry = store.closed.read(address);
      const here = address;
      address = entry.next;
      const start = entry.window * WINDOW_MS;
      if (start + entry.minRel > maxT || start + entry.maxRel < minT) continue;
      const visible = this.#read.windows.get(entry.window);
      if (visible && entry.generation < visible.from) continue;
      if (entry.outOfOrder) throw new NotPlain('a chunk out of order');
      if (entry.encoding !== CHUNK_XOR) throw notFloats(entry.encoding);
      closed.push(here);
      if (start + entry.minRel <= minT && this.#isInOrder) isReached = true;
    }
    for (let at = closed.length - 1; at >= 0; at--) {
      this.#batch.addBytes(store.closed.read(closed[at]).bytes);
    }
    return isReached;
  }
}
