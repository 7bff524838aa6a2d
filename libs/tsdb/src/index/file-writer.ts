// A buffered appender to one file of a block. Puts are synchronous and only fill the buffer; the caller
// awaits drain() between items, so that writing costs a promise per quarter megabyte, not per field, and
// holds the thread for about a millisecond between two.
import { crc32c, writeUvarint } from '@weir/bytes';
import type { BlockSink } from './files.ts';

const DRAIN_SIZE = 1 << 18;
const VARINT_SIZE_MAX = 10;

export class FileWriter {
  readonly file: string;
  #sink: BlockSink;
  #buffer = new Uint8Array(DRAIN_SIZE + (1 << 16));
  #view = new DataView(this.#buffer.buffer);
  #at = 0;
  #flushed = 0;
  #crc = 0;
  #crcFrom = -1;

  constructor(sink: BlockSink, file: string) {
    this.#sink = sink;
    this.file = file;
  }

  /** Bytes put so far: the offset of the next put. */
  get position(): number {
    return this.#flushed + this.#at;
  }

  putByte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
  }

  putUint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  putUvarint(value: number): void {
    this.#reserve(VARINT_SIZE_MAX);
    this.#at = writeUvarint(this.#buffer, this.#at, value);
  }

  putBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  putPrefixed(bytes: Uint8Array): void {
    this.putUvarint(bytes.length);
    this.putBytes(bytes);
  }

  pad(alignment: number): void {
    while (this.position % alignment !== 0) this.putByte(0);
  }

  /** What is put from here on counts for the next putCrc(). */
  beginCrc(): void {
    this.#crc = 0;
    this.#crcFrom = this.#at;
  }

  putCrc(): void {
    const crc = crc32c(this.#buffer, this.#crcFrom, this.#at, this.#crc);
    this.#crcFrom = -1;
    this.putUint32(crc);
  }

  /** True when drain() is due. */
  get full(): boolean {
    return this.#at >= DRAIN_SIZE;
  }

  /** Hands the buffer to the sink. */
  async drain(): Promise<void> {
    if (this.#at === 0) return;
    if (this.#crcFrom >= 0) {
      this.#crc = crc32c(this.#buffer, this.#crcFrom, this.#at, this.#crc);
      this.#crcFrom = 0;
    }
    const size = this.#at;
    await this.#sink.write(this.file, this.#buffer.subarray(0, size));
    this.#flushed += size;
    this.#at = 0;
  }

  #reserve(size: number): void {
    const wanted = this.#at + size;
    if (wanted <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}
