// Appends samples to series: raw blocks of eight, encoded as runs, chunks cut at about 120 samples and
// at window boundaries. Both are staggered by the series' hash, so that no scrape makes all series encode
// or cut at once. What is not in order goes to series/out-of-order.ts. Native histograms (series/
// histograms.ts) share the series' order of time: a sample of one kind closes the open chunk of the other.

import { assert } from '@weir/errors';
import { SampleColumns } from '@weir/model';
import {
  CHUNK_XOR,
  type Chunk,
  decodeXorChunk,
  HistogramChunk,
  type XorBatch,
} from '@weir/tsdb/chunk';
import type { Activity } from '../tenants/activity.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import {
  COUNT_BITS,
  EMPTY,
  FIRST_FLAG,
  FloatChunks,
  HISTOGRAM_FLAG,
  packedSamples,
  SAMPLES_MASK,
  SAMPLES_SHIFT,
} from './float-chunks.ts';
import { type HistogramSample, Histograms, hashAt, isFull, sameHash } from './histograms.ts';
import { OutOfOrder } from './out-of-order.ts';
import {
  C,
  COLD_BITS,
  NO_WINDOW,
  R,
  RAW_MAX,
  RECORD_BITS,
  type SeriesStore,
  SLAB_BITS,
  SLAB_MASK,
} from './series-store.ts';
import { StartTimes } from './start-times.ts';

const CHUNK_SAMPLES_MAX = 120;
/** A chunk that few samples would follow in its window takes them too, up to this many. */
const CHUNK_REST_MAX = 64;
const LAST_CHUNK_SAMPLES_MAX = CHUNK_SAMPLES_MAX + CHUNK_REST_MAX;
/** The first chunk of a window is shorter, by series, so that later ones are cut at different times. */
const FIRST_CHUNK_SAMPLES_MIN = 57;

/** Prometheus's staleness marker, 0x7ff0000000000002. */
const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 2;

export type Appended = 'accepted' | 'same' | 'duplicate' | 'late' | 'too-old';

export class Appender {
  readonly starts = new StartTimes();
  readonly outOfOrder = new OutOfOrder(this.starts);
  readonly histograms = new Histograms(this.starts);
  /** Start timestamp of the samples that come next, ms, to be kept with them; 0: they tell none. */
  startT = 0;
  readonly #store: SeriesStore;
  readonly #activity: Activity;
  readonly #floats: FloatChunks;
  readonly #columns = new SampleColumns(CHUNK_SAMPLES_MAX, true);

  constructor(store: SeriesStore, activity: Activity) {
    this.#store = store;
    this.#activity = activity;
    this.#floats = new FloatChunks(store);
  }

  /** One sample. `window` is t's window, `rel` its milliseconds in it. The window is open for samples. */
  append(
    ref: number,
    tenant: Tenant,
    window: number,
    rel: number,
    low: number,
    high: number,
  ): Appended {
    const record = this.#store.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    if (window !== record[at + R.window]) {
      if (window < record[at + R.window]) return this.#late(ref, tenant, window, rel, low, high);
      this.#enterWindow(ref, tenant, window);
    } else if (rel <= record[at + R.last]) {
      if (rel < record[at + R.last]) return this.#late(ref, tenant, window, rel, low, high);
      return this.#lastEquals(ref, low, high) ? 'same' : 'duplicate';
    }
    let packed = record[at + R.packed];
    if ((packed & COUNT_BITS) === 0) {
      if ((packed & HISTOGRAM_FLAG) !== 0) {
        if (high === STALE_HIGH && low === STALE_LOW) {
          const marker = this.histograms.staleSample(ref);
          return this.appendHistogram(ref, tenant, window, rel, marker);
        }
        packed = this.#endHistograms(ref, tenant);
      }
      this.#noteWindow(ref);
      packed |= EMPTY;
      record[at + R.min] = rel;
    }
    if (this.startT !== 0 || !this.starts.isEmpty) {
      this.starts.note(ref, window * WINDOW_MS + rel, this.startT);
    }
    const raw = packed & 15;
    const rawAt = (ref & SLAB_MASK) * RAW_MAX + raw;
    this.#store.rawTimes[ref >>> SLAB_BITS][rawAt] = rel;
    const bits = this.#store.rawBits[ref >>> SLAB_BITS];
    bits[2 * rawAt] = low;
    bits[2 * rawAt + 1] = high;
    record[at + R.last] = rel;
    record[at + R.packed] = packed + 1;
    const samples = ((packed >>> SAMPLES_SHIFT) & SAMPLES_MASK) + raw + 1;
    const hash = record[at + R.hash];
    if (((samples + hash) & 7) === 0 || raw + 1 === RAW_MAX) this.#floats.encodeRaw(ref);
    if (samples >= FIRST_CHUNK_SAMPLES_MIN) {
      const cutAt =
        (packed & FIRST_FLAG) === 0
          ? CHUNK_SAMPLES_MAX
          : FIRST_CHUNK_SAMPLES_MIN + ((hash >>> 3) & 63);
      if (samples >= cutAt && !isLastOfWindow(samples, rel, record[at + R.min])) {
        this.closeChunk(ref, tenant);
      }
    }
    return 'accepted';
  }

  #enterWindow(ref: number, tenant: Tenant, window: number): void {
    this.closeChunk(ref, tenant);
    const store = this.#store;
    const before = store.record(ref, R.window);
    const cold = store.cold[ref >>> SLAB_BITS];
    const at = ((ref & SLAB_MASK) << COLD_BITS) + C.windows;
    cold[at] = before === NO_WINDOW ? 0 : shiftWindows(cold[at], window - before);
    store.setRecord(ref, R.window, window);
    store.setRecord(ref, R.last, -1);
    store.setRecord(ref, R.packed, FIRST_FLAG | (store.record(ref, R.packed) & HISTOGRAM_FLAG));
  }

  /** A chunk begins in the series' window, which a drop may have left without samples: see removal.ts. */
  #noteWindow(ref: number): void {
    const at = ((ref & SLAB_MASK) << COLD_BITS) + C.windows;
    this.#store.cold[ref >>> SLAB_BITS][at] |= 1;
  }

  #isHistogram(ref: number): boolean {
    return (this.#store.record(ref, R.packed) & HISTOGRAM_FLAG) !== 0;
  }

  /** Before a float: the series' last sample is no histogram any more. Returns the packed word. */
  #endHistograms(ref: number, tenant: Tenant): number {
    this.closeChunk(ref, tenant);
    this.histograms.last.delete(ref);
    this.#activity.setBuckets(tenant, ref, undefined);
    return this.#store.record(ref, R.packed) & ~HISTOGRAM_FLAG;
  }

  #lastEquals(ref: number, low: number, high: number): boolean {
    const store = this.#store;
    if (this.#isHistogram(ref)) {
      if (high !== STALE_HIGH || low !== STALE_LOW) return false;
      const { hash } = this.histograms.staleSample(ref);
      return sameHash(this.histograms.last.get(ref)!.hash, hash);
    }
    const raw = store.record(ref, R.packed) & 15;
    if (raw === 0) return store.record(ref, R.low) === low && store.record(ref, R.high) === high;
    const at = ((ref & SLAB_MASK) * RAW_MAX + raw - 1) * 2;
    const bits = store.rawBits[ref >>> SLAB_BITS];
    return bits[at] === low && bits[at + 1] === high;
  }

  /** A sample older than the series' last one. */
  #late(
    ref: number,
    tenant: Tenant,
    window: number,
    rel: number,
    low: number,
    high: number,
  ): Appended {
    if (high === STALE_HIGH && low === STALE_LOW && this.#isHistogram(ref)) {
      return this.#lateHistogram(ref, tenant, window, rel, this.histograms.staleSample(ref));
    }
    const t = window * WINDOW_MS + rel;
    const found = this.#findOpen(ref, window, t, low, high);
    if (found) return found;
    const refused = refusedLate(tenant, t);
    if (refused) return refused;
    if (this.histograms.hasLateAt(ref, t)) return 'duplicate';
    const added = this.outOfOrder.add(ref, t, low, high);
    if (added === 'accepted') this.#noteLate(ref, tenant, window, t);
    return added;
  }

  #noteLate(ref: number, tenant: Tenant, window: number, t: number): void {
    tenant.lateThrough = Math.max(tenant.lateThrough, t);
    this.starts.noteLate(ref, t, this.startT);
    const store = this.#store;
    const back = Math.min(store.record(ref, R.window) - window, 31);
    store.setCold(ref, C.windows, store.getCold(ref, C.windows) | (1 << back));
    store.setCold(ref, C.outOfOrder, 1);
    const waiting = this.outOfOrder.count(ref) + this.histograms.lateCount(ref);
    if (waiting >= CHUNK_SAMPLES_MAX) this.closeOutOfOrder(ref, tenant);
  }

  /** A histogram, as append() takes a float. It was judged storable. */
  appendHistogram(
    ref: number,
    tenant: Tenant,
    window: number,
    rel: number,
    sample: HistogramSample,
  ): Appended {
    const store = this.#store;
    const before = this.histograms.openChunk(ref);
    if (window !== store.record(ref, R.window)) {
      if (window < store.record(ref, R.window)) {
        return this.#lateHistogram(ref, tenant, window, rel, sample);
      }
      this.#enterWindow(ref, tenant, window);
    } else if (rel <= store.record(ref, R.last)) {
      if (rel < store.record(ref, R.last)) {
        return this.#lateHistogram(ref, tenant, window, rel, sample);
      }
      const last = this.histograms.last.get(ref);
      return last !== undefined && sameHash(last.hash, sample.hash) ? 'same' : 'duplicate';
    } else if (packedSamples(store.record(ref, R.packed)) > 0) this.closeChunk(ref, tenant);
    const t = window * WINDOW_MS + rel;
    const { histogram, hash } = sample;
    let chunk = this.histograms.openChunk(ref);
    const { startT } = this;
    if (!chunk || isFull(chunk, startT) || !chunk.tryAppend(t, histogram, startT)) {
      this.closeChunk(ref, tenant);
      this.#noteWindow(ref);
      chunk = HistogramChunk.start(histogram.isFloat, before, startT !== 0);
      const isTaken = chunk.tryAppend(t, histogram, startT);
      assert(isTaken, 'an empty chunk takes any histogram of its kind');
    }
    this.histograms.setLast(ref, chunk, histogram.isFloat, hash);
    const buckets = histogram.positiveBuckets.length + histogram.negativeBuckets.length;
    this.#activity.setBuckets(tenant, ref, buckets);
    store.setRecord(ref, R.last, rel);
    store.setRecord(ref, R.packed, (store.record(ref, R.packed) & FIRST_FLAG) | HISTOGRAM_FLAG);
    return 'accepted';
  }

  #lateHistogram(
    ref: number,
    tenant: Tenant,
    window: number,
    rel: number,
    sample: HistogramSample,
  ): Appended {
    const t = window * WINDOW_MS + rel;
    const chunk = this.histograms.openChunk(ref);
    const open = chunk && hashAt(chunk, t);
    if (open) return sameHash(open, sample.hash) ? 'same' : 'duplicate';
    if (this.#findOpen(ref, window, t, 0, 0)) return 'duplicate';
    const refused = refusedLate(tenant, t);
    if (refused) return refused;
    if (this.outOfOrder.has(ref, t)) return 'duplicate';
    const added = this.histograms.addLate(ref, t, sample);
    if (added === 'accepted') this.#noteLate(ref, tenant, window, t);
    return added;
  }

  /** Whether the open chunk has a sample at t: 'same' or 'duplicate', else undefined. */
  #findOpen(
    ref: number,
    window: number,
    t: number,
    low: number,
    high: number,
  ): Appended | undefined {
    const store = this.#store;
    if (window !== store.record(ref, R.window)) return undefined;
    const chunk = this.histograms.openChunk(ref);
    if (chunk) return hashAt(chunk, t) && 'duplicate';
    if (packedSamples(store.record(ref, R.packed)) === 0) return undefined;
    const columns = this.#columns;
    columns.clear();
    decodeXorChunk(this.#assembled(ref), columns, t, t);
    if (columns.count === 0) return undefined;
    const bits = new Int32Array(columns.v.buffer, 0, 2);
    return bits[0] === low && bits[1] === high ? 'same' : 'duplicate';
  }

  /** The open chunk, raw samples included, until the next call. Only for series with samples in it. */
  openChunk(ref: number): Pick<Chunk, 'encoding' | 'bytes'> {
    return this.withStarts(ref, this.#assembled(ref));
  }

  #assembled(ref: number): Uint8Array {
    return this.#floats.bytes.subarray(0, this.#floats.assemble(ref));
  }

  /** The open chunk or newest sample of a series, encoded as CHUNK_XOR, with start timestamps if it has any. */
  withStarts(ref: number, xorChunk: Uint8Array): Pick<Chunk, 'encoding' | 'bytes'> {
    if (this.starts.has(ref)) return this.starts.addTo(xorChunk, ref, this.#columns);
    return { encoding: CHUNK_XOR, bytes: xorChunk };
  }

  /** Adds the open chunk's samples since minT to what is decoded; it has floats. */
  addOpen(batch: XorBatch, ref: number, minT: number): void {
    this.#floats.addTo(batch, ref, minT);
  }

  /** Moves the open chunk, if it has samples, to the closed log. */
  closeChunk(ref: number, tenant: Tenant): void {
    const store = this.#store;
    const packed = store.record(ref, R.packed);
    if ((packed & HISTOGRAM_FLAG) !== 0) {
      this.#closeHistogramChunk(ref, tenant);
      return;
    }
    if (packedSamples(packed) === 0) return;
    let sizeBytes = this.#floats.assemble(ref);
    let encoding = CHUNK_XOR;
    if (this.starts.has(ref)) {
      const chunk = this.withStarts(ref, this.#floats.bytes.subarray(0, sizeBytes));
      this.#floats.fill(chunk.bytes);
      sizeBytes = chunk.bytes.length;
      encoding = chunk.encoding;
      this.starts.endChunk(ref);
    }
    const window = store.record(ref, R.window);
    const min = store.record(ref, R.min);
    const last = store.record(ref, R.last);
    this.#addClosed(ref, tenant, window, min, last, false, encoding, sizeBytes);
    // The last value stays in the record: a repeated sample is compared with it.
    store.setRecord(ref, R.high, this.#floats.encoder.high);
    store.setRecord(ref, R.low, this.#floats.encoder.low);
    store.blocks.release(store.record(ref, R.first), store.record(ref, R.tail));
    store.setRecord(ref, R.first, 0);
    store.setRecord(ref, R.tail, 0);
    store.setRecord(ref, R.word, 0);
    store.setRecord(ref, R.packed, 0);
  }

  #closeHistogramChunk(ref: number, tenant: Tenant): void {
    const last = this.histograms.last.get(ref);
    if (last?.chunk === undefined) return;
    this.#addHistograms(ref, tenant, last.chunk, false);
    last.chunk = undefined;
  }

  #addHistograms(ref: number, tenant: Tenant, chunk: HistogramChunk, outOfOrder: boolean): void {
    const window = Math.floor(chunk.minT / WINDOW_MS);
    const start = window * WINDOW_MS;
    const { encoding, minT, maxT } = chunk;
    const bytes = chunk.bytes();
    this.#floats.fill(bytes);
    const { length } = bytes;
    this.#addClosed(ref, tenant, window, minT - start, maxT - start, outOfOrder, encoding, length);
  }

  /** Whether the series has samples in an open chunk, of whichever kind. */
  hasOpen(ref: number): boolean {
    const packed = this.#store.record(ref, R.packed);
    if ((packed & HISTOGRAM_FLAG) !== 0) return this.histograms.openChunk(ref) !== undefined;
    return packedSamples(packed) > 0;
  }

  /**
   * Closes the open chunk before its time. As this befalls all series at once, the next chunk's length
   * differs by series, as that of a window's first one.
   */
  endChunk(ref: number, tenant: Tenant): void {
    this.closeChunk(ref, tenant);
    const kind = this.#store.record(ref, R.packed) & HISTOGRAM_FLAG;
    this.#store.setRecord(ref, R.packed, FIRST_FLAG | kind);
  }

  /** Moves the series' out-of-order samples to the closed log, a chunk per window. */
  closeOutOfOrder(ref: number, tenant: Tenant): void {
    for (const chunk of this.outOfOrder.chunks(ref)) {
      const window = Math.floor(chunk.minT / WINDOW_MS);
      this.#floats.fill(chunk.bytes);
      const min = chunk.minT - window * WINDOW_MS;
      const max = chunk.maxT - window * WINDOW_MS;
      this.#addClosed(ref, tenant, window, min, max, true, chunk.encoding, chunk.bytes.length);
    }
    for (const chunk of this.histograms.lateChunks(ref)) {
      this.#addHistograms(ref, tenant, chunk, true);
    }
    this.outOfOrder.forget(ref);
    this.histograms.late.delete(ref);
    this.starts.endLate(ref);
    this.#store.setCold(ref, C.outOfOrder, 0);
  }

  #addClosed(
    ref: number,
    tenant: Tenant,
    window: number,
    minRel: number,
    maxRel: number,
    outOfOrder: boolean,
    encoding: number,
    sizeBytes: number,
  ): void {
    const store = this.#store;
    const next = store.getCold(ref, C.closed);
    const pageSlot = store.record(ref, R.pageSlot);
    const generation = tenant.openGeneration(window);
    const entry = { next, pageSlot, window, generation, minRel, maxRel, outOfOrder, encoding };
    store.setCold(ref, C.closed, store.closed.append(entry, this.#floats.words, sizeBytes));
  }
}

/** Why a sample may not come out of order; undefined where it may. */
function refusedLate(tenant: Tenant, t: number): 'late' | 'too-old' | undefined {
  if (tenant.settings.outOfOrderWindowMs === 0) return 'late';
  return t < tenant.oldestLate ? 'too-old' : undefined;
}

/**
 * Whether a full chunk goes on to the window's end, as samples have come so far: a short chunk behind it
 * would cost more bytes than its samples do.
 */
function isLastOfWindow(samples: number, rel: number, min: number): boolean {
  if (samples >= LAST_CHUNK_SAMPLES_MAX) return false;
  return (WINDOW_MS - rel) * (samples - 1) < CHUNK_REST_MAX * (rel - min);
}

/** Moves a series' window bits by `steps`; the last one gathers all that is older. */
function shiftWindows(bits: number, steps: number): number {
  if (steps > 31) return bits === 0 ? 0 : 1 << 31;
  const lost = bits >>> (31 - steps) !== 0;
  return (bits << steps) | (lost ? 1 << 31 : 0);
}
