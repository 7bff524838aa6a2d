// Keys and values of a head's rows; libs/head/FORMAT.md describes them. Numbers in keys are big endian,
// so that ranges are contiguous; numbers in values are little endian.
import { WeirError } from '@weir/errors';
import { PAGE_SLOTS, type Page } from '../pages/pages.ts';
import type { ClosedEntry } from '../series/closed-log.ts';

export const FORMAT_VERSION = 13;

export const COMMIT_KEY = Uint8Array.of(0x41);
export const BEGIN_KEY = Uint8Array.of(0x42);
export const PAGES_KEY = Uint8Array.of(0x50);
export const CHUNKS = 0x43;
export const DISCARDS = 0x44;
export const EXEMPLARS = 0x45;
export const HISTOGRAMS = 0x48;
export const METADATA = 0x4d;
export const METRICS = 0x4e;
export const TENANT = 0x54;

export function key(kind: number, ...numbers: number[]): Uint8Array {
  const out = new Uint8Array(1 + numbers.length * 4);
  out[0] = kind;
  for (const [index, number] of numbers.entries()) {
    const at = 1 + index * 4;
    out[at] = number >>> 24;
    out[at + 1] = number >>> 16;
    out[at + 2] = number >>> 8;
    out[at + 3] = number;
  }
  return out;
}

export function keyNumber(bytes: Uint8Array, index: number): number {
  const at = 1 + index * 4;
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** A window's index in a key: biased, so that negative ones sort first. */
export function keyWindow(window: number): number {
  return window + 0x80000000;
}

/** Ranges of chunk rows: of a window's generations, or of some pages of one metric in one of them. */
export function chunkRange(
  tenant: number,
  window: number,
  generation: number,
  ...rest: number[]
): Uint8Array {
  return key(CHUNKS, tenant, keyWindow(window), generation, ...rest);
}

export function chunkKey(
  page: Page,
  window: number,
  generation: number,
  epoch: number,
): Uint8Array {
  return chunkRange(page.metric.tenant, window, generation, page.metric.id, page.id, epoch);
}

/** Bytes of a chunk row's entry before the chunk. */
const CHUNK_HEADER = 12;
/** Its first word: slot (6 bits), out of order (1), encoding (2 low bits), bytes of the chunk (22), encoding (high bit). */
const OUT_OF_ORDER = 64;
const ENCODING_SHIFT = 7;
const ENCODING_HIGH_SHIFT = 31;
const SIZE_SHIFT = 9;
const SIZE_MASK = (1 << 22) - 1;
const NO_ROW = new Uint8Array(0);

export function chunkEntrySize(chunkBytes: number): number {
  return CHUNK_HEADER + chunkBytes;
}

/** An entry of a chunk row. Most that are read are not wanted, so their bytes are looked for when they are asked for. */
export class ChunkEntry {
  slot = 0;
  outOfOrder = false;
  encoding = 0;
  minRel = 0;
  maxRel = 0;
  row: Uint8Array = NO_ROW;
  from = 0;
  end = 0;

  /** A view of the row. */
  get bytes(): Uint8Array {
    return this.row.subarray(this.from, this.end);
  }
}

/** Writes a closed chunk at `at` and returns the end; `view` views `out`. */
export function writeChunkEntry(
  out: Uint8Array,
  view: DataView,
  at: number,
  { pageSlot, outOfOrder, encoding, minRel, maxRel, bytes }: ClosedEntry,
): number {
  const slot = pageSlot & (PAGE_SLOTS - 1);
  const kind = slot | (outOfOrder ? OUT_OF_ORDER : 0) | ((encoding & 3) << ENCODING_SHIFT);
  const high = (encoding >>> 2) << ENCODING_HIGH_SHIFT;
  view.setInt32(at, kind | (bytes.length << SIZE_SHIFT) | high, true);
  view.setInt32(at + 4, minRel, true);
  view.setInt32(at + 8, maxRel, true);
  out.set(bytes, at + CHUNK_HEADER);
  return at + CHUNK_HEADER + bytes.length;
}

/** Calls `each` with the entries of a chunk row; the object is reused. */
export function readChunkEntries(row: Uint8Array, each: (entry: ChunkEntry) => void): void {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  eachChunkEntry(row, view, 0, row.length, new ChunkEntry(), each);
}

/** As readChunkEntries(), of a row that is [from, to) of `bytes`, which `view` views. */
export function eachChunkEntry(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  to: number,
  entry: ChunkEntry,
  each: (entry: ChunkEntry) => void,
): void {
  entry.row = bytes;
  for (let at = from; at < to; ) {
    if (at + CHUNK_HEADER > to) throw damaged('chunk');
    const head = view.getUint32(at, true);
    const size = (head >>> SIZE_SHIFT) & SIZE_MASK;
    entry.slot = head & (PAGE_SLOTS - 1);
    entry.outOfOrder = (head & OUT_OF_ORDER) !== 0;
    entry.encoding = ((head >>> ENCODING_SHIFT) & 3) | ((head >>> ENCODING_HIGH_SHIFT) << 2);
    entry.minRel = view.getInt32(at + 4, true);
    entry.maxRel = view.getInt32(at + 8, true);
    at += CHUNK_HEADER;
    if (at + size > to) throw damaged('chunk');
    entry.from = at;
    at += size;
    entry.end = at;
    each(entry);
  }
}

function damaged(kind: string): WeirError {
  return new WeirError('corrupt', `head store: damaged ${kind} row`);
}

export function rowEpoch(row: Uint8Array): number {
  if (row.length < 4) throw damaged('versioned');
  return (row[0] | (row[1] << 8) | (row[2] << 16) | (row[3] << 24)) >>> 0;
}
