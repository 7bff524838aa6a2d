// The newest sample of a series as a chunk of its own, straight from its record: what an instant query
// needs, without copying the open chunk or asking the store. Later samples than a series' last are never
// out of order, so the last one is the newest wherever others lie.
import { CHUNK_XOR, type Chunk } from '@weir/tsdb/chunk';
import {
  NO_WINDOW,
  R,
  RAW_MAX,
  type SeriesStore,
  SLAB_BITS,
  SLAB_MASK,
} from '../series/series-store.ts';
import { WINDOW_MS } from '../windows.ts';

/** Sample count, time as a varint, value. */
const CHUNK_MAX_BYTES = 2 + 10 + 8;

/** Time of the series' last sample, ms; -Infinity when it has none in its window. */
export function lastTime(store: SeriesStore, ref: number): number {
  const window = store.record(ref, R.window);
  const last = store.record(ref, R.last);
  return window === NO_WINDOW || last < 0 ? -Infinity : window * WINDOW_MS + last;
}

/** Makes chunks of one sample, one after the other in the same bytes. */
export class NewestSamples {
  readonly #store: SeriesStore;
  readonly #bytes = new Uint8Array(CHUNK_MAX_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(store: SeriesStore) {
    this.#store = store;
  }

  /** The last sample of a series that has one; `t` is its lastTime(). To be copied before the next. */
  chunk(ref: number, t: number): Chunk {
    const bytes = this.#bytes;
    bytes[1] = 1;
    let at = 2;
    let zigzag = t < 0 ? -t * 2 - 1 : t * 2;
    for (; zigzag >= 128; zigzag = Math.floor(zigzag / 128)) bytes[at++] = (zigzag % 128) | 128;
    bytes[at++] = zigzag;
    this.#writeValue(ref, at);
    return { minT: t, maxT: t, encoding: CHUNK_XOR, bytes: bytes.subarray(0, at + 8) };
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
