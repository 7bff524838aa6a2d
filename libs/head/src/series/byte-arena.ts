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
  #at = SLAB_SIZE;

  /** Copies bytes[from, from + length) and returns their position, below 2^32. */
  append(bytes: Uint8Array, from: number, length: number): number {
    if (this.#at + length > SLAB_SIZE) {
      const slab = new Uint8Array(SLAB_SIZE);
      this.slabs.push(slab);
      this.views.push(new DataView(slab.buffer));
      this.#at = 0;
    }
    const slab = this.slabs[this.slabs.length - 1];
    slab.set(bytes.subarray(from, from + length), this.#at);
    const position = (this.slabs.length - 1) * SLAB_SIZE + this.#at;
    this.#at += length;
    this.usedBytes += length;
    return position;
  }

  /** A view; its content never changes. `position` may be a signed 32-bit number. */
  read(position: number, length: number): Uint8Array {
    const offset = position & SLAB_MASK;
    return this.slabs[position >>> SLAB_BITS].subarray(offset, offset + length);
  }

  equals(position: number, length: number, other: DataView, from: number): boolean {
    const view = this.views[position >>> SLAB_BITS];
    let left = position & SLAB_MASK;
    let right = from;
    const end = left + length;
    // Sixteen bytes a turn with one branch: this loop is the dearest of the whole apply path.
    for (const last = end - 16; left <= last; left += 16, right += 16) {
      const difference =
        (view.getInt32(left, true) ^ other.getInt32(right, true)) |
        (view.getInt32(left + 4, true) ^ other.getInt32(right + 4, true)) |
        (view.getInt32(left + 8, true) ^ other.getInt32(right + 8, true)) |
        (view.getInt32(left + 12, true) ^ other.getInt32(right + 12, true));
      if (difference !== 0) return false;
    }
    for (const last = end - 4; left <= last; left += 4, right += 4) {
      if (view.getInt32(left, true) !== other.getInt32(right, true)) return false;
    }
    for (; left < end; left++, right++) {
      if (view.getUint8(left) !== other.getUint8(right)) return false;
    }
    return true;
  }
}
