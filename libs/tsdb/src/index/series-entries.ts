// Series entries of an index, decoded into columns: canonical label bytes, and per chunk its time range
// and reference. One arena for the labels of a whole read, no object per label or chunk.
import { type Cursor, crc32c, grown, readUvarint, uvarintSize, writeUvarint } from '@weir/bytes';
import type { LabelBytes } from '@weir/model';
import { CRC_SIZE, corruptAt, INDEX_FILE } from './format.ts';
import { decoding } from './sections.ts';
import type { Symbols } from './symbols.ts';

export class SeriesEntries {
  readonly count: number;
  /** Chunks of series n are [chunkEnds[n - 1], chunkEnds[n]). */
  readonly chunkEnds: Uint32Array;
  readonly minT: Float64Array;
  readonly maxT: Float64Array;
  readonly refs: Float64Array;
  readonly #arena: Uint8Array;
  readonly #labelEnds: Uint32Array;

  constructor(columns: {
    arena: Uint8Array;
    labelEnds: Uint32Array;
    chunkEnds: Uint32Array;
    minT: Float64Array;
    maxT: Float64Array;
    refs: Float64Array;
  }) {
    this.count = columns.labelEnds.length;
    this.chunkEnds = columns.chunkEnds;
    this.minT = columns.minT;
    this.maxT = columns.maxT;
    this.refs = columns.refs;
    this.#arena = columns.arena;
    this.#labelEnds = columns.labelEnds;
  }

  /** Bytes of memory, with the arena's room. */
  get sizeBytes(): number {
    const columns = 4 * this.count + 4 * this.chunkEnds.length + 3 * 8 * this.refs.length;
    return this.#arena.buffer.byteLength + columns;
  }

  labels(series: number): LabelBytes {
    const from = series === 0 ? 0 : this.#labelEnds[series - 1]!;
    return this.#arena.subarray(from, this.#labelEnds[series]!);
  }

  chunksFrom(series: number): number {
    return series === 0 ? 0 : this.chunkEnds[series - 1]!;
  }
}

export class SeriesDecoder {
  readonly #symbols: Symbols;
  #arena = new Uint8Array(1 << 16);
  #at = 0;
  #labelEnds: number[] = [];
  #chunkEnds: number[] = [];
  #minT: number[] = [];
  #maxT: number[] = [];
  #refs: number[] = [];
  #cursor: Cursor = { at: 0 };
  /** Of the last entry's labels: their names and values as symbols, and where each ends. */
  #last = new Uint32Array(64);
  #lastEnds = new Uint32Array(32);
  #lastCount = 0;
  #lastFrom = 0;

  constructor(symbols: Symbols) {
    this.#symbols = symbols;
  }

  /**
   * Decodes the entry at bytes[at]. Returns 0, or if the buffer ends before the entry does, how many
   * bytes the entry has; nothing is added then.
   */
  add(bytes: Uint8Array, at: number, fileOffset: number): number {
    return decoding(INDEX_FILE, fileOffset, () => {
      const cursor = this.#cursor;
      cursor.at = at;
      const size = readUvarint(bytes, cursor, bytes.length);
      const end = cursor.at + size;
      if (end + CRC_SIZE > bytes.length) return end + CRC_SIZE - at;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (view.getUint32(end) !== crc32c(bytes, cursor.at, end)) {
        throw corruptAt(INDEX_FILE, fileOffset, 'checksum of a series entry differs');
      }
      this.#addLabels(bytes, end, fileOffset);
      this.#addChunks(bytes, end, fileOffset);
      return 0;
    });
  }

  finish(): SeriesEntries {
    return new SeriesEntries({
      arena: this.#arena.subarray(0, this.#at),
      labelEnds: Uint32Array.from(this.#labelEnds),
      chunkEnds: Uint32Array.from(this.#chunkEnds),
      minT: Float64Array.from(this.#minT),
      maxT: Float64Array.from(this.#maxT),
      refs: Float64Array.from(this.#refs),
    });
  }

  #addLabels(bytes: Uint8Array, end: number, fileOffset: number): void {
    const { count: symbolCount, starts, ends } = this.#symbols;
    const count = readUvarint(bytes, this.#cursor, end);
    const from = this.#at;
    let at = from;
    // Neighbours begin alike: labels that they have in common are copied at once.
    let isShared = true;
    if (count * 2 > bytes.length) throw corruptAt(INDEX_FILE, fileOffset, 'too many labels');
    while (this.#lastEnds.length < count) this.#growLast();
    for (let label = 0; label < count; label++) {
      const name = readUvarint(bytes, this.#cursor, end);
      const value = readUvarint(bytes, this.#cursor, end);
      if (name >= symbolCount || value >= symbolCount) {
        throw corruptAt(INDEX_FILE, fileOffset, 'a label of a series is not in the symbol table');
      }
      const isSame =
        label < this.#lastCount &&
        this.#last[2 * label] === name &&
        this.#last[2 * label + 1] === value;
      if (isShared && isSame) continue;
      if (isShared) {
        isShared = false;
        at = this.#putShared(label, from);
      }
      const nameSize = ends[name]! - starts[name]!;
      const valueSize = ends[value]! - starts[value]!;
      if (valueSize > 0) {
        this.#reserve(at, nameSize + valueSize + 24);
        at = this.#putLabel(at, starts[name]!, nameSize, starts[value]!, valueSize);
      }
      this.#last[2 * label] = name;
      this.#last[2 * label + 1] = value;
      this.#lastEnds[label] = at - from;
    }
    if (isShared) at = this.#putShared(count, from);
    this.#lastCount = count;
    this.#lastFrom = from;
    this.#at = at;
    this.#labelEnds.push(at);
  }

  /** The first labels of the last entry, once more. */
  #putShared(labels: number, at: number): number {
    const size = labels === 0 ? 0 : this.#lastEnds[labels - 1]!;
    this.#reserve(at, size);
    this.#arena.copyWithin(at, this.#lastFrom, this.#lastFrom + size);
    return at + size;
  }

  #growLast(): void {
    this.#last = grown(this.#last);
    this.#lastEnds = grown(this.#lastEnds);
  }

  /** Canonical form (libs/model): the label as remote write carries it. */
  #putLabel(
    start: number,
    name: number,
    nameSize: number,
    value: number,
    valueSize: number,
  ): number {
    const arena = this.#arena;
    let at = start;
    arena[at++] = 0x0a;
    const inner = 2 + uvarintSize(nameSize) + nameSize + uvarintSize(valueSize) + valueSize;
    at = writeUvarint(arena, at, inner);
    arena[at++] = 0x0a;
    at = this.#putSymbol(writeUvarint(arena, at, nameSize), name, nameSize);
    arena[at++] = 0x12;
    return this.#putSymbol(writeUvarint(arena, at, valueSize), value, valueSize);
  }

  /** Byte by byte: for label-sized pieces this beats making a view to copy from. */
  #putSymbol(at: number, from: number, size: number): number {
    const source = this.#symbols.bytes;
    const arena = this.#arena;
    for (let index = 0; index < size; index++) arena[at + index] = source[from + index]!;
    return at + size;
  }

  #addChunks(bytes: Uint8Array, end: number, fileOffset: number): void {
    const cursor = this.#cursor;
    const count = readUvarint(bytes, cursor, end);
    let lastT = 0;
    let ref = 0;
    for (let chunk = 0; chunk < count; chunk++) {
      const minT =
        chunk === 0 ? readVarint(bytes, cursor, end) : lastT + readUvarint(bytes, cursor, end);
      const maxT = minT + readUvarint(bytes, cursor, end);
      ref = chunk === 0 ? readUvarint(bytes, cursor, end) : ref + readVarint(bytes, cursor, end);
      if (!Number.isSafeInteger(maxT) || ref < 0 || !Number.isSafeInteger(ref)) {
        throw corruptAt(INDEX_FILE, fileOffset, 'a chunk of a series is out of range');
      }
      this.#minT.push(minT);
      this.#maxT.push(maxT);
      this.#refs.push(ref);
      lastT = maxT;
    }
    if (cursor.at !== end)
      throw corruptAt(INDEX_FILE, fileOffset, 'series entry has left-over bytes');
    this.#chunkEnds.push(this.#refs.length);
  }

  #reserve(at: number, size: number): void {
    if (at + size <= this.#arena.length) return;
    const larger = new Uint8Array(Math.max(at + size, this.#arena.length * 2));
    larger.set(this.#arena.subarray(0, at));
    this.#arena = larger;
  }
}

/** Go's zigzag varint (encoding/binary), exact for integers within ±2^52. */
function readVarint(bytes: Uint8Array, cursor: Cursor, end: number): number {
  const value = readUvarint(bytes, cursor, end);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
