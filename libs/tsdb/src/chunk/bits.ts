// A bit stream, most significant bit first, as Prometheus's chunks are: a writer that can go on where a
// stream ended, and a reader for bytes from outside. Histogram chunks use it; XOR chunks of floats, which
// ingest lives on, have loops of their own.
import { WeirError } from '@weir/errors';

const SIZE_MIN = 64;

export class BitWriter {
  /** Bytes past the written ones are zero. */
  #bytes: Uint8Array;
  #bits: number;

  /** Goes on after the first `bits` bits of `bytes`. */
  constructor(bytes: Uint8Array = new Uint8Array(0), bits = 0) {
    const used = (bits + 7) >>> 3;
    this.#bytes = new Uint8Array(Math.max(SIZE_MIN, used + (used >>> 2)));
    this.#bytes.set(bytes.subarray(0, used));
    this.#bits = bits;
    const rest = bits & 7;
    if (rest !== 0) this.#bytes[used - 1]! &= 0xff << (8 - rest);
  }

  get sizeBytes(): number {
    return (this.#bits + 7) >>> 3;
  }

  /** Appends the low `size` bits (1 to 32) of `value`. */
  put(value: number, size: number): void {
    const needed = (this.#bits + size + 7) >>> 3;
    if (needed > this.#bytes.length) this.#grow(needed);
    for (let rest = size; rest > 0; ) {
      const free = 8 - (this.#bits & 7);
      const taken = Math.min(free, rest);
      rest -= taken;
      const part = (value >>> rest) & ((1 << taken) - 1);
      this.#bytes[this.#bits >>> 3]! |= part << (free - taken);
      this.#bits += taken;
    }
  }

  /** Appends the low `size` bits (1 to 64) of an integer of at most 53 bits, in two's complement. */
  putLong(value: number, size: number): void {
    const high = Math.floor(value / 4294967296);
    if (size > 32) this.put(high, size - 32);
    this.put(value - high * 4294967296, Math.min(size, 32));
  }

  /** A copy of what was written, the last byte filled up with zeros. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.sizeBytes);
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(needed + (needed >>> 1));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  /** Bits read so far. */
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#end = bytes.length * 8;
    this.position = position;
  }

  get remaining(): number {
    return this.#end - this.position;
  }

  /** Reads 1 to 32 bits as an unsigned number; throws `corrupt` where the stream ends before. */
  read(size: number): number {
    const start = this.position;
    const end = start + size;
    if (end > this.#end) throw new WeirError('corrupt', `chunk ends within bit ${start} + ${size}`);
    this.position = end;
    const first = start >>> 3;
    const last = (end - 1) >>> 3;
    let value = this.#bytes[first]! & (0xff >>> (start & 7));
    if (first === last) return value >>> ((8 - (end & 7)) & 7);
    for (let at = first + 1; at < last; at++) value = (value << 8) | this.#bytes[at]!;
    const rest = ((end - 1) & 7) + 1;
    // A product, as the value may take all 32 bits.
    return (value >>> 0) * 2 ** rest + (this.#bytes[last]! >>> (8 - rest));
  }
}
