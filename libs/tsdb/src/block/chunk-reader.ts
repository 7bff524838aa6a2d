// Reads chunks by reference, coalesced, each checksum verified. The chunks of a read are views of the
// buffers that were read: holding one holds its span.
import { type Cursor, crc32c, readUvarint } from '@weir/bytes';
import type { Chunk } from '../chunk/index.ts';
import type { BlockSource } from '../index/files.ts';
import { corruptAt } from '../index/format.ts';
import { decoding } from '../index/sections.ts';
import { coalesce, SPAN_SIZE_MAX, type Span } from '../index/spans.ts';
import {
  CHUNKS_MAGIC,
  CHUNKS_VERSION,
  chunkRef,
  SEGMENT_HEADER_SIZE,
  segmentFile,
  segmentName,
  segmentOf,
} from './chunk-segments.ts';

/** A guess of a stored chunk's size; a longer one at the end of a span costs a read of its own. */
const CHUNK_SIZE_GUESS = 4096;
const READS_AT_ONCE = 8;
const LENGTH_SIZE_MAX = 5;
const CRC_SIZE = 4;

/** Which chunks to read: columns, so that a caller passes no object per chunk. */
export interface ChunkRequest {
  readonly count: number;
  readonly refs: Float64Array;
  readonly minT: Float64Array;
  readonly maxT: Float64Array;
}

interface Segment {
  readonly file: string;
  readonly size: number;
}

export class ChunkReader {
  readonly #source: BlockSource;
  readonly #names: readonly string[] | undefined;
  readonly #segments = new Map<number, Promise<Segment>>();

  /** `names`: the segment files in order, if they aren't 000001 and on. */
  constructor(source: BlockSource, names: readonly string[] | undefined) {
    this.#source = source;
    this.#names = names;
  }

  /** The chunks in the order of the request. */
  async read(request: ChunkRequest): Promise<Chunk[]> {
    const chunks: Chunk[] = [];
    for (let at = 0; at < request.count; ) {
      const number = segmentOf(request.refs[at]!);
      let last = at + 1;
      while (last < request.count && segmentOf(request.refs[last]!) === number) last++;
      const segment = await this.#segment(number);
      await this.#readSegment(segment, chunkRef(number, 0), request, at, last, chunks);
      at = last;
    }
    return chunks;
  }

  async #readSegment(
    segment: Segment,
    base: number,
    request: ChunkRequest,
    first: number,
    last: number,
    chunks: Chunk[],
  ): Promise<void> {
    const startOf = (item: number) => request.refs[item]! - base;
    const endOf = (item: number) => startOf(item) + CHUNK_SIZE_GUESS;
    const { gapMaxBytes } = this.#source;
    const spans = coalesce(first, last, startOf, endOf, segment.size, gapMaxBytes);
    for (const some of atOnce(spans)) {
      const reads = await Promise.all(some.map((span) => this.#readSpan(segment, span)));
      for (const [index, span] of some.entries()) {
        const bytes = reads[index]!;
        for (let item = span.first; item < span.last; item++) {
          const offset = startOf(item);
          const at = offset - span.from;
          const stored = sizeAt(bytes, at, segment.file, offset);
          if (offset + stored > segment.size) {
            throw corruptAt(segment.file, offset, 'a chunk reaches past the end of its segment');
          }
          const isWhole = at + stored <= bytes.length;
          const whole = isWhole ? bytes : await this.#source.read(segment.file, offset, stored);
          const from = isWhole ? at : 0;
          chunks.push(decodeChunk(whole, from, stored, request, item, segment.file, offset));
        }
      }
    }
  }

  async #readSpan({ file }: Segment, { from, to }: Span): Promise<Uint8Array> {
    if (from < SEGMENT_HEADER_SIZE || to <= from) {
      throw corruptAt(file, from, 'a chunk reference points outside of the segment');
    }
    return this.#source.read(file, from, to - from);
  }

  #segment(number: number): Promise<Segment> {
    let segment = this.#segments.get(number);
    if (segment === undefined) {
      segment = this.#openSegment(number);
      segment.catch(() => this.#segments.delete(number));
      this.#segments.set(number, segment);
    }
    return segment;
  }

  async #openSegment(number: number): Promise<Segment> {
    const name = this.#names === undefined ? segmentName(number) : this.#names[number];
    if (name === undefined) {
      throw corruptAt('index', 0, `a chunk lies in segment ${number + 1}, which the block hasn't`);
    }
    const file = segmentFile(name);
    const size = await this.#source.size(file);
    if (size < SEGMENT_HEADER_SIZE) throw corruptAt(file, 0, 'segment has no header');
    const header = await this.#source.read(file, 0, SEGMENT_HEADER_SIZE);
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (view.getUint32(0) !== CHUNKS_MAGIC) throw corruptAt(file, 0, 'not a chunk segment');
    if (header[4] !== CHUNKS_VERSION) {
      throw corruptAt(file, 4, `segment version ${header[4]} is unknown, 1 is read`);
    }
    return { file, size };
  }
}

/** Spans that are read together: some, and not more bytes than the largest span may have. */
function* atOnce(spans: readonly Span[]): Generator<Span[]> {
  let some: Span[] = [];
  let sizeBytes = 0;
  for (const span of spans) {
    const size = span.to - span.from;
    if (some.length === READS_AT_ONCE || (some.length > 0 && sizeBytes + size > SPAN_SIZE_MAX)) {
      yield some;
      some = [];
      sizeBytes = 0;
    }
    some.push(span);
    sizeBytes += size;
  }
  if (some.length > 0) yield some;
}

/** Bytes that the chunk at `at` takes in its segment, from its length field. */
function sizeAt(bytes: Uint8Array, at: number, file: string, offset: number): number {
  return decoding(file, offset, () => {
    const cursor: Cursor = { at };
    const size = readUvarint(bytes, cursor, Math.min(bytes.length, at + LENGTH_SIZE_MAX));
    return cursor.at - at + 1 + size + CRC_SIZE;
  });
}

function decodeChunk(
  bytes: Uint8Array,
  at: number,
  stored: number,
  request: ChunkRequest,
  item: number,
  file: string,
  offset: number,
): Chunk {
  const end = at + stored - CRC_SIZE;
  let from = at;
  while (bytes[from]! >= 128) from++;
  from++;
  const crc =
    ((bytes[end]! << 24) | (bytes[end + 1]! << 16) | (bytes[end + 2]! << 8) | bytes[end + 3]!) >>>
    0;
  if (crc !== crc32c(bytes, from, end))
    throw corruptAt(file, offset, 'checksum of a chunk differs');
  return {
    minT: request.minT[item]!,
    maxT: request.maxT[item]!,
    encoding: bytes[from]!,
    bytes: bytes.subarray(from + 1, end),
  };
}
