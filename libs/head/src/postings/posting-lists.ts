// Lists of series refs, one per label pair. Most are tiny, a few hold every series, so: one ref lies in
// the list's own word, short lists in power-of-two runs of shared slabs, long ones in arrays of their
// own. Refs are appended as they come and sorted when first read after a reuse has broken the order.
// A removed series is first only counted out of its lists (forget): its ref stays in them, for readers to
// pass over, until filter() takes it out.
import { grown } from '@weir/bytes';

const SLAB_BITS = 14;
const SLAB_INTS = 1 << SLAB_BITS;
/** Lists with more capacity than this have their own array. */
const SHARED_MAX = 512;
/** Ints of a part of the spans that lists are restored from. */
const SPANS_INTS = 3 << 14;

export class PostingLists {
  /** Per list: how many refs, and where: the ref itself (1), a run (2…), or an index of #long. */
  #counts = new Int32Array(64);
  #places = new Int32Array(64);
  #unsorted = new Uint8Array(64);
  /** Refs of removed series among them. */
  #forgotten = new Int32Array(64);
  /** While lists are restored: list, from, to, list, from, to …, in parts, and where the last part ends. */
  readonly #expected: Int32Array[] = [];
  #expectedAt = SPANS_INTS;
  #lists = 0;
  readonly #freeLists: number[] = [];
  readonly #slabs: Uint32Array[] = [];
  #slabUsed = SLAB_INTS;
  readonly #freeRuns: number[][] = [];
  readonly #long: Uint32Array[] = [];
  readonly #freeLong: number[] = [];

  add(): number {
    const reused = this.#freeLists.pop();
    if (reused !== undefined) return reused;
    if (this.#lists === this.#counts.length) this.#resize(this.#lists * 2);
    return this.#lists++;
  }

  #resize(lists: number): void {
    this.#counts = grown(this.#counts, lists);
    this.#places = grown(this.#places, lists);
    this.#forgotten = grown(this.#forgotten, lists);
    this.#unsorted = grown(this.#unsorted, lists);
  }

  /**
   * Takes the numbers below `end` but for free ones, as empty lists. They are filled by expect() for all refs
   * in ascending order, then by fill().
   */
  restore(end: number, isFree: (list: number) => boolean): void {
    this.#resize(Math.max(end, this.#counts.length));
    this.#lists = end;
    for (let list = end - 1; list >= 0; list--) if (isFree(list)) this.#freeLists.push(list);
  }

  /** Notes that the list is to have the refs from `from` to below `to`. */
  expect(list: number, from: number, to: number): void {
    this.#counts[list] += to - from;
    if (this.#expectedAt === SPANS_INTS) {
      this.#expected.push(new Int32Array(SPANS_INTS));
      this.#expectedAt = 0;
    }
    const spans = this.#expected[this.#expected.length - 1];
    spans[this.#expectedAt++] = list;
    spans[this.#expectedAt++] = from;
    spans[this.#expectedAt++] = to;
  }

  /** Gives lists their room, now that it is known, and the refs that were noted; in steps. */
  *fill(): Generator<void> {
    const ends = new Int32Array(this.#lists);
    for (let list = 0; list < this.#lists; list++) {
      const count = this.#counts[list];
      if (count < 2) continue;
      const capacity = capacityOf(count);
      const place = this.#takeRun(capacity);
      this.#places[list] = place;
      if (capacity <= SHARED_MAX) ends[list] = place & (SLAB_INTS - 1);
    }
    for (const spans of this.#expected) {
      const isLast = spans === this.#expected[this.#expected.length - 1];
      const count = isLast ? this.#expectedAt : SPANS_INTS;
      for (let at = 0; at < count; at += 3) {
        this.#fill(spans[at], spans[at + 1], spans[at + 2], ends);
      }
      yield;
    }
    this.#expected.length = 0;
    this.#expectedAt = SPANS_INTS;
  }

  #fill(list: number, from: number, to: number, ends: Int32Array): void {
    const count = this.#counts[list];
    const place = this.#places[list];
    if (count === 1) {
      this.#places[list] = from;
      return;
    }
    const refs =
      capacityOf(count) <= SHARED_MAX ? this.#slabs[place >>> SLAB_BITS] : this.#long[place];
    let at = ends[list];
    for (let ref = from; ref < to; ref++) refs[at++] = ref;
    ends[list] = at;
  }

  /** Refs of a list, without those of removed series. */
  count(list: number): number {
    return this.#counts[list] - this.#forgotten[list];
  }

  /** Refs of a list, with those of removed series. */
  sizeOf(list: number): number {
    return this.#counts[list];
  }

  /** Counts a removed series out; true the first time since the list was filtered. */
  forget(list: number): boolean {
    return this.#forgotten[list]++ === 0;
  }

  /** Forgets an empty list; its number will be given to another one. */
  free(list: number): void {
    this.#unsorted[list] = 0;
    this.#freeLists.push(list);
  }

  append(list: number, ref: number): void {
    const count = this.#counts[list]++;
    if (count === 0) {
      this.#places[list] = ref;
      return;
    }
    if ((count & (count - 1)) === 0) this.#grow(list, count);
    // Without a view: this runs ten times for each new series.
    const place = this.#places[list];
    const isShared = capacityOf(count + 1) <= SHARED_MAX;
    const refs = isShared ? this.#slabs[place >>> SLAB_BITS] : this.#long[place];
    const at = (isShared ? place & (SLAB_INTS - 1) : 0) + count;
    if (refs[at - 1] > ref) this.#unsorted[list] = 1;
    refs[at] = ref;
  }

  /** Moves a list of `count` refs, a power of two, to twice the room. */
  #grow(list: number, count: number): void {
    const place = this.#takeRun(count * 2);
    const to = this.#at(place, count * 2);
    if (count === 1) to[0] = this.#places[list];
    else to.set(this.#run(list, count));
    if (count > 1) this.#releaseRun(this.#places[list], count);
    this.#places[list] = place;
  }

  #run(list: number, count: number): Uint32Array {
    return this.#at(this.#places[list], capacityOf(count));
  }

  #at(place: number, capacity: number): Uint32Array {
    if (capacity > SHARED_MAX) return this.#long[place];
    const offset = place & (SLAB_INTS - 1);
    return this.#slabs[place >>> SLAB_BITS].subarray(offset, offset + capacity);
  }

  #takeRun(capacity: number): number {
    if (capacity > SHARED_MAX) {
      const place = this.#freeLong.pop() ?? this.#long.length;
      this.#long[place] = new Uint32Array(capacity);
      return place;
    }
    const reused = this.#freeRuns[capacity]?.pop();
    if (reused !== undefined) return reused;
    if (this.#slabUsed + capacity > SLAB_INTS) {
      this.#slabs.push(new Uint32Array(SLAB_INTS));
      this.#slabUsed = 0;
    }
    const place = (this.#slabs.length - 1) * SLAB_INTS + this.#slabUsed;
    this.#slabUsed += capacity;
    return place;
  }

  #releaseRun(place: number, capacity: number): void {
    if (capacity > SHARED_MAX) {
      this.#long[place] = new Uint32Array(0);
      this.#freeLong.push(place);
      return;
    }
    this.#freeRuns[capacity] ??= [];
    this.#freeRuns[capacity].push(place);
  }

  /**
   * The refs, ascending; a view that is valid until the next append. Refs of series that were removed
   * may still be among them.
   */
  read(list: number): Uint32Array {
    const count = this.#counts[list];
    if (count === 0) return new Uint32Array(0);
    if (count === 1) return Uint32Array.of(this.#places[list]);
    const refs = this.#run(list, count).subarray(0, count);
    if (this.#unsorted[list] === 1) {
      refs.sort();
      this.#unsorted[list] = 0;
    }
    return refs;
  }

  /** Keeps the refs for which `keep` is true. */
  filter(list: number, keep: (ref: number) => boolean): void {
    const all = this.read(list);
    const count = this.#counts[list];
    this.#forgotten[list] = 0;
    let kept = 0;
    for (let at = 0; at < count; at++) if (keep(all[at])) kept++;
    if (kept === count) return;
    const refs = new Uint32Array(kept);
    for (let at = 0, to = 0; to < kept; at++) if (keep(all[at])) refs[to++] = all[at];
    if (count > 1) this.#releaseRun(this.#places[list], capacityOf(count));
    this.#counts[list] = refs.length;
    if (refs.length === 1) this.#places[list] = refs[0];
    if (refs.length < 2) return;
    const capacity = capacityOf(refs.length);
    this.#places[list] = this.#takeRun(capacity);
    this.#at(this.#places[list], capacity).set(refs);
  }
}

function capacityOf(count: number): number {
  return 1 << (32 - Math.clz32(count - 1));
}
