// A bit stream, most significant bit first, as Prometheus's chunks are: a writer that can go on where a
// stream ended, and a reader for bytes from outside. Histogram chunks use it, and who writes XOR2 chunks;
// XOR chunks of floats, which ingest lives on, have loops of their own.
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
    const bytes = this.#bytes;
    const free = 8 - (this.#bits & 7);
    let at = this.#bits >>> 3;
    this.#bits += size;
    if (size <= free) {
      bytes[at]! |= (value & ((1 << size) - 1)) << (free - size);
      return;
    }
    let rest = size - free;
    bytes[at++]! |= (value >>> rest) & ((1 << free) - 1);
    while (rest >= 8) {
      rest -= 8;
      bytes[at++] = value >>> rest;
    }
    if (rest > 0) bytes[at] = value << (8 - rest);
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

  /** Reads ones and the zero behind them, but at most eight bits; returns the number of ones. */
  readOnes(): number {
    const shift = this.position & 7;
    const at = this.position >>> 3;
    let ones = 0;
    if (this.remaining < 8) {
      while (ones < 8 && this.read(1) === 1) ones++;
      return ones;
    }
    const byte = shift === 0 ? this.#bytes[at]! : (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
    const window = (shift === 0 ? byte : byte >>> (8 - shift)) & 0xff;
    ones = Math.clz32((window << 24) ^ 0xff000000);
    if (ones > 8) ones = 8;
    this.position += Math.min(ones + 1, 8);
    return ones;
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
