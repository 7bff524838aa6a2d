// Where a decompressor writes: memory that grows with what really comes out, up to a bound, and that is
// claimed from whoever keeps account of it before it is taken. So a small body can't take much unseen.
import type { WeirError } from '@weir/errors';

/** Up to here a loop is faster than a call. */
const LOOP_MAX_BYTES = 64;

/** How much may come out of a body. */
export interface OutputBound {
  readonly sizeMaxBytes: number;
  /** What is thrown beyond it. */
  readonly tooLarge: () => WeirError;
  /** Called before so many more bytes of memory are taken; what it throws ends the decompression. */
  readonly claim?: (moreBytes: number) => void;
}

/** Decompression pauses after so many more bytes have come out: some milliseconds. */
const STEP_BYTES = 2 << 20;

/** A decompression that lets its caller do something else in between; ends with what came out. */
export type Decompressing = Generator<void, Uint8Array, void>;

export class BoundedOutput {
  /** Bytes that have come out. */
  size = 0;
  /** Valid below `size`; another array after each reserve(). */
  bytes: Uint8Array;
  readonly #bound: OutputBound;
  #pausedAt = 0;

  constructor(capacity: number, bound: OutputBound) {
    const first = Math.min(bound.sizeMaxBytes, capacity);
    bound.claim?.(first);
    this.bytes = new Uint8Array(first);
    this.#bound = bound;
  }

  append(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    const { bytes, size } = this;
    if (to - from > LOOP_MAX_BYTES) bytes.set(source.subarray(from, to), size);
    else for (let at = from; at < to; at++) bytes[size + at - from] = source[at]!;
    this.size = size + to - from;
  }

  fill(byte: number, length: number): void {
    this.reserve(length);
    this.bytes.fill(byte, this.size, this.size + length);
    this.size += length;
  }

  /** Copies what lies `back` behind the end; the two may overlap, which repeats it. */
  repeat(back: number, length: number): void {
    this.reserve(length);
    const { bytes, size } = this;
    const to = size + length;
    if (length <= LOOP_MAX_BYTES) {
      for (let at = size; at < to; at++) bytes[at] = bytes[at - back]!;
    } else {
      // What lies between repeats itself: each copy may be as long as what is there already.
      for (let at = size, piece = back; at < to; at += piece, piece *= 2) {
        bytes.copyWithin(at, size - back, size - back + Math.min(piece, to - at));
      }
    }
    this.size = to;
  }

  /** Whether it is time for a pause; asked once for each. */
  get pauses(): boolean {
    if (this.size - this.#pausedAt < STEP_BYTES) return false;
    this.#pausedAt = this.size;
    return true;
  }

  taken(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }

  /** Makes room for so many more bytes, or throws `tooLarge()`. */
  reserve(extra: number): void {
    const wanted = this.size + extra;
    const { sizeMaxBytes, tooLarge, claim } = this.#bound;
    if (wanted > sizeMaxBytes) throw tooLarge();
    const present = this.bytes.length;
    if (wanted <= present) return;
    const capacity = Math.min(sizeMaxBytes, Math.max(wanted, present * 2));
    claim?.(capacity - present);
    const grown = new Uint8Array(capacity);
    grown.set(this.bytes.subarray(0, this.size));
    this.bytes = grown;
  }
}
