// Which chunks of a window of series overlap a time range, a piece of bounded size at a time.
import type { SeriesEntries } from '../index/series-entries.ts';
import type { ChunkRequest } from './chunk-reader.ts';

const PIECE_SIZE_MAX = 8 << 20;
/** A reference further than this from the one before it says nothing about the chunk's size. */
const STRIDE_MAX = 64 << 10;
const CHUNK_SIZE_GUESS = 1024;

export class SelectedChunks implements ChunkRequest {
  count = 0;
  readonly refs: Float64Array;
  readonly minT: Float64Array;
  readonly maxT: Float64Array;
  seriesCount = 0;
  readonly #entries: SeriesEntries;
  readonly #from: number;
  readonly #to: number;
  readonly #series: Uint32Array;
  readonly #counts: Uint32Array;
  #next = 0;

  /** Inclusive range, ms. */
  constructor(entries: SeriesEntries, minT: number, maxT: number) {
    this.#entries = entries;
    this.#from = minT;
    this.#to = maxT;
    this.refs = new Float64Array(entries.refs.length);
    this.minT = new Float64Array(entries.refs.length);
    this.maxT = new Float64Array(entries.refs.length);
    this.#series = new Uint32Array(entries.count);
    this.#counts = new Uint32Array(entries.count);
  }

  /** Moves to the next piece: some series that have chunks in the range; false when there are none. */
  nextPiece(): boolean {
    const { count } = this.#entries;
    this.count = 0;
    this.seriesCount = 0;
    let size = 0;
    for (; this.#next < count && size < PIECE_SIZE_MAX; this.#next++) {
      const before = this.count;
      size += this.#addSeries(this.#next);
      if (this.count === before) continue;
      this.#series[this.seriesCount] = this.#next;
      this.#counts[this.seriesCount] = this.count - before;
      this.seriesCount++;
    }
    return this.seriesCount > 0;
  }

  /** Which of the entries the piece's series is. */
  series(index: number): number {
    return this.#series[index]!;
  }

  chunkCount(index: number): number {
    return this.#counts[index]!;
  }

  /** Returns about how many bytes the series' chunks take. */
  #addSeries(series: number): number {
    const { refs, minT, maxT, chunkEnds } = this.#entries;
    let size = 0;
    for (let at = this.#entries.chunksFrom(series); at < chunkEnds[series]!; at++) {
      if (minT[at]! > this.#to || maxT[at]! < this.#from) continue;
      const stride = at + 1 < refs.length ? refs[at + 1]! - refs[at]! : 0;
      size += stride > 0 && stride < STRIDE_MAX ? stride : CHUNK_SIZE_GUESS;
      this.refs[this.count] = refs[at]!;
      this.minT[this.count] = minT[at]!;
      this.maxT[this.count] = maxT[at]!;
      this.count++;
    }
    return size;
  }
}
