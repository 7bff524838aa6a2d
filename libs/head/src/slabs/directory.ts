// The committed directory of slabs of one kind: which extent holds each, how many of its bytes, and their
// checksum, 1024 slabs a row (FORMAT.md). A checksum here also tells of a write that the disk lost: the
// extent holds older bytes then. Little-endian machines only: rows are this memory as it is.
import { WeirError } from '@weir/errors';
import type { SlabFile } from '../head.ts';
import { key, keyNumber } from '../store/rows.ts';
import { EXTENT_BYTES, EXTENTS_MAX, type Extents } from './extents.ts';

/** First byte of a directory row's key; the kind and the row's number follow. */
export const DIRECTORY = 0x53;
const KEY_BYTES = 9;
const ROW_SLABS = 1024;
const ENTRY_WORDS = 3;
const ENTRY_BYTES = ENTRY_WORDS * 4;
/** No head has so many of one kind. */
const SLABS_MAX = 1 << 20;

export interface Slab {
  readonly extent: number;
  /** Bytes from the extent's start; at least one. */
  readonly used: number;
  /** CRC-32 (zlib's) of these. */
  readonly crc: number;
}

/** Of a directory row's key. Throws `corrupt`. */
export function directoryKind(rowKey: Uint8Array, kinds: number): number {
  const kind = rowKey.length === KEY_BYTES ? keyNumber(rowKey, 0) : kinds;
  if (rowKey[0] !== DIRECTORY || kind >= kinds) throw nonsense('a key');
  return kind;
}

export class Directory {
  readonly kind: number;
  readonly file: SlabFile;
  /** By slab: its extent + 1 (0: there is none), used bytes, checksum. */
  #words = new Uint32Array(0);
  #end = 0;

  constructor(kind: number, file: SlabFile) {
    this.kind = kind;
    this.file = file;
  }

  /** The highest slab's number + 1. */
  get end(): number {
    return this.#end;
  }

  /** 0: there is none. */
  used(number: number): number {
    return number < this.end ? this.#words[number * ENTRY_WORDS + 1] : 0;
  }

  get(number: number): Slab | undefined {
    const at = number * ENTRY_WORDS;
    if (number >= this.end || this.#words[at] === 0) return undefined;
    return { extent: this.#words[at] - 1, used: this.#words[at + 1], crc: this.#words[at + 2] };
  }

  /** Takes a row and the extents it names. Throws `corrupt` where it can't be one, or an extent is not free. */
  readRow(rowKey: Uint8Array, value: Uint8Array, extents?: Extents): void {
    const from = keyNumber(rowKey, 1) * ROW_SLABS;
    const slabs = value.length / ENTRY_BYTES;
    if (!Number.isInteger(slabs) || slabs > ROW_SLABS) throw nonsense('a length');
    if (from + slabs > SLABS_MAX) throw nonsense('a number');
    const words = new Uint32Array(Uint8Array.from(value).buffer);
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const slab = { extent: words[at] - 1, used: words[at + 1], crc: words[at + 2] };
      if (slab.extent < 0) {
        if (slab.used + slab.crc !== 0) throw nonsense('no slab');
        continue;
      }
      if (slab.used === 0 || slab.used > EXTENT_BYTES[this.file]) throw nonsense('a size');
      if (slab.extent >= EXTENTS_MAX) throw nonsense('an extent');
      if (extents?.claim(slab.extent) === false) throw nonsense('an extent twice');
      this.#set(from + at / ENTRY_WORDS, slab);
    }
  }

  /** The rows that differ with these changes. */
  rows(changes: ReadonlyMap<number, Slab | undefined>): [Uint8Array, Uint8Array][] {
    const rows = new Map<number, Uint32Array>();
    for (const [number, slab] of changes) {
      const row = Math.floor(number / ROW_SLABS);
      let words = rows.get(row);
      if (words === undefined) {
        const from = row * ROW_SLABS * ENTRY_WORDS;
        words = new Uint32Array(ROW_SLABS * ENTRY_WORDS);
        words.set(this.#words.subarray(from, from + words.length));
        rows.set(row, words);
      }
      put(words, (number % ROW_SLABS) * ENTRY_WORDS, slab);
    }
    return [...rows].map(([row, words]) => {
      let end = words.length;
      while (end > 0 && words[end - ENTRY_WORDS] === 0) end -= ENTRY_WORDS;
      return [key(DIRECTORY, this.kind, row), new Uint8Array(words.buffer, 0, end * 4)];
    });
  }

  /** Returns the extents that the slabs had before. */
  commit(changes: ReadonlyMap<number, Slab | undefined>): number[] {
    const before: number[] = [];
    for (const [number, slab] of changes) {
      const old = this.get(number);
      if (old !== undefined) before.push(old.extent);
      this.#set(number, slab);
    }
    while (this.end > 0 && this.used(this.end - 1) === 0) this.#end--;
    return before;
  }

  #set(number: number, slab: Slab | undefined): void {
    const length = (number + 1) * ENTRY_WORDS;
    if (length > this.#words.length) {
      if (slab === undefined) return;
      const words = new Uint32Array(Math.max(length, this.#words.length * 2));
      words.set(this.#words);
      this.#words = words;
    }
    put(this.#words, number * ENTRY_WORDS, slab);
    if (slab !== undefined) this.#end = Math.max(this.end, number + 1);
  }
}

function put(words: Uint32Array, at: number, slab: Slab | undefined): void {
  words[at] = slab === undefined ? 0 : slab.extent + 1;
  words[at + 1] = slab?.used ?? 0;
  words[at + 2] = slab?.crc ?? 0;
}

function nonsense(what: string): WeirError {
  return new WeirError('corrupt', `head store: the directory of slabs has ${what} that can't be`);
}
