// Keys and values of a head's rows; libs/head/FORMAT.md describes them. Numbers in keys are big endian,
// so that ranges are contiguous; numbers in values are little endian.
import { WeirError } from '@weir/errors';
import { PAGE_SLOTS, type Page } from '../pages/pages.ts';
import {
  C,
  COLD_BITS,
  R,
  RAW_MAX,
  RECORD_BITS,
  SLAB_BITS,
  SLAB_MASK,
} from '../series/series-store.ts';
import type { HeadState } from '../state.ts';

export const FORMAT_VERSION = 1;

export const COMMIT_KEY = Uint8Array.of(0x41);
export const BEGIN_KEY = Uint8Array.of(0x42);
export const CHUNKS = 0x43;
export const LABELS = 0x4c;
export const METADATA = 0x4d;
export const OPEN = 0x4f;
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

export function chunkEntrySize(chunkBytes: number): number {
  return CHUNK_HEADER + chunkBytes;
}

export interface ChunkEntry {
  slot: number;
  outOfOrder: boolean;
  minRel: number;
  maxRel: number;
  bytes: Uint8Array;
}

export function writeChunkEntry(out: Uint8Array, at: number, entry: ChunkEntry): number {
  const view = new DataView(out.buffer, out.byteOffset);
  out[at] = entry.slot;
  out[at + 1] = entry.outOfOrder ? 1 : 0;
  view.setUint16(at + 2, entry.bytes.length, true);
  view.setInt32(at + 4, entry.minRel, true);
  view.setInt32(at + 8, entry.maxRel, true);
  out.set(entry.bytes, at + CHUNK_HEADER);
  return at + CHUNK_HEADER + entry.bytes.length;
}

/** Calls `each` with the entries of a chunk row; the object is reused, its bytes view the row. */
export function readChunkEntries(row: Uint8Array, each: (entry: ChunkEntry) => void): void {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  const entry = { slot: 0, outOfOrder: false, minRel: 0, maxRel: 0, bytes: row };
  for (let at = 0; at < row.length; ) {
    if (at + CHUNK_HEADER > row.length) throw damaged('chunk');
    const size = view.getUint16(at + 2, true);
    entry.slot = row[at];
    entry.outOfOrder = row[at + 1] === 1;
    entry.minRel = view.getInt32(at + 4, true);
    entry.maxRel = view.getInt32(at + 8, true);
    at += CHUNK_HEADER;
    if (at + size > row.length) throw damaged('chunk');
    entry.bytes = row.subarray(at, at + size);
    at += size;
    each(entry);
  }
}

function damaged(kind: string): WeirError {
  return new WeirError('corrupt', `head store: damaged ${kind} row`);
}

/** Epoch, metric, tenant; then per series its slot and labels, each as u32 length-prefixed bytes. */
export function encodeLabelsRow(state: HeadState, page: Page, epoch: number): Uint8Array {
  const { store } = state;
  let size = 12;
  for (const ref of page.refs) if (ref > 0) size += 8 + store.labelsLength(ref - 1);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  view.setUint32(0, epoch, true);
  view.setUint32(4, page.metric.id, true);
  view.setUint32(8, page.metric.tenant, true);
  let at = 12;
  for (const [slot, ref] of page.refs.entries()) {
    if (ref <= 0) continue;
    const labels = store.labelsOf(ref - 1);
    view.setUint32(at, slot, true);
    view.setUint32(at + 4, labels.length, true);
    out.set(labels, at + 8);
    at += 8 + labels.length;
  }
  return out;
}

/** A cursor over a labels row. */
export class LabelsRow {
  readonly view: DataView;
  readonly metric: number;
  readonly tenant: number;
  slot = 0;
  /** Where the labels of the current series lie. */
  from = 12;
  length = 0;

  constructor(row: Uint8Array) {
    if (row.length < 12) throw damaged('labels');
    this.view = new DataView(row.buffer, row.byteOffset, row.length);
    this.metric = this.view.getUint32(4, true);
    this.tenant = this.view.getUint32(8, true);
  }

  /** Goes to the next series; false at the end. */
  next(): boolean {
    const at = this.from + this.length;
    const size = this.view.byteLength;
    if (at === size) return false;
    if (at + 8 > size) throw damaged('labels');
    this.slot = this.view.getUint32(at, true);
    this.length = this.view.getUint32(at + 4, true);
    this.from = at + 8;
    if (this.from + this.length > size || this.slot >= PAGE_SLOTS) throw damaged('labels');
    return true;
  }
}

export function rowEpoch(row: Uint8Array): number {
  if (row.length < 4) throw damaged('versioned');
  return (row[0] | (row[1] << 8) | (row[2] << 16) | (row[3] << 24)) >>> 0;
}

const OPEN_FIELDS = [
  R.window,
  R.last,
  R.packed,
  R.time,
  R.delta,
  R.high,
  R.low,
  R.word,
  R.min,
] as const;
const scratch = new Int32Array(1 << 20);
const wordScratch = new Int32Array(2048);

/**
 * Epoch, count of series, count of series with out-of-order samples; then the series: slot, number of
 * words, window bits, OPEN_FIELDS, words, raw times, raw value bits; then slot, count, samples.
 */
export function encodeOpenRow(state: HeadState, page: Page, epoch: number): Uint8Array {
  const { store } = state;
  let at = 3;
  let series = 0;
  const late: [slot: number, ref: number][] = [];
  for (let slot = 0; slot < page.refs.length; slot++) {
    const ref = page.refs[slot] - 1;
    if (ref < 0) continue;
    series++;
    const record = store.records[ref >>> SLAB_BITS];
    const recordAt = (ref & SLAB_MASK) << RECORD_BITS;
    const cold = store.cold[ref >>> SLAB_BITS];
    const coldAt = (ref & SLAB_MASK) << COLD_BITS;
    const words = store.blocks.copy(
      record[recordAt + R.first],
      record[recordAt + R.tail],
      wordScratch,
    );
    scratch[at++] = slot;
    scratch[at++] = words;
    scratch[at++] = cold[coldAt + C.windows];
    for (const field of OPEN_FIELDS) scratch[at++] = record[recordAt + field];
    for (let word = 0; word < words; word++) scratch[at++] = wordScratch[word];
    const raw = record[recordAt + R.packed] & 15;
    const rawAt = (ref & SLAB_MASK) * RAW_MAX;
    const times = store.rawTimes[ref >>> SLAB_BITS];
    const bits = store.rawBits[ref >>> SLAB_BITS];
    for (let index = 0; index < raw; index++) scratch[at++] = times[rawAt + index];
    for (let index = 0; index < raw * 2; index++) scratch[at++] = bits[2 * rawAt + index];
    if (cold[coldAt + C.outOfOrder] !== 0) late.push([slot, ref]);
  }
  scratch[0] = epoch;
  scratch[1] = series;
  scratch[2] = late.length;
  for (const [slot, ref] of late) at = writeLate(state, slot, ref, at);
  return new Uint8Array(scratch.slice(0, at).buffer);
}

const double = new Float64Array(1);
const doubleInts = new Int32Array(double.buffer);

function writeLate(state: HeadState, slot: number, ref: number, start: number): number {
  const waiting = state.appender.outOfOrder.bySeries.get(ref);
  let at = start;
  scratch[at++] = slot;
  scratch[at++] = waiting?.times.length ?? 0;
  for (const [index, t] of waiting?.times.entries() ?? []) {
    double[0] = t;
    scratch[at++] = doubleInts[0];
    scratch[at++] = doubleInts[1];
    scratch[at++] = waiting!.low[index];
    scratch[at++] = waiting!.high[index];
  }
  return at;
}

/** Puts a page's row back into the records of its series, which exist already. */
export function restoreOpenRow(state: HeadState, page: Page, row: Uint8Array): void {
  if (row.length < 12 || row.length % 4 !== 0) throw damaged('open chunks');
  const ints = new Int32Array(row.slice().buffer, 0, row.length / 4);
  const { store } = state;
  const words = new Uint32Array(2048);
  let at = 3;
  for (let series = 0; series < ints[1]; series++) {
    const ref = page.refs[ints[at++]] - 1;
    const count = ints[at++];
    if (!(ref >= 0) || count > words.length) throw damaged('open chunks');
    const record = store.records[ref >>> SLAB_BITS];
    const recordAt = (ref & SLAB_MASK) << RECORD_BITS;
    store.setCold(ref, C.windows, ints[at++]);
    for (const field of OPEN_FIELDS) record[recordAt + field] = ints[at++];
    for (let word = 0; word < count; word++) words[word] = ints[at++];
    if (count > 0) {
      record[recordAt + R.tail] = store.blocks.append(0, words, count, record, recordAt + R.first);
    }
    const raw = record[recordAt + R.packed] & 15;
    const rawAt = (ref & SLAB_MASK) * RAW_MAX;
    const slab = ref >>> SLAB_BITS;
    for (let index = 0; index < raw; index++) store.rawTimes[slab][rawAt + index] = ints[at++];
    for (let index = 0; index < raw * 2; index++)
      store.rawBits[slab][2 * rawAt + index] = ints[at++];
  }
  for (let late = 0; late < ints[2]; late++) {
    const ref = page.refs[ints[at++]] - 1;
    store.setCold(ref, C.outOfOrder, 1);
    for (let left = ints[at++]; left > 0; left--) {
      doubleInts[0] = ints[at++];
      doubleInts[1] = ints[at++];
      state.appender.outOfOrder.add(ref, double[0], ints[at++], ints[at++]);
    }
  }
}

export function isEmptyOpenRow(row: Uint8Array): boolean {
  return row.length >= 8 && row.subarray(4, 8).every((byte) => byte === 0);
}
