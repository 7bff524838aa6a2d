// Label bytes of all series of a partition, appended to slabs that are never overwritten: a reader may
// keep a view of its labels while the head goes on. Freed bytes are counted by slab: the owner of a run
// in a slab that has mostly died moves it (isSparse), and an empty slab is given back once no read that
// knows positions in it is left (takeEmptied, release). The first slabs are small, for small heads.

const SLAB_BITS = 18;
const SLAB_SIZE = 1 << SLAB_BITS;
const SLAB_MASK = SLAB_SIZE - 1;

const FIRST_SLAB_SIZE = 1 << 13;
const NO_SLAB = new Uint8Array(0);
const NO_VIEW = new DataView(NO_SLAB.buffer);

/** The longest run of bytes an arena takes; a label set above it is refused by the head. */
export const ARENA_RUN_MAX = 1 << 16;

/** An arena beside its bytes. */
export interface ArenaState {
  /** The slab that takes bytes, and its size; -1 before the first one. */
  readonly slab: number;
  readonly room: number;
  /** Whether any run contains a zero byte. */
  readonly zeros: boolean;
  /** By slab: bytes used, and of these freed; both 0 for one that was released. */
  readonly lengths: readonly number[];
  readonly freed: readonly number[];
}

export class ByteArena {
  readonly slabs: Uint8Array[] = [];
  readonly views: DataView[] = [];
  /** Bytes that are used, and of these, bytes that were freed. */
  usedBytes = 0;
  freedBytes = 0;
  /** Whether any run contains a zero byte; see equals(). */
  #hasZeroBytes = false;
  #slab = -1;
  #at = 0;
  #room = 0;
  /** Bytes used and freed, by slab. */
  readonly #used: number[] = [];
  readonly #freed: number[] = [];
  /** Slabs that took bytes since takeGrown(). */
  readonly #grown = new Set<number>();
  #isGrown = false;
  readonly #emptied: number[] = [];
  readonly #released: number[] = [];

  /** Copies bytes[from, from + length) and returns their position, below 2^32. */
  append(bytes: Uint8Array, from: number, length: number): number {
    return this.appendView(
      new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      from,
      length,
    );
  }

  /** The same for bytes that have a view already. */
  appendView(source: DataView, from: number, length: number): number {
    if (this.#at + length > this.#room) this.#addSlab(length);
    this.#copy(source, from, length);
    const position = this.#slab * SLAB_SIZE + this.#at;
    this.#at += length;
    this.#used[this.#slab] = this.#at;
    this.usedBytes += length;
    if (!this.#isGrown) this.#noteGrown();
    return position;
  }

  /** Makes room for so many bytes, which are to be appended next, in one slab, and returns its number. */
  reserve(length: number): number {
    if (this.#at + length > this.#room) this.#addSlab(length);
    return this.#slab;
  }

  /** Appends four bytes where there is room; what a run that follows them may be found without. */
  appendWord(word: number): void {
    this.views[this.#slab].setInt32(this.#at, word, true);
    this.#at += 4;
    this.usedBytes += 4;
  }

  #addSlab(length: number): void {
    this.#room = Math.min(SLAB_SIZE, Math.max(this.#room * 4, FIRST_SLAB_SIZE, length));
    const slab = new Uint8Array(this.#room);
    this.#slab = this.#released.pop() ?? this.slabs.length;
    this.slabs[this.#slab] = slab;
    this.views[this.#slab] = new DataView(slab.buffer);
    this.#used[this.#slab] = 0;
    this.#freed[this.#slab] = 0;
    this.#at = 0;
    this.#isGrown = false;
  }

  /**
   * What was used, by slab, of those that took bytes since the last call: views whose content never
   * changes. A number without bytes was released.
   */
  takeGrown(): Map<number, Uint8Array> {
    const taken = new Map<number, Uint8Array>();
    for (const slab of this.#grown) taken.set(slab, this.usedOf(slab));
    this.#grown.clear();
    this.#isGrown = false;
    return taken;
  }

  /** Has slabs told by the next takeGrown() again. */
  tellAgain(slabs: Iterable<number>): void {
    for (const slab of slabs) this.#grown.add(slab);
  }

  /** What is needed to go on beside the slabs' bytes. */
  get state(): ArenaState {
    const [lengths, freed] = [this.#used.slice(), this.#freed.slice()];
    return { slab: this.#slab, room: this.#room, zeros: this.#hasZeroBytes, lengths, freed };
  }

  /**
   * Puts back what `state` was, but for the bytes of the slabs that are told: usedOf() is where they belong.
   * Slabs without living runs are given back.
   */
  restore(state: ArenaState): number[] {
    this.#slab = state.slab;
    this.#room = state.room;
    this.#hasZeroBytes = state.zeros;
    this.#at = state.lengths[state.slab] ?? 0;
    const living: number[] = [];
    for (const [slab, used] of state.lengths.entries()) {
      const freed = state.freed[slab];
      const isGone = slab !== state.slab && freed === used;
      this.slabs[slab] = NO_SLAB;
      this.views[slab] = NO_VIEW;
      this.#used[slab] = isGone ? 0 : used;
      this.#freed[slab] = isGone ? 0 : freed;
      if (isGone) {
        this.#released.push(slab);
        this.#grown.add(slab);
        continue;
      }
      this.slabs[slab] = new Uint8Array(slab === state.slab ? state.room : used);
      this.views[slab] = new DataView(this.slabs[slab].buffer);
      this.usedBytes += used;
      this.freedBytes += freed;
      living.push(slab);
    }
    return living;
  }

  /** The bytes of a slab that are used. */
  usedOf(slab: number): Uint8Array {
    return this.slabs[slab].subarray(0, this.#used[slab]);
  }

  #noteGrown(): void {
    this.#isGrown = true;
    this.#grown.add(this.#slab);
  }

  /** Forgets a run. Its bytes stay readable until its slab is released. */
  free(position: number, length: number): void {
    const slab = position >>> SLAB_BITS;
    this.#freed[slab] += length;
    this.freedBytes += length;
    if (slab !== this.#slab && this.#freed[slab] === this.#used[slab]) this.#emptied.push(slab);
  }

  /** Whether most of the run's slab was freed, so that the run should be appended anew, then freed. */
  isSparse(position: number): boolean {
    const slab = position >>> SLAB_BITS;
    return slab !== this.#slab && this.#freed[slab] * 2 > this.#used[slab];
  }

  /** Slabs without a living run, each told once; to be released when no read knows them any more. */
  takeEmptied(): number[] {
    return this.#emptied.splice(0);
  }

  release(slabs: readonly number[]): void {
    for (const slab of slabs) {
      this.usedBytes -= this.#used[slab];
      this.freedBytes -= this.#freed[slab];
      this.#used[slab] = 0;
      this.#freed[slab] = 0;
      this.slabs[slab] = NO_SLAB;
      this.views[slab] = NO_VIEW;
      this.#grown.add(slab);
      this.#released.push(slab);
    }
  }

  /** By words: a call of set() needs a view object and takes longer. Looks for zero bytes on the way. */
  #copy(source: DataView, from: number, length: number): void {
    const view = this.views[this.#slab];
    const end = from + length;
    let at = from;
    let to = this.#at;
    let zeros = 0;
    for (const last = end - 4; at <= last; at += 4, to += 4) {
      const word = source.getInt32(at, true);
      zeros |= (word - 0x01010101) & ~word & 0x80808080;
      view.setInt32(to, word, true);
    }
    for (; at < end; at++, to++) {
      const byte = source.getUint8(at);
      if (byte === 0) zeros = 1;
      view.setUint8(to, byte);
    }
    if (zeros !== 0) this.#hasZeroBytes = true;
  }

  /** A view; its content never changes. `position` may be a signed 32-bit number. */
  read(position: number, length: number): Uint8Array {
    const offset = position & SLAB_MASK;
    return this.slabs[position >>> SLAB_BITS].subarray(offset, offset + length);
  }

  /** Where a run lies, for those who read bytes of many. */
  slabOf(position: number): Uint8Array {
    return this.slabs[position >>> SLAB_BITS];
  }

  viewOf(position: number): DataView {
    return this.views[position >>> SLAB_BITS];
  }

  offsetOf(position: number): number {
    return position & SLAB_MASK;
  }

  /** Compares two runs byte by byte, a shorter one that the longer one begins with before it. */
  compare(left: number, leftLength: number, right: number, rightLength: number): number {
    const leftSlab = this.slabs[left >>> SLAB_BITS];
    const rightSlab = this.slabs[right >>> SLAB_BITS];
    const leftFrom = left & SLAB_MASK;
    const rightFrom = right & SLAB_MASK;
    const shared = Math.min(leftLength, rightLength);
    for (let at = 0; at < shared; at++) {
      const difference = leftSlab[leftFrom + at] - rightSlab[rightFrom + at];
      if (difference !== 0) return difference;
    }
    return leftLength - rightLength;
  }

  /**
   * Whether the run equals other[from, from + length). The dearest loop of the whole apply path, so it
   * goes by 32 bytes, as doubles: equal ones have equal bits but for 0 and -0, which need zero bytes, and
   * where they differ (NaN differs from itself) the exact comparison has the last word.
   */
  equals(position: number, length: number, other: DataView, from: number): boolean {
    const view = this.views[position >>> SLAB_BITS];
    let left = position & SLAB_MASK;
    if (length < 8 || this.#hasZeroBytes) return equalRuns(view, left, length, other, from);
    let right = from;
    const end = left + length;
    for (const last = end - 32; left <= last; left += 32, right += 32) {
      if (
        view.getFloat64(left, true) !== other.getFloat64(right, true) ||
        view.getFloat64(left + 8, true) !== other.getFloat64(right + 8, true) ||
        view.getFloat64(left + 16, true) !== other.getFloat64(right + 16, true) ||
        view.getFloat64(left + 24, true) !== other.getFloat64(right + 24, true)
      ) {
        return equalRuns(view, left, end - left, other, right);
      }
    }
    for (const last = end - 8; left <= last; left += 8, right += 8) {
      if (view.getFloat64(left, true) !== other.getFloat64(right, true)) {
        return equalRuns(view, left, end - left, other, right);
      }
    }
    if (left === end) return true;
    // The rest together with bytes that are known to be equal.
    right -= 8 - (end - left);
    left = end - 8;
    if (view.getFloat64(left, true) === other.getFloat64(right, true)) return true;
    return equalRuns(view, left, 8, other, right);
  }
}

function equalRuns(
  view: DataView,
  leftFrom: number,
  length: number,
  other: DataView,
  rightFrom: number,
): boolean {
  let left = leftFrom;
  let right = rightFrom;
  const end = left + length;
  for (const last = end - 4; left <= last; left += 4, right += 4) {
    if (view.getInt32(left, true) !== other.getInt32(right, true)) return false;
  }
  for (; left < end; left++, right++) {
    if (view.getUint8(left) !== other.getUint8(right)) return false;
  }
  return true;
}
