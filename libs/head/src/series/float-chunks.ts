// Open chunks of floats: up to eight raw samples wait in a series' record, then are encoded as a run into
// linked blocks. Here a run is encoded, and a chunk put together; when, is decided in series/append.ts.
import { type XorBatch, XorEncoder, xorChunkSize } from '@weir/tsdb/chunk';
import { WINDOW_MS } from '../windows.ts';
import { R, RAW_MAX, RECORD_BITS, type SeriesStore, SLAB_BITS, SLAB_MASK } from './series-store.ts';

// The packed word: raw samples (4 bits), encoded samples (8), leading (6; 63 is none), trailing (6),
// bits of the unfinished word (5), whether this is the window's first chunk, and whether the last sample
// is a histogram (then there is no open chunk of floats).
export const SAMPLES_SHIFT = 4;
export const SAMPLES_MASK = 255;
const LEADING_SHIFT = 12;
const TRAILING_SHIFT = 18;
const WORD_SHIFT = 24;
export const FIRST_FLAG = 1 << 29;
export const HISTOGRAM_FLAG = 1 << 30;
/** Raw and encoded samples. */
export const COUNT_BITS = (SAMPLES_MASK << SAMPLES_SHIFT) | 15;
const LEADING_NONE = 63;
export const EMPTY = (LEADING_NONE << LEADING_SHIFT) | (16 << WORD_SHIFT);

export function packedSamples(packed: number): number {
  return ((packed >>> SAMPLES_SHIFT) & SAMPLES_MASK) + (packed & 15);
}

export class FloatChunks {
  readonly #store: SeriesStore;
  readonly encoder = new XorEncoder();
  readonly #times = new Float64Array(RAW_MAX);
  /** Where chunks are put together, and its bytes. */
  words = new Int32Array(2048);
  bytes = new Uint8Array(this.words.buffer);

  constructor(store: SeriesStore) {
    this.#store = store;
  }

  #loadEncoder(ref: number): XorEncoder {
    const record = this.#store.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    const packed = record[at + R.packed];
    const encoder = this.encoder;
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

  encodeRaw(ref: number): void {
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

  /** Puts the open chunk's bytes at the start of `words`; returns their size. */
  assemble(ref: number): number {
    const store = this.#store;
    const scratch = this.words;
    const encoder = this.#loadEncoder(ref);
    let count = store.blocks.copy(store.record(ref, R.first), store.record(ref, R.tail), scratch);
    for (let index = 0; index < encoder.wordCount; index++) scratch[count++] = encoder.words[index];
    const sizeBytes = xorChunkSize(count, encoder.wordBits);
    scratch[count++] = encoder.word;
    scratch[0] |= encoder.count << 16;
    for (let index = 0; index < count; index++) scratch[index] = swapBytes(scratch[index]);
    return sizeBytes;
  }

  /** Adds the open chunk's samples since minT to what is decoded: the encoded ones' words, and the raw ones as they are. */
  addTo(batch: XorBatch, ref: number, minT: number): void {
    const store = this.#store;
    const record = store.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    const packed = record[at + R.packed];
    const start = record[at + R.window] * WINDOW_MS;
    const isWanted = start + record[at + R.time] >= minT;
    const encoded = isWanted ? (packed >>> SAMPLES_SHIFT) & SAMPLES_MASK : 0;
    const raw = packed & 15;
    const first = batch.room(encoded + raw);
    const { words } = batch;
    let end = first;
    let bits = 0;
    if (encoded > 0) {
      const wordBits = (packed >>> WORD_SHIFT) & 31;
      end += store.blocks.copy(record[at + R.first], record[at + R.tail], words, end);
      bits = (end - first) * 32 + wordBits;
      if (wordBits > 0) words[end++] = record[at + R.word];
    }
    if (raw > 0) {
      const from = (ref & SLAB_MASK) * RAW_MAX;
      const times = store.rawTimes[ref >>> SLAB_BITS];
      const source = store.rawBits[ref >>> SLAB_BITS];
      for (let index = from; index < from + raw; index++) words[end++] = times[index];
      for (let index = 2 * from; index < 2 * (from + raw); index++) words[end++] = source[index];
    }
    batch.add(first, bits, encoded, start, raw, end);
  }

  /** Puts the bytes of another chunk there. */
  fill(bytes: Uint8Array): void {
    if (bytes.length > this.bytes.length) {
      this.words = new Int32Array(bytes.length);
      this.bytes = new Uint8Array(this.words.buffer);
    }
    this.bytes.set(bytes);
  }
}

function swapBytes(word: number): number {
  return (word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24);
}
