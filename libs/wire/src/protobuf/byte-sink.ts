// A growable, reusable buffer that encoders append to. Kept between uses, so that a steady load
// allocates nothing; callers copy out what must outlive the next clear().
import { uvarintSize, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';

const CAPACITY_MIN = 4096;

export class ByteSink {
  bytes: Uint8Array;
  size = 0;

  readonly #sizeMax: number;

  /** Grows up to `sizeMax` bytes, beyond which writing is an `invalid` error: the input was too much. */
  constructor(capacity = CAPACITY_MIN, sizeMax = 2 ** 31 - 1) {
    this.bytes = new Uint8Array(capacity);
    this.#sizeMax = sizeMax;
  }

  clear(): void {
    this.size = 0;
  }

  /** Makes room for `extra` more bytes. */
  reserve(extra: number): void {
    const wanted = this.size + extra;
    if (wanted <= this.bytes.length) return;
    if (wanted > this.#sizeMax) {
      throw new WeirError(
        'invalid',
        `the request expands to more than ${this.#sizeMax} bytes; send it in smaller parts`,
      );
    }
    const grown = new Uint8Array(Math.min(this.#sizeMax, Math.max(wanted, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.size));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.size++] = value;
  }

  /** An integer ≥ 0 below 2^53. */
  uvarint(value: number): void {
    this.reserve(uvarintSize(value));
    this.size = writeUvarint(this.bytes, this.size, value);
  }

  /** A protobuf int64: negative numbers take ten bytes. */
  int64(value: number): void {
    if (value >= 0) {
      this.uvarint(value);
      return;
    }
    this.reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 128n) {
      this.bytes[this.size++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.bytes[this.size++] = Number(rest);
  }

  /** Two little-endian 32-bit halves. */
  fixed64(low: number, high: number): void {
    this.reserve(8);
    const { bytes, size } = this;
    for (let index = 0; index < 4; index++) {
      bytes[size + index] = low >>> (8 * index);
      bytes[size + 4 + index] = high >>> (8 * index);
    }
    this.size = size + 8;
  }

  append(source: Uint8Array, from = 0, to = source.length): void {
    this.reserve(to - from);
    this.bytes.set(source.subarray(from, to), this.size);
    this.size += to - from;
  }

  /** A length-delimited field: tag, length, bytes. */
  field(tag: number, source: Uint8Array): void {
    this.uvarint(tag);
    this.uvarint(source.length);
    this.append(source);
  }

  /** A copy of what was written, in an ArrayBuffer of exactly that size. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }
}
