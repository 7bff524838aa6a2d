// Keys and values of a head's rows; libs/head/FORMAT.md describes them. Numbers in keys are big endian,
// so that ranges are contiguous; numbers in values are little endian.
import { WeirError } from '@weir/errors';
import { PAGE_SLOTS, type Page } from '../pages/pages.ts';
import type { ClosedEntry } from '../series/closed-log.ts';
import {
  C,
  COLD_BITS,
  R,
  RAW_MAX,
  RECORD_BITS,
  type SeriesStore,
  SLAB_BITS,
  SLAB_MASK,
} from '../series/series-store.ts';
import type { HeadState } from '../state.ts';

export const FORMAT_VERSION = 11;

export const COMMIT_KEY = Uint8Array.of(0x41);
export const BEGIN_KEY = Uint8Array.of(0x42);
export const PAGES_KEY = Uint8Array.of(0x50);
export const CHUNKS = 0x43;
export const DISCARDS = 0x44;
export const EXEMPLARS = 0x45;
export const HISTOGRAMS = 0x48;
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
/** Its first word: slot (6 bits), out of order (1), encoding (2), bytes of the chunk (23). */
const OUT_OF_ORDER = 64;
const ENCODING_SHIFT = 7;
const SIZE_UNIT = 512;

export function chunkEntrySize(chunkBytes: number): number {
  return CHUNK_HEADER + chunkBytes;
}

export interface ChunkEntry {
  slot: number;
  outOfOrder: boolean;
  encoding: number;
  minRel: number;
  maxRel: number;
  bytes: Uint8Array;
}

/** Writes a closed chunk at `at` and returns the end; `view` views `out`. */
export function writeChunkEntry(
  out: Uint8Array,
  view: DataView,
  at: number,
  { pageSlot, outOfOrder, encoding, minRel, maxRel, bytes }: ClosedEntry,
): number {
  const slot = pageSlot & (PAGE_SLOTS - 1);
  const kind = slot | (outOfOrder ? OUT_OF_ORDER : 0) | (encoding << ENCODING_SHIFT);
  view.setUint32(at, kind + bytes.length * SIZE_UNIT, true);
  view.setInt32(at + 4, minRel, true);
  view.setInt32(at + 8, maxRel, true);
  out.set(bytes, at + CHUNK_HEADER);
  return at + CHUNK_HEADER + bytes.length;
}

/** Calls `each` with the entries of a chunk row; the object is reused, its bytes view the row. */
export function readChunkEntries(row: Uint8Array, each: (entry: ChunkEntry) => void): void {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  const entry = { slot: 0, outOfOrder: false, encoding: 0, minRel: 0, maxRel: 0, bytes: row };
  for (let at = 0; at < row.length; ) {
    if (at + CHUNK_HEADER > row.length) throw damaged('chunk');
    const head = view.getUint32(at, true);
    const size = Math.floor(head / SIZE_UNIT);
    entry.slot = head & (PAGE_SLOTS - 1);
    entry.outOfOrder = (head & OUT_OF_ORDER) !== 0;
    entry.encoding = (head >>> ENCODING_SHIFT) & 3;
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

/**
 * Epoch, count of series, count of series with out-of-order samples; then the series: slot, number of
 * words, window bits, minute of activity, OPEN_FIELDS, words, raw times, raw value bits; then slot, count,
 * samples.
 * A view of memory that the next call writes over.
 */
export function encodeOpenRow(state: HeadState, page: Page, epoch: number): Int32Array {
  const { store } = state;
  const { refs } = page;
  fetchOpenChunks(store, refs);
  let at = 3;
  let series = 0;
  let late: [slot: number, ref: number][] | undefined;
  for (let slot = 0; slot < refs.length; slot++) {
    const ref = refs[slot] - 1;
    if (ref < 0) continue;
    series++;
    scratch[at] = slot;
    scratch[at + 3] = state.activity.minutes[ref];
    at = writeOpen(store, ref, at);
    if (store.getCold(ref, C.outOfOrder) === 0) continue;
    late ??= [];
    late.push([slot, ref]);
  }
  scratch[0] = epoch;
  scratch[1] = series;
  scratch[2] = late?.length ?? 0;
  for (const [slot, ref] of late ?? []) at = writeLate(state, slot, ref, at);
  return scratch.subarray(0, at);
}

const chains = new Int32Array(PAGE_SLOTS);

/**
 * Reads a word of all that the open chunks of a page lie in. Its series are far from each other in
 * memory: one by one each would wait for memory some eight times, this way the waits overlap.
 */
function fetchOpenChunks(store: SeriesStore, refs: Int32Array): number {
  let sum = 0;
  for (let slot = 0; slot < refs.length; slot++) {
    const ref = refs[slot] - 1;
    chains[slot] = 0;
    if (ref < 0) continue;
    const slab = ref >>> SLAB_BITS;
    const index = ref & SLAB_MASK;
    const record = store.records[slab];
    chains[slot] = record[(index << RECORD_BITS) + R.tail] >>> 4;
    sum += store.cold[slab][index << COLD_BITS] + store.rawTimes[slab][index * RAW_MAX];
    sum += store.rawBits[slab][index * RAW_MAX * 2];
  }
  for (let slot = 0; slot < refs.length; slot++) {
    if (chains[slot] === 0) continue;
    const ref = refs[slot] - 1;
    const record = store.records[ref >>> SLAB_BITS];
    const first = record[((ref & SLAB_MASK) << RECORD_BITS) + R.first];
    if (first === chains[slot]) chains[slot] = 0;
    else chains[slot] = first;
  }
  for (let isLeft = true; isLeft; ) {
    isLeft = false;
    for (let slot = 0; slot < refs.length; slot++) {
      if (chains[slot] === 0) continue;
      const ref = refs[slot] - 1;
      const record = store.records[ref >>> SLAB_BITS];
      const last = record[((ref & SLAB_MASK) << RECORD_BITS) + R.tail] >>> 4;
      const next = store.blocks.next(chains[slot]);
      chains[slot] = next === last ? 0 : next;
      if (next === last) sum += store.blocks.next(next);
      else isLeft = true;
    }
  }
  return sum;
}

/** Writes a series around its slot and its minute of activity, which stand at `start`; returns the end. */
function writeOpen(store: SeriesStore, ref: number, start: number): number {
  const slab = ref >>> SLAB_BITS;
  const index = ref & SLAB_MASK;
  const record = store.records[slab];
  const recordAt = index << RECORD_BITS;
  const packed = record[recordAt + R.packed];
  let at = start + 4;
  scratch[start + 2] = store.cold[slab][(index << COLD_BITS) + C.windows];
  scratch[at++] = record[recordAt + R.window];
  scratch[at++] = record[recordAt + R.last];
  scratch[at++] = packed;
  scratch[at++] = record[recordAt + R.time];
  scratch[at++] = record[recordAt + R.delta];
  scratch[at++] = record[recordAt + R.high];
  scratch[at++] = record[recordAt + R.low];
  scratch[at++] = record[recordAt + R.word];
  scratch[at++] = record[recordAt + R.min];
  const words = store.blocks.copy(
    record[recordAt + R.first],
    record[recordAt + R.tail],
    scratch,
    at,
  );
  scratch[start + 1] = words;
  at += words;
  const raw = packed & 15;
  const rawAt = index * RAW_MAX;
  const times = store.rawTimes[slab];
  const bits = store.rawBits[slab];
  for (let sample = 0; sample < raw; sample++) scratch[at++] = times[rawAt + sample];
  for (let word = 0; word < raw * 2; word++) scratch[at++] = bits[2 * rawAt + word];
  return at;
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

const restoredWords = new Uint32Array(2048);

/** Puts a page's row back into the records of its series, which exist already. */
export function restoreOpenRow(state: HeadState, page: Page, row: Uint8Array): void {
  if (row.length < 12 || row.length % 4 !== 0) throw damaged('open chunks');
  // A view where the row is aligned; else a copy.
  const isAligned = row.byteOffset % 4 === 0;
  const { buffer, byteOffset } = isAligned ? row : row.slice();
  const ints = new Int32Array(buffer, byteOffset, row.length / 4);
  const { store } = state;
  const words = restoredWords;
  let at = 3;
  for (let series = 0; series < ints[1]; series++) {
    const ref = page.refs[ints[at++]] - 1;
    const count = ints[at++];
    if (!(ref >= 0) || count > words.length) throw damaged('open chunks');
    const record = store.records[ref >>> SLAB_BITS];
    const recordAt = (ref & SLAB_MASK) << RECORD_BITS;
    store.setCold(ref, C.windows, ints[at++]);
    state.activity.restore(state.tenants[page.metric.tenant], ref, ints[at++]);
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
