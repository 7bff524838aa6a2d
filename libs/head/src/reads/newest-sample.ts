// The newest sample of a series as a chunk of its own, straight from its record: what an instant query
// needs, without copying the open chunk or asking the store. Later samples than a series' last are never
// out of order, so the last one is the newest wherever others lie.
import { CHUNK_XOR } from '@weir/tsdb/chunk';
import {
  NO_WINDOW,
  R,
  RAW_MAX,
  type SeriesStore,
  SLAB_BITS,
  SLAB_MASK,
} from '../series/series-store.ts';
import { WINDOW_MS } from '../windows.ts';
import type { RankedChunk } from './merge-chunks.ts';

/** Sample count, time as a varint, value. */
const CHUNK_MAX_BYTES = 2 + 10 + 8;
const SLAB_BYTES = 512 * CHUNK_MAX_BYTES;

/** Time of the series' last sample, ms; -Infinity when it has none in its window. */
export function lastTime(store: SeriesStore, ref: number): number {
  const window = store.record(ref, R.window);
  const last = store.record(ref, R.last);
  return window === NO_WINDOW || last < 0 ? -Infinity : window * WINDOW_MS + last;
}

/** Makes chunks of one sample; they share buffers, which are never written twice. */
export class NewestSamples {
  readonly #store: SeriesStore;
  #slab = new Uint8Array(0);
  #view = new DataView(this.#slab.buffer);
  #at = 0;

  constructor(store: SeriesStore) {
    this.#store = store;
  }

  /** The last sample of a series that has one; `t` is its lastTime(). */
  chunk(ref: number, t: number): RankedChunk {
    if (this.#at + CHUNK_MAX_BYTES > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#view = new DataView(this.#slab.buffer);
      this.#at = 0;
    }
    const from = this.#at;
    const slab = this.#slab;
    slab[from + 1] = 1;
    let at = from + 2;
    let zigzag = t < 0 ? -t * 2 - 1 : t * 2;
    for (; zigzag >= 128; zigzag = Math.floor(zigzag / 128)) slab[at++] = (zigzag % 128) | 128;
    slab[at++] = zigzag;
    this.#writeValue(ref, at);
    this.#at = at + 8;
    return { minT: t, maxT: t, encoding: CHUNK_XOR, bytes: slab.subarray(from, this.#at), rank: 0 };
  }

  /** The newest raw sample, else the encoder's last value, which outlives its chunk. */
  #writeValue(ref: number, at: number): void {
    const store = this.#store;
    const raw = store.record(ref, R.packed) & 15;
    if (raw === 0) {
      this.#view.setInt32(at, store.record(ref, R.high));
      this.#view.setInt32(at + 4, store.record(ref, R.low));
      return;
    }
    const bits = store.rawBits[ref >>> SLAB_BITS];
    const bitsAt = ((ref & SLAB_MASK) * RAW_MAX + raw - 1) * 2;
    this.#view.setInt32(at, bits[bitsAt + 1]);
    this.#view.setInt32(at + 4, bits[bitsAt]);
  }
}
