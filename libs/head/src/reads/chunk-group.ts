// The chunks of a group of series while they are gathered, from memory and from rows in any order: their
// bytes packed side by side, what is known of each in columns. An object for every chunk would live long
// enough to be moved to the old part of the heap, and a cut of a million series would leave a hundred
// megabytes there; made series by series as they are handed out, they die young.
import { grown } from '@weir/bytes';
import type { Chunk } from '@weir/tsdb/chunk';
import { disjointChunks, type RankedChunk } from './merge-chunks.ts';

const PIECE_BYTES = 64 * 1024;
/** A piece of a small group: for this much of each series. */
const SERIES_BYTES = 256;
/** Of a chunk beside its bytes, and of a series. */
const CHUNK_COLUMNS_BYTES = 53;
const SERIES_COLUMNS_BYTES = 24;
const NONE = -1;

export class ChunkGroup {
  readonly size: number;
  /** By series: the last checkpoint that was committed when what is in memory was copied. */
  readonly epochs: Float64Array;
  /** Its first and last chunk. */
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  #count = 0;
  #bytes = 0;
  /** By chunk. */
  #next = new Int32Array(256);
  #minT = new Float64Array(256);
  #maxT = new Float64Array(256);
  #rank = new Float64Array(256);
  #encoding = new Uint8Array(256);
  #piece = new Int32Array(256);
  #from = new Int32Array(256);
  #length = new Int32Array(256);
  readonly #pieces: Uint8Array[] = [];
  readonly #pieceBytes: number;
  #at = 0;

  constructor(size: number) {
    this.size = size;
    this.#pieceBytes = Math.min(PIECE_BYTES, size * SERIES_BYTES);
    this.epochs = new Float64Array(size);
    this.#first = new Int32Array(size).fill(NONE);
    this.#last = new Int32Array(size).fill(NONE);
  }

  get sizeBytes(): number {
    return this.#bytes + this.#count * CHUNK_COLUMNS_BYTES + this.size * SERIES_COLUMNS_BYTES;
  }

  /** Copies a chunk of one of the series; chunks with rank 0 win over others, see RankedChunk. */
  add(series: number, { minT, maxT, encoding, bytes }: Chunk, rank: number): void {
    const chunk = this.#count++;
    if (chunk === this.#next.length) this.#grow();
    if (this.#first[series] === NONE) this.#first[series] = chunk;
    else this.#next[this.#last[series]] = chunk;
    this.#last[series] = chunk;
    this.#next[chunk] = NONE;
    this.#minT[chunk] = minT;
    this.#maxT[chunk] = maxT;
    this.#rank[chunk] = rank;
    this.#encoding[chunk] = encoding;
    this.#put(chunk, bytes);
  }

  #put(chunk: number, bytes: Uint8Array): void {
    const { length } = bytes;
    let piece = this.#pieces.length - 1;
    if (piece < 0 || this.#at + length > this.#pieces[piece].length) {
      this.#pieces.push(new Uint8Array(Math.max(this.#pieceBytes, length)));
      this.#at = 0;
      piece++;
    }
    this.#pieces[piece].set(bytes, this.#at);
    this.#piece[chunk] = piece;
    this.#from[chunk] = this.#at;
    this.#length[chunk] = length;
    this.#at += length;
    this.#bytes += length;
  }

  #grow(): void {
    this.#next = grown(this.#next);
    this.#minT = grown(this.#minT);
    this.#maxT = grown(this.#maxT);
    this.#rank = grown(this.#rank);
    this.#encoding = grown(this.#encoding);
    this.#piece = grown(this.#piece);
    this.#from = grown(this.#from);
    this.#length = grown(this.#length);
  }

  has(series: number): boolean {
    return this.#first[series] !== NONE;
  }

  /** The chunks of a series, sorted and disjoint. */
  chunksOf(series: number): readonly Chunk[] {
    const found: RankedChunk[] = [];
    for (let chunk = this.#first[series]; chunk !== NONE; chunk = this.#next[chunk]) {
      const from = this.#from[chunk];
      found.push({
        minT: this.#minT[chunk],
        maxT: this.#maxT[chunk],
        encoding: this.#encoding[chunk],
        bytes: this.#pieces[this.#piece[chunk]].subarray(from, from + this.#length[chunk]),
        rank: this.#rank[chunk],
      });
    }
    return disjointChunks(found);
  }
}
