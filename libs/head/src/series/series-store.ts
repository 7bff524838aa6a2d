// The series of a partition as typed arrays: one 64-byte record each, a cold record beside it, a block
// of eight raw samples, label bytes in an arena, and one hash table for all tenants. Refs are dense,
// start at 0 and are reused; 256 of them are a group, whose memory lies on disk as it is (FORMAT.md), so who
// changes a series calls touch() first. Nothing here knows what a sample's time means; see series/append.ts.
import { grown } from '@weir/bytes';
import { SeriesMemo } from '@weir/model';
import { PAGE_BITS } from '../pages/pages.ts';
import { ByteArena } from './byte-arena.ts';
import { ChunkBlocks } from './chunk-blocks.ts';
import { ClosedLog } from './closed-log.ts';
import { hashView } from './hash-view.ts';
import { PairRuns } from './pair-runs.ts';
import { DIRTY, PENDING, PREPARED, type SlabWatcher } from './slab-flags.ts';

export const SLAB_BITS = 8;
export const SLAB_MASK = (1 << SLAB_BITS) - 1;
export const RAW_MAX = 8;

/** Ints of a record. */
export const R = {
  hash: 0,
  labels: 1,
  labelsLength: 2,
  /** Ref + 1 of the series that followed this one last time. */
  next: 3,
  /** Page × 64 + slot. */
  pageSlot: 4,
  /** Index of the window that the last sample lies in; NO_WINDOW before the first sample. */
  window: 5,
  /** Time of the last sample, ms from the window's start. */
  last: 6,
  /** See packState. */
  packed: 7,
  /** Encoder: last encoded time (ms from the window's start), delta, value bits, unfinished word. */
  time: 8,
  delta: 9,
  high: 10,
  low: 11,
  word: 12,
  first: 13,
  tail: 14,
  /** Time of the open chunk's first sample, ms from the window's start. */
  min: 15,
} as const;
export const RECORD_BITS = 4;

/** Ints of a cold record. */
export const C = {
  /** Newest closed chunk in memory. */
  closed: 0,
  /** Bit n: there may be samples in window (last window − n); bit 31 stands for all older ones. */
  windows: 1,
  /** 1 where the series has out-of-order samples waiting. */
  outOfOrder: 2,
  /** Number of the last pass that visited the series; see removal.ts. No part of the state. */
  pass: 3,
} as const;
export const COLD_BITS = 2;

export const NO_WINDOW = -0x80000000;

const SLAB_SERIES = 1 << SLAB_BITS;
const RECORDS_BYTES = SLAB_SERIES << (RECORD_BITS + 2);
const COLD_BYTES = SLAB_SERIES << (COLD_BITS + 2);
const RAW_TIMES_BYTES = SLAB_SERIES * RAW_MAX * 4;
/** Memory of a group. */
export const GROUP_BYTES = RECORDS_BYTES + COLD_BYTES + RAW_TIMES_BYTES * 3;
/** Stand for the slabs of refs that are all free: they read as series without labels. */
const NO_RECORDS = new Int32Array(SLAB_SERIES << RECORD_BITS);
const NO_COLD = new Int32Array(SLAB_SERIES << COLD_BITS);
const NO_RAW = new Int32Array(0);
/** A table with fewer series than one in this many places is made smaller. */
const SHRINK_AT = 16;
const TABLE_MIN = 16;

export class SeriesStore {
  readonly records: Int32Array[] = [];
  readonly cold: Int32Array[] = [];
  /** Raw samples that wait for encoding: ms from the window's start, and value bits (low, high). */
  readonly rawTimes: Int32Array[] = [];
  readonly rawBits: Int32Array[] = [];
  readonly blocks = new ChunkBlocks();
  readonly closed = new ClosedLog();
  readonly labels = new ByteArena();
  /** The pairs of each series, by number, in front of its labels. */
  readonly runs = new PairRuns(this.labels);
  /** By group: see slab-flags.ts. */
  groupFlags = new Uint8Array(64);
  watcher: SlabWatcher | undefined;
  /** By ref. */
  readonly memo = new SeriesMemo();
  /** Tenant by page: found from a record without touching the cold one. */
  pageTenants = new Int32Array(64);
  /** Refs below this have been used. */
  refs = 0;
  /** The next series that are added take these refs, in their order, where they are free; see journal/replay.ts. */
  wantedRefs: Int32Array | undefined;
  count = 0;
  /**
   * Pairs of ref + 1 (0 is none) and hash. A place that another series has taken is passed over without
   * a look at that series' record, which would be a wait for memory.
   */
  #table = new Int32Array(TABLE_MIN * 2);
  /** Free refs by slab, slabs with some (and maybe some without), and slabs that are free as a whole. */
  readonly #free: (number[] | undefined)[] = [];
  readonly #partlyFree: number[] = [];
  readonly #freeSlabs: number[] = [];

  /** Hash of label bytes within a tenant, never 0. */
  hash(view: DataView, from: number, to: number, tenant: number): number {
    return hashView(view, from, to, tenant) || 1;
  }

  /** The series with these labels, or -1. */
  find(view: DataView, from: number, length: number, hash: number, tenant: number): number {
    const table = this.#table;
    const mask = table.length - 2;
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const ref = table[at] - 1;
      if (ref < 0) return -1;
      if (table[at + 1] === hash && this.#same(ref, view, from, length, tenant)) return ref;
    }
  }

  #same(ref: number, view: DataView, from: number, length: number, tenant: number): boolean {
    const record = this.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    if (record[at + R.labelsLength] !== length) return false;
    if (this.pageTenants[record[at + R.pageSlot] >>> PAGE_BITS] !== tenant) return false;
    return this.labels.equals(record[at + R.labels], length, view, from);
  }

  /**
   * Adds a series that find() did not find, under a ref from takeRef(); its labels are the first `count` of
   * `pairs`. Its record is empty but for its identity.
   */
  add(
    ref: number,
    view: DataView,
    from: number,
    length: number,
    hash: number,
    pairs: Int32Array,
    count: number,
  ): void {
    this.touch(ref);
    const record = this.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    for (let field = 0; field < 1 << RECORD_BITS; field++) record[at + field] = 0;
    record[at + R.hash] = hash;
    record[at + R.labels] = this.runs.append(pairs, count, view, from, length) | 0;
    record[at + R.labelsLength] = length;
    record[at + R.window] = NO_WINDOW;
    record[at + R.last] = -1;
    const coldAt = (ref & SLAB_MASK) << COLD_BITS;
    const cold = this.cold[ref >>> SLAB_BITS];
    for (let field = 0; field < 1 << COLD_BITS; field++) cold[coldAt + field] = 0;
    this.#enter(hash, ref);
  }

  /** A ref for a series that is to be added at once. */
  takeRef(): number {
    if (this.wantedRefs !== undefined && this.#takeWanted(this.wantedRefs)) {
      const [ref] = this.wantedRefs;
      this.wantedRefs = this.wantedRefs.subarray(1);
      return ref;
    }
    for (let slab = this.#partlyFree.at(-1); slab !== undefined; slab = this.#partlyFree.at(-1)) {
      const reused = this.#free[slab]?.pop();
      if (reused !== undefined) return reused;
      this.#free[slab] = undefined;
      this.#partlyFree.pop();
    }
    const slab = this.#freeSlabs.pop();
    if (slab === undefined) return this.#takeNew();
    this.#takeSlab(slab);
    return this.#free[slab]!.pop()!;
  }

  #takeNew(): number {
    if (this.refs >>> SLAB_BITS === this.records.length) this.#allocate(this.records.length);
    return this.refs++;
  }

  /** Makes the first of the refs one that is used; false where it is, or there is none. */
  #takeWanted([wanted]: Int32Array): boolean {
    if (wanted === this.refs) return this.#takeNew() === wanted;
    if (!(wanted < this.refs)) return false;
    const slab = wanted >>> SLAB_BITS;
    const whole = this.#freeSlabs.indexOf(slab);
    if (whole >= 0) {
      this.#freeSlabs.splice(whole, 1);
      this.#takeSlab(slab);
    }
    const free = this.#free[slab];
    const at = free?.lastIndexOf(wanted) ?? -1;
    if (at >= 0) free?.splice(at, 1);
    return at >= 0;
  }

  /** Gives a slab that is free as a whole its memory. */
  #takeSlab(slab: number): void {
    this.#allocate(slab);
    const first = slab << SLAB_BITS;
    const free: number[] = [];
    for (let ref = first + SLAB_SERIES - 1; ref >= first; ref--) free.push(ref);
    this.#free[slab] = free;
    this.#partlyFree.push(slab);
  }

  #allocate(group: number): void {
    if (group >= this.groupFlags.length) this.groupFlags = grown(this.groupFlags);
    // One that was released has an image, which the running checkpoint may have still to take away.
    this.touch(group << SLAB_BITS);
    this.setGroup(group, new ArrayBuffer(GROUP_BYTES));
  }

  /**
   * Gives a group its memory: of records, cold records, raw times and raw bits, one behind the other. None
   * for one whose refs are all free.
   */
  setGroup(group: number, memory?: ArrayBuffer): void {
    if (memory === undefined) {
      this.records[group] = NO_RECORDS;
      this.cold[group] = NO_COLD;
      this.rawTimes[group] = NO_RAW;
      this.rawBits[group] = NO_RAW;
      return;
    }
    this.records[group] = new Int32Array(memory, 0, RECORDS_BYTES / 4);
    this.cold[group] = new Int32Array(memory, RECORDS_BYTES, COLD_BYTES / 4);
    const rawAt = RECORDS_BYTES + COLD_BYTES;
    this.rawTimes[group] = new Int32Array(memory, rawAt, RAW_TIMES_BYTES / 4);
    this.rawBits[group] = new Int32Array(memory, rawAt + RAW_TIMES_BYTES, RAW_TIMES_BYTES / 2);
  }

  /** The memory of a group, as setGroup() takes it. */
  groupParts(group: number): Int32Array[] {
    const { records, cold, rawTimes, rawBits } = this;
    return [records[group], cold[group], rawTimes[group], rawBits[group]];
  }

  /** False where all refs of a group are free: it has no memory then. */
  hasGroup(group: number): boolean {
    return this.records[group] !== NO_RECORDS;
  }

  /** To be called before a series changes. */
  touch(ref: number): void {
    const group = ref >>> SLAB_BITS;
    if (this.groupFlags[group] === DIRTY) return;
    this.watcher?.beforeGroup(group, this.groupFlags[group]);
    this.groupFlags[group] = DIRTY;
  }

  /** The same where the change leaves nothing open: what a prepared cut has marked stays marked. */
  touchClosing(ref: number): void {
    const group = ref >>> SLAB_BITS;
    const flags = this.groupFlags[group];
    if ((flags & PENDING) !== 0) this.watcher?.beforeGroup(group, PENDING);
    this.groupFlags[group] = DIRTY | (flags & PREPARED);
  }

  /** Refs below `refs` were used, about `series` of them are in use: restoreGroup() follows for each group. */
  beginRestore(refs: number, series: number): void {
    this.refs = refs;
    while (this.groupFlags.length << SLAB_BITS < refs) this.groupFlags = grown(this.groupFlags);
    this.expect(series);
  }

  /** Puts a group back, with all that follows from it: places in the table, free refs. */
  restoreGroup(group: number, memory: ArrayBuffer | undefined): void {
    this.setGroup(group, memory);
    const record = this.records[group];
    const first = group << SLAB_BITS;
    const used = Math.min(SLAB_SERIES, this.refs - first);
    const free: number[] = [];
    for (let index = used - 1; index >= 0; index--) {
      const at = index << RECORD_BITS;
      if (record[at + R.labelsLength] === 0) free.push(first + index);
      else this.#enter(record[at + R.hash], first + index);
    }
    if (free.length === 0) return;
    if (free.length === SLAB_SERIES) this.#release(group);
    else {
      this.#free[group] = free;
      this.#partlyFree.push(group);
    }
  }

  /** Gives removed series' refs away again; a slab with no other refs gives its memory back. */
  reuse(refs: Iterable<number>): void {
    this.memo.forget();
    for (const ref of refs) {
      const slab = ref >>> SLAB_BITS;
      let free = this.#free[slab];
      if (free === undefined) {
        free = [];
        this.#free[slab] = free;
        this.#partlyFree.push(slab);
      }
      free.push(ref);
      if (free.length !== SLAB_SERIES) continue;
      this.touch(slab << SLAB_BITS);
      this.#release(slab);
    }
  }

  #release(slab: number): void {
    this.setGroup(slab);
    this.#free[slab] = [];
    this.#freeSlabs.push(slab);
  }

  #enter(hash: number, ref: number): void {
    this.count++;
    if (this.count * 8 > this.#table.length * 3) this.#resizeTable();
    this.#insert(hash, ref);
  }

  #insert(hash: number, ref: number): void {
    const mask = this.#table.length - 2;
    let at = (hash << 1) & mask;
    while (this.#table[at] !== 0) at = (at + 2) & mask;
    this.#table[at] = ref + 1;
    this.#table[at + 1] = hash;
  }

  /** Makes the table large enough for so many series at once. */
  expect(series: number): void {
    if (series * 8 > this.#table.length * 3) this.#resizeTable(series);
  }

  /** Sizes the table for the live series and fills it from the one before. */
  #resizeTable(series = this.count): void {
    let size = TABLE_MIN;
    while (size < series * 2) size *= 2;
    const before = this.#table;
    this.#table = new Int32Array(size * 2);
    for (let at = 0; at < before.length; at += 2) {
      if (before[at] !== 0) this.#insert(before[at + 1], before[at] - 1);
    }
  }

  /** Forgets a series. Its ref is not reused before reuse() is called with it. */
  remove(ref: number): void {
    const record = this.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    this.#unlink(record[at + R.hash], ref);
    this.#freeLabels(record[at + R.labels], record[at + R.labelsLength]);
    this.blocks.release(record[at + R.first], record[at + R.tail]);
    record[at + R.tail] = 0;
    record[at + R.packed] = 0;
    record[at + R.labelsLength] = 0;
    this.count--;
    const places = this.#table.length / 2;
    if (this.count * SHRINK_AT < places && places > 1024) this.#resizeTable();
  }

  /** Takes a ref from the table and moves up those behind it that would not be found any more. */
  #unlink(hash: number, ref: number): void {
    const table = this.#table;
    const mask = table.length - 2;
    let hole = (hash << 1) & mask;
    while (table[hole] !== ref + 1) hole = (hole + 2) & mask;
    for (let at = (hole + 2) & mask; table[at] !== 0; at = (at + 2) & mask) {
      const home = (table[at + 1] << 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at];
      table[hole + 1] = table[at + 1];
      hole = at;
    }
    table[hole] = 0;
  }

  /** Moves labels that lie in a slab of which most was freed. */
  moveSparse(ref: number): void {
    const position = this.record(ref, R.labels);
    if (!this.labels.isSparse(position)) return;
    const { labels, runs } = this;
    const length = this.labelsLength(ref);
    const count = runs.read(position);
    const from = labels.offsetOf(position);
    this.touch(ref);
    const moved = runs.append(runs.pairs, count, labels.viewOf(position), from, length);
    this.setRecord(ref, R.labels, moved | 0);
    this.#freeLabels(position, length);
  }

  #freeLabels(position: number, length: number): void {
    this.labels.free(position, length + this.runs.sizeBefore(position));
  }

  record(ref: number, field: number): number {
    return this.records[ref >>> SLAB_BITS][((ref & SLAB_MASK) << RECORD_BITS) + field];
  }

  setRecord(ref: number, field: number, value: number): void {
    this.records[ref >>> SLAB_BITS][((ref & SLAB_MASK) << RECORD_BITS) + field] = value;
  }

  /** Notes which series followed this one in a record. */
  setNext(ref: number, next: number): void {
    this.touch(ref);
    this.setRecord(ref, R.next, next + 1);
  }

  getCold(ref: number, field: number): number {
    return this.cold[ref >>> SLAB_BITS][((ref & SLAB_MASK) << COLD_BITS) + field];
  }

  setCold(ref: number, field: number, value: number): void {
    this.cold[ref >>> SLAB_BITS][((ref & SLAB_MASK) << COLD_BITS) + field] = value;
  }

  setPageTenant(page: number, tenant: number): void {
    if (page >= this.pageTenants.length) {
      const grown = new Int32Array(Math.max(page + 1, this.pageTenants.length * 2));
      grown.set(this.pageTenants);
      this.pageTenants = grown;
    }
    this.pageTenants[page] = tenant;
  }

  /** 0 for a ref that is not in use. */
  labelsLength(ref: number): number {
    return this.record(ref, R.labelsLength);
  }

  labelsOf(ref: number): Uint8Array {
    return this.labels.read(this.record(ref, R.labels), this.labelsLength(ref));
  }

  /**
   * Where the labels of the series end if they begin at `from`, else -1. The series may have been
   * removed meanwhile, or its ref may be another one's now.
   */
  matchLabels(ref: number, view: DataView, from: number, end: number, tenant: number): number {
    const record = this.records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    const length = record[at + R.labelsLength];
    if (length === 0 || from + length > end) return -1;
    if (this.pageTenants[record[at + R.pageSlot] >>> PAGE_BITS] !== tenant) return -1;
    return this.labels.equals(record[at + R.labels], length, view, from) ? from + length : -1;
  }
}
