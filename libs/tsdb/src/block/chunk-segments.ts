// Segment files of chunks, `chunks/000001` and on (Prometheus: tsdb/docs/format/chunks.md): the writer,
// and how a reference names a chunk: segment number (from zero) in the upper 32 bits, offset below.
import { uvarintSize } from '@weir/bytes';
import type { Chunk } from '../chunk/index.ts';
import { FileWriter } from '../index/file-writer.ts';
import type { BlockSink } from '../index/files.ts';

export const CHUNKS_MAGIC = 0x85bd40dd;
export const CHUNKS_VERSION = 1;
export const SEGMENT_HEADER_SIZE = 8;
const SEGMENT_SIZE_MAX = 512 << 20;
const UINT32_RANGE = 2 ** 32;

export function chunkRef(segment: number, offset: number): number {
  return segment * UINT32_RANGE + offset;
}

export function segmentOf(ref: number): number {
  return Math.floor(ref / UINT32_RANGE);
}

export function offsetOf(ref: number): number {
  return ref % UINT32_RANGE;
}

/** The file name within `chunks/` of a segment, numbered from zero. */
export function segmentName(segment: number): string {
  return String(segment + 1).padStart(6, '0');
}

export function segmentFile(name: string): string {
  return `chunks/${name}`;
}

export class ChunkSegmentWriter {
  #sink: BlockSink;
  #sizeMax: number;
  #out: FileWriter | undefined;
  #finished: { file: string; sizeBytes: number }[] = [];

  /** `sizeMax` is for tests; segments are 512 MiB at most. */
  constructor(sink: BlockSink, sizeMax = SEGMENT_SIZE_MAX) {
    this.#sink = sink;
    this.#sizeMax = sizeMax;
  }

  /** Makes room for a series' chunks, so that they stay in one segment where that is possible. */
  async reserve(sizeBytes: number): Promise<void> {
    if (this.#out !== undefined && this.#out.position + sizeBytes > this.#sizeMax)
      await this.#end();
    if (this.#out === undefined) {
      this.#out = new FileWriter(this.#sink, segmentFile(segmentName(this.#finished.length)));
      this.#out.putUint32(CHUNKS_MAGIC);
      this.#out.putByte(CHUNKS_VERSION);
      this.#out.pad(SEGMENT_HEADER_SIZE);
    }
    if (this.#out.full) await this.#out.drain();
  }

  /** True when reserve() must be awaited before chunks of this size are put. */
  needsReserve(sizeBytes: number): boolean {
    const out = this.#out;
    return out === undefined || out.full || out.position + sizeBytes > this.#sizeMax;
  }

  /** Appends a chunk and returns its reference. */
  put(chunk: Chunk): number {
    const out = this.#out!;
    const ref = chunkRef(this.#finished.length, out.position);
    out.putUvarint(chunk.bytes.length);
    out.beginCrc();
    out.putByte(chunk.encoding);
    out.putBytes(chunk.bytes);
    out.putCrc();
    return ref;
  }

  /** Returns all segments; a block without chunks still has one. */
  async finish(): Promise<readonly { file: string; sizeBytes: number }[]> {
    await this.reserve(0);
    await this.#end();
    return this.#finished;
  }

  async #end(): Promise<void> {
    const out = this.#out!;
    await out.drain();
    this.#finished.push({ file: out.file, sizeBytes: out.position });
    this.#out = undefined;
  }
}

/** Bytes that a chunk takes in a segment file. */
export function storedSize(chunk: Chunk): number {
  return uvarintSize(chunk.bytes.length) + 1 + chunk.bytes.length + 4;
}
