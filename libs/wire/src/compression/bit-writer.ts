// Bits behind each other, the lowest first, as Zstandard's streams are written: they are read from their end.

export class BitWriter {
  readonly bytes: Uint8Array;
  /** Where the next whole byte goes. Beyond the array nothing is written, only counted. */
  at = 0;
  #held = 0;
  #count = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
  }

  /** Adds the lowest bits of a value that has no higher ones: 24 at most. */
  add(value: number, count: number): void {
    this.#held |= value << this.#count;
    this.#count += count;
    while (this.#count >= 8) {
      this.bytes[this.at++] = this.#held;
      this.#held >>>= 8;
      this.#count -= 8;
    }
  }

  /** Fills the last byte with zeros. */
  align(): void {
    if (this.#count > 0) this.add(0, 8 - this.#count);
  }

  /** Ends a stream that is read backwards: a one tells where it begins. */
  close(): void {
    this.add(1, 1);
    this.align();
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  append(source: Uint8Array, from: number, to: number): void {
    const fits = this.at + to - from <= this.bytes.length;
    if (fits) this.bytes.set(source.subarray(from, to), this.at);
    this.at += to - from;
  }
}
