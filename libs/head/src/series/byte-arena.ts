// Label bytes of all series of a partition, appended to slabs that are never overwritten: a reader may
// keep a view of its labels while the head goes on. Freed bytes are only counted; a compaction copies
// what lives into a new arena and lets the old slabs go with their last reader.

const SLAB_BITS = 18;
const SLAB_SIZE = 1 << SLAB_BITS;
const SLAB_MASK = SLAB_SIZE - 1;

/** The longest run of bytes an arena takes; a label set above it is refused by the head. */
export const ARENA_RUN_MAX = 1 << 16;

export class ByteArena {
  readonly slabs: Uint8Array[] = [];
  readonly views: DataView[] = [];
  /** Bytes that are used, and of these, bytes that were freed. */
  usedBytes = 0;
  freedBytes = 0;
  /** Whether any run contains a zero byte; see equals(). */
  #hasZeroBytes = false;
  #at = 0;

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
    if (this.#at + length > SLAB_SIZE || this.slabs.length === 0) {
      const slab = new Uint8Array(SLAB_SIZE);
      this.slabs.push(slab);
      this.views.push(new DataView(slab.buffer));
      this.#at = 0;
    }
    this.#copy(source, from, length);
    const position = (this.slabs.length - 1) * SLAB_SIZE + this.#at;
    this.#at += length;
    this.usedBytes += length;
    return position;
  }

  /** By words: a call of set() needs a view object and takes longer. Looks for zero bytes on the way. */
  #copy(source: DataView, from: number, length: number): void {
    const view = this.views[this.views.length - 1];
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
