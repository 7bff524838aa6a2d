// The pairs of a series by number, in front of its labels in the arena: whoever opens a head makes the
// index's lists of them instead of interning every label anew, and a series that goes leaves its lists
// without a look at its labels' bytes. Series that come one after the other share most pairs, hence a run
// holds only those in which it differs from the run it is based on. A base is whole and lies before it in
// the same slab, so each run is read by itself, and what a slab's release takes away goes together.
//
// A run, in words of four bytes, little endian, unaligned; the labels follow:
//   the pairs that differ, in the order of labels
//   where in the slab the base's labels begin; 0 in a whole run
//   number of labels (8 bits) | which of them differ, the first one lowest (24 bits)
// With more than 24 labels the last two are the number of labels and 0xff, and all pairs stand before them.
//
// Numbers of a removed series are stale, as its pairs may be others by now; those that a living one takes
// from a base are its own.
import { grown } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { ByteArena } from './byte-arena.ts';

/** Labels up to which a run may be based on another one. */
export const MASKED_MAX = 24;
const WIDE = 0xff;
/** Bytes of a run's last two words. */
const END_SIZE = 8;
/** Pairs beyond which a difference counts against the base. */
const NEAR = 2;
const NO_VIEW = new DataView(new ArrayBuffer(0));

export class PairRuns {
  /** The pairs of the run that was read last, and which of the first 24 may differ from the one before. */
  pairs = new Int32Array(64);
  changed = -1;
  readonly #arena: ByteArena;
  /** The base of the runs that are written: its slab, its place in it, its pairs. */
  #slab = -1;
  #base = 0;
  readonly #basePairs = new Int32Array(MASKED_MAX);
  #baseCount = 0;
  /** What the runs since the base hold beyond NEAR pairs each. */
  #excess = 0;
  /** The base of the run that was read last, and where `pairs` may differ from it. */
  #readView: DataView = NO_VIEW;
  #readBase = 0;
  #readCount = 0;
  #readMask = -1;
  readonly #readPairs = new Int32Array(MASKED_MAX);

  constructor(arena: ByteArena) {
    this.#arena = arena;
  }

  /** Appends labels behind their pairs, of which there are `count`, and returns the labels' position. */
  append(pairs: Int32Array, count: number, view: DataView, from: number, length: number): number {
    const arena = this.#arena;
    const slab = arena.reserve(count * 4 + END_SIZE + length);
    if (slab !== this.#slab) this.#baseCount = 0;
    this.#slab = slab;
    if (count > MASKED_MAX) {
      for (let at = 0; at < count; at++) arena.appendWord(pairs[at]);
      arena.appendWord(count);
      arena.appendWord(WIDE);
      return arena.appendView(view, from, length);
    }
    const whole = wholeMask(count);
    const mask = this.#difference(pairs, count, whole);
    for (let left = mask; left !== 0; left &= left - 1) {
      arena.appendWord(pairs[31 - Math.clz32(left & -left)]);
    }
    arena.appendWord(mask === whole ? 0 : this.#base);
    arena.appendWord((mask << 8) | count);
    const position = arena.appendView(view, from, length);
    if (mask === whole) this.#setBase(pairs, count, arena.offsetOf(position));
    return position;
  }

  /** In which labels a new run differs from the base; in all where it had better be the next base. */
  #difference(pairs: Int32Array, count: number, whole: number): number {
    const shared = Math.min(count, this.#baseCount);
    let mask = whole & ~wholeMask(shared);
    let differing = count - shared;
    for (let at = 0; at < shared; at++) {
      if (pairs[at] === this.#basePairs[at]) continue;
      mask |= 1 << at;
      differing++;
    }
    if (differing > NEAR && differing * 2 >= count) return whole;
    this.#excess = Math.max(0, this.#excess + differing - NEAR);
    return this.#excess >= count ? whole : mask;
  }

  #setBase(pairs: Int32Array, count: number, base: number): void {
    for (let at = 0; at < count; at++) this.#basePairs[at] = pairs[at];
    this.#base = base;
    this.#baseCount = count;
    this.#excess = 0;
  }

  /** Bytes of the run before the labels at `position`. */
  sizeBefore(position: number): number {
    const view = this.#arena.viewOf(position);
    const at = this.#arena.offsetOf(position);
    const end = endOf(view, at);
    const pairs = (end & 0xff) === WIDE ? view.getInt32(at - END_SIZE, true) : bitCount(end >>> 8);
    return END_SIZE + 4 * pairs;
  }

  /** Reads the pairs of the labels at `position` into `pairs` and returns how many there are. */
  read(position: number): number {
    const view = this.#arena.viewOf(position);
    const at = this.#arena.offsetOf(position);
    const end = endOf(view, at);
    const count = end & 0xff;
    if (count === WIDE) return this.#readWide(view, at);
    const mask = end >>> 8;
    const whole = wholeMask(count);
    const from = at - END_SIZE - 4 * bitCount(mask);
    const base = mask === whole ? at : view.getInt32(at - END_SIZE, true);
    if (from < 0 || (mask & ~whole) !== 0) throw damaged();
    if (view !== this.#readView || base !== this.#readBase) this.#readBaseRun(view, base);
    if ((whole & ~mask) >>> this.#readCount !== 0) throw damaged();
    this.#readChanged(view, from, mask, whole);
    return count;
  }

  /** Where this run or the one before it differ from the base, which they have in common. */
  #readChanged(view: DataView, from: number, mask: number, whole: number): void {
    let next = from;
    this.changed = mask | this.#readMask;
    for (let left = this.changed & whole; left !== 0; left &= left - 1) {
      const label = 31 - Math.clz32(left & -left);
      if ((mask & (1 << label)) === 0) this.pairs[label] = this.#readPairs[label];
      else {
        this.pairs[label] = view.getInt32(next, true);
        next += 4;
      }
    }
    this.#readMask = mask | (this.changed & ~whole);
  }

  /** Reads a run that others are based on. */
  #readBaseRun(view: DataView, base: number): void {
    this.#readView = NO_VIEW;
    const end = endOf(view, base);
    const count = end & 0xff;
    const from = base - END_SIZE - 4 * count;
    if (count > MASKED_MAX || end >>> 8 !== wholeMask(count) || from < 0) throw damaged();
    for (let label = 0; label < count; label++) {
      this.#readPairs[label] = view.getInt32(from + 4 * label, true);
    }
    this.#readView = view;
    this.#readBase = base;
    this.#readCount = count;
    this.#readMask = -1;
  }

  #readWide(view: DataView, at: number): number {
    this.#readView = NO_VIEW;
    this.changed = -1;
    const count = view.getInt32(at - END_SIZE, true);
    const from = at - END_SIZE - 4 * count;
    if (count <= MASKED_MAX || from < 0) throw damaged();
    while (count > this.pairs.length) this.pairs = grown(this.pairs);
    for (let label = 0; label < count; label++) {
      this.pairs[label] = view.getInt32(from + 4 * label, true);
    }
    return count;
  }
}

/** The last word of the run before the labels at `at`. */
function endOf(view: DataView, at: number): number {
  if (at < END_SIZE || at > view.byteLength) throw damaged();
  const end = view.getUint32(at - 4, true);
  const count = end & 0xff;
  if (count > MASKED_MAX && count !== WIDE) throw damaged();
  return end;
}

function wholeMask(count: number): number {
  return (1 << count) - 1;
}

function bitCount(mask: number): number {
  let left = mask - ((mask >>> 1) & 0x55555555);
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function damaged(): WeirError {
  return new WeirError('corrupt', 'head: pairs in front of labels');
}
