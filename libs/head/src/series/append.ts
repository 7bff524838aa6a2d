// Appends samples to series: raw blocks of eight, encoded as runs, chunks cut at about 120 samples and
// at window boundaries. Both are staggered by the series' hash, so that no scrape makes all series encode
// or cut at once. What is not in order goes to series/out-of-order.ts.
import { SampleColumns } from '@weir/model';
import { decodeXorChunk, XorEncoder, xorChunkSize } from '@weir/tsdb/chunk';
import { type Tenant, WINDOW_MS } from '../windows.ts';
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

const CHUNK_SAMPLES_MAX = 120;
/** A chunk that few samples would follow in its window takes them too, up to this many. */
const CHUNK_REST_MAX = 64;
const LAST_CHUNK_SAMPLES_MAX = CHUNK_SAMPLES_MAX + CHUNK_REST_MAX;
/** The first chunk of a window is shorter, by series, so that later ones are cut at different times. */
const FIRST_CHUNK_SAMPLES_MIN = 57;

// The packed word: raw samples (4 bits), encoded samples (8), leading (6; 63 is none), trailing (6),
// bits of the unfinished word (5), and whether this is the window's first chunk.
const SAMPLES_SHIFT = 4;
const SAMPLES_MASK = 255;
const LEADING_SHIFT = 12;
const TRAILING_SHIFT = 18;
const WORD_SHIFT = 24;
const FIRST_FLAG = 1 << 29;
const LEADING_NONE = 63;
const EMPTY = (LEADING_NONE << LEADING_SHIFT) | (16 << WORD_SHIFT);

export type Appended = 'accepted' | 'same' | 'duplicate' | 'late' | 'too-old';

export function packedSamples(packed: number): number {
  return ((packed >>> SAMPLES_SHIFT) & SAMPLES_MASK) + (packed & 15);
}

export class Appender {
  readonly outOfOrder = new OutOfOrder();
  readonly #store: SeriesStore;
  readonly #encoder = new XorEncoder();
  readonly #times = new Float64Array(RAW_MAX);
  readonly #scratch = new Int32Array(2048);
  readonly #scratchBytes = new Uint8Array(this.#scratch.buffer);
  readonly #columns = new SampleColumns(CHUNK_SAMPLES_MAX);

  constructor(store: SeriesStore) {
    this.#store = store;
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
    if (packed === 0 || packed === FIRST_FLAG) {
      packed |= EMPTY;
      record[at + R.min] = rel;
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
    if (((samples + hash) & 7) === 0 || raw + 1 === RAW_MAX) this.#encodeRaw(ref);
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
    cold[at] = before === NO_WINDOW ? 1 : shiftWindows(cold[at], window - before) | 1;
    store.setRecord(ref, R.window, window);
    store.setRecord(ref, R.last, -1);
    store.setRecord(ref, R.packed, FIRST_FLAG);
  }

  #lastEquals(ref: number, low: number, high: number): boolean {
    const store = this.#store;
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
    const store = this.#store;
    if (window === store.record(ref, R.window) && packedSamples(store.record(ref, R.packed)) > 0) {
      const found = this.#findOpen(ref, window * WINDOW_MS + rel, low, high);
      if (found) return found;
    }
    const t = window * WINDOW_MS + rel;
    if (tenant.settings.outOfOrderWindowMs === 0) return 'late';
    if (t < tenant.oldestLate) return 'too-old';
    const added = this.outOfOrder.add(ref, t, low, high);
    if (added !== 'accepted') return added;
    const back = Math.min(store.record(ref, R.window) - window, 31);
    store.setCold(ref, C.windows, store.getCold(ref, C.windows) | (1 << back));
    store.setCold(ref, C.outOfOrder, 1);
    if (this.outOfOrder.count(ref) >= CHUNK_SAMPLES_MAX) this.closeOutOfOrder(ref, tenant);
    return 'accepted';
  }

  /** Whether the open chunk has a sample at t: 'same' or 'duplicate', else undefined. */
  #findOpen(ref: number, t: number, low: number, high: number): Appended | undefined {
    const columns = this.#columns;
    columns.clear();
    decodeXorChunk(this.openChunk(ref), columns, t, t);
    if (columns.count === 0) return undefined;
    const bits = new Int32Array(columns.v.buffer, 0, 2);
    return bits[0] === low && bits[1] === high ? 'same' : 'duplicate';
  }

  #loadEncoder(ref: number): XorEncoder {
    const record = this.#store.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    const packed = record[at + R.packed];
    const encoder = this.#encoder;
    const leading = (packed >>> LEADING_SHIFT) & 63;
    encoder.count = (packed >>> SAMPLES_SHIFT) & SAMPLES_MASK;
    encoder.t = record[at + R.window] * WINDOW_MS + record[at + R.time];
    encoder.delta = record[at + R.delta];
    encoder.high = record[at + R.high];
    encoder.low = record[at + R.low];
    encoder.leading = leading === LEADING_NONE ? 0xff : leading;
    encoder.trailing = (packed >>> TRAILING_SHIFT) & 63;
    encoder.word = record[at + R.word];
    encoder.wordBits = (packed >>> WORD_SHIFT) & 31;
    encoder.wordCount = 0;
    const raw = packed & 15;
    const from = (ref & SLAB_MASK) * RAW_MAX;
    const start = record[at + R.window] * WINDOW_MS;
    const times = this.#store.rawTimes[ref >>> SLAB_BITS];
    for (let index = 0; index < raw; index++) this.#times[index] = start + times[from + index];
    encoder.encode(this.#times, this.#rawBitsOf(ref, from), 0, raw);
    return encoder;
  }

  readonly #bits = new Int32Array(RAW_MAX * 2);
  #rawBitsOf(ref: number, from: number): Int32Array {
    const source = this.#store.rawBits[ref >>> SLAB_BITS];
    for (let index = 0; index < RAW_MAX * 2; index++) this.#bits[index] = source[from * 2 + index];
    return this.#bits;
  }

  #encodeRaw(ref: number): void {
    const record = this.#store.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    const encoder = this.#loadEncoder(ref);
    if (encoder.wordCount > 0) {
      const tail = this.#store.blocks.append(
        record[at + R.tail],
        encoder.words,
        encoder.wordCount,
        record,
        at + R.first,
      );
      record[at + R.tail] = tail;
    }
    record[at + R.packed] =
      (encoder.count << SAMPLES_SHIFT) |
      ((encoder.leading === 0xff ? LEADING_NONE : encoder.leading) << LEADING_SHIFT) |
      (encoder.trailing << TRAILING_SHIFT) |
      (encoder.wordBits << WORD_SHIFT) |
      (record[at + R.packed] & FIRST_FLAG);
    record[at + R.time] = record[at + R.last];
    record[at + R.delta] = encoder.delta;
    record[at + R.high] = encoder.high;
    record[at + R.low] = encoder.low;
    record[at + R.word] = encoder.word;
  }

  /** Puts the open chunk's bytes at the start of the scratch words; returns their size. */
  #assemble(ref: number): number {
    const store = this.#store;
    const scratch = this.#scratch;
    const encoder = this.#loadEncoder(ref);
    let count = store.blocks.copy(store.record(ref, R.first), store.record(ref, R.tail), scratch);
    for (let index = 0; index < encoder.wordCount; index++) scratch[count++] = encoder.words[index];
    const sizeBytes = xorChunkSize(count, encoder.wordBits);
    scratch[count++] = encoder.word;
    scratch[0] |= encoder.count << 16;
    for (let index = 0; index < count; index++) scratch[index] = swapBytes(scratch[index]);
    return sizeBytes;
  }

  /** A copy of the open chunk, raw samples included. Only for series with samples in it. */
  openChunk(ref: number): Uint8Array {
    return this.#scratchBytes.slice(0, this.#assemble(ref));
  }

  /** Moves the open chunk, if it has samples, to the closed log. */
  closeChunk(ref: number, tenant: Tenant): void {
    const store = this.#store;
    if (packedSamples(store.record(ref, R.packed)) === 0) return;
    const sizeBytes = this.#assemble(ref);
    const window = store.record(ref, R.window);
    this.#addClosed(
      ref,
      tenant,
      window,
      store.record(ref, R.min),
      store.record(ref, R.last),
      false,
      sizeBytes,
    );
    // The last value stays in the record: a repeated sample is compared with it.
    store.setRecord(ref, R.high, this.#encoder.high);
    store.setRecord(ref, R.low, this.#encoder.low);
    store.blocks.release(store.record(ref, R.first), store.record(ref, R.tail));
    store.setRecord(ref, R.first, 0);
    store.setRecord(ref, R.tail, 0);
    store.setRecord(ref, R.word, 0);
    store.setRecord(ref, R.packed, 0);
  }

  /**
   * Closes the open chunk before its time. As this befalls all series at once, the next chunk's length
   * differs by series, as that of a window's first one.
   */
  endChunk(ref: number, tenant: Tenant): void {
    this.closeChunk(ref, tenant);
    this.#store.setRecord(ref, R.packed, FIRST_FLAG);
  }

  /** Moves the series' out-of-order samples to the closed log, a chunk per window. */
  closeOutOfOrder(ref: number, tenant: Tenant): void {
    for (const chunk of this.outOfOrder.chunks(ref)) {
      const window = Math.floor(chunk.minT / WINDOW_MS);
      this.#scratchBytes.set(chunk.bytes);
      const start = window * WINDOW_MS;
      this.#addClosed(
        ref,
        tenant,
        window,
        chunk.minT - start,
        chunk.maxT - start,
        true,
        chunk.bytes.length,
      );
    }
    this.outOfOrder.forget(ref);
    this.#store.setCold(ref, C.outOfOrder, 0);
  }

  #addClosed(
    ref: number,
    tenant: Tenant,
    window: number,
    minRel: number,
    maxRel: number,
    outOfOrder: boolean,
    sizeBytes: number,
  ): void {
    const store = this.#store;
    const next = store.getCold(ref, C.closed);
    const pageSlot = store.record(ref, R.pageSlot);
    const generation = tenant.openGeneration(window);
    const entry = { next, pageSlot, window, generation, minRel, maxRel, outOfOrder };
    store.setCold(ref, C.closed, store.closed.append(entry, this.#scratch, sizeBytes));
  }
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

function swapBytes(word: number): number {
  return (word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24);
}
