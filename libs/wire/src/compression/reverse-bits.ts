// Bit streams that are read from their end (RFC 8878, 4.1): the highest set bit of the last byte says where
// they begin. Reading beyond the start gives zeros and a negative `left`, which callers must look at.

export class ReverseBits {
  /** Bits not yet read; negative once more was read than there was. */
  left = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #from = 0;

  /** Begins with bytes[from, to); false where that is no such stream. */
  start(bytes: Uint8Array, from: number, to: number): boolean {
    const last = to > from ? bytes[to - 1]! : 0;
    if (last === 0) return false;
    this.#bytes = bytes;
    this.#from = from;
    this.left = (to - from) * 8 - 8 + (31 - Math.clz32(last));
    return true;
  }

  /** The next `count` bits, at most 27. */
  read(count: number): number {
    if (count > 16) {
      const high = this.read(count - 16);
      return (high << 16) | this.read(16);
    }
    this.left -= count;
    return this.#at(this.left, count);
  }

  /** As read(), without going on; at most 16. */
  peek(count: number): number {
    return this.#at(this.left - count, count);
  }

  #at(position: number, count: number): number {
    if (position < 0) {
      const missing = -position;
      return missing >= count ? 0 : this.#at(0, count - missing) << missing;
    }
    const at = this.#from + (position >>> 3);
    const bytes = this.#bytes;
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    return (word >>> (position & 7)) & ((1 << count) - 1);
  }
}
