// Messages of the internal read protocol as bytes: JSON for headers and name lists, and
// ChunkedReadResponse (proto/remote.proto) for series. The labels field of a ChunkedSeries is exactly
// the canonical label bytes, so labels are copied verbatim both ways.
//
//   ChunkedReadResponse: (0x0a len ChunkedSeries)*
//   ChunkedSeries:       label bytes, (0x12 len Chunk)*
//   Chunk:               0x08 min_time_ms  0x10 max_time_ms  0x18 type  0x22 len data
import { type Cursor, readUvarint, text, utf8, uvarintSize, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { Chunk } from '@weir/tsdb/chunk';
import type { ReadHeader, ReadTexts } from './read-port.ts';
import type { SeriesChunks } from './series-chunks.ts';

/** Bytes of a negative int64 as a varint. */
const NEGATIVE_SIZE = 10;

export function encodeJson(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}

export function encodeHeader(header: ReadHeader): Uint8Array {
  return encodeJson(header);
}

export function decodeHeader(message: Uint8Array): ReadHeader {
  const value = decodeJson(message);
  const { heldBlocks, declined } = (value ?? {}) as { heldBlocks?: unknown; declined?: unknown };
  if (!isStrings(heldBlocks)) {
    throw new WeirError('corrupt', 'read answer does not begin with a header');
  }
  return declined === true ? { heldBlocks, declined } : { heldBlocks };
}

export function encodeTexts(texts: ReadTexts): Uint8Array {
  return encodeJson(texts);
}

export function decodeTexts(message: Uint8Array): ReadTexts {
  const value = decodeJson(message) as { heldBlocks?: unknown; texts?: unknown } | null;
  const { heldBlocks, texts } = value ?? {};
  if (!isStrings(texts) || !isStrings(heldBlocks)) {
    throw new WeirError('corrupt', 'read answer holds no list of texts');
  }
  return { heldBlocks, texts };
}

export function decodeJson(message: Uint8Array): unknown {
  try {
    return JSON.parse(text(message));
  } catch (cause) {
    throw new WeirError('corrupt', 'read answer is not JSON', { cause });
  }
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** One message in a buffer of its own, so that it can be transferred. */
export function encodeChunkedSeries(batch: readonly SeriesChunks[]): Uint8Array {
  const sizes = batch.map(seriesSize);
  let total = 0;
  for (const size of sizes) total += 1 + uvarintSize(size) + size;
  const out = new Uint8Array(total);
  let at = 0;
  for (let index = 0; index < batch.length; index++) {
    const series = batch[index]!;
    out[at++] = 0x0a;
    at = writeUvarint(out, at, sizes[index]!);
    out.set(series.labels, at);
    at += series.labels.length;
    for (const chunk of series.chunks) at = writeChunk(out, at, chunk);
  }
  return out;
}

function seriesSize(series: SeriesChunks): number {
  let size = series.labels.length;
  for (const chunk of series.chunks) {
    const inner = chunkSize(chunk);
    size += 1 + uvarintSize(inner) + inner;
  }
  return size;
}

function chunkSize(chunk: Chunk): number {
  const data = chunk.bytes.length;
  return (
    4 +
    int64Size(chunk.minT) +
    int64Size(chunk.maxT) +
    uvarintSize(chunk.encoding) +
    uvarintSize(data) +
    data
  );
}

function writeChunk(out: Uint8Array, start: number, chunk: Chunk): number {
  let at = start;
  out[at++] = 0x12;
  at = writeUvarint(out, at, chunkSize(chunk));
  out[at++] = 0x08;
  at = writeInt64(out, at, chunk.minT);
  out[at++] = 0x10;
  at = writeInt64(out, at, chunk.maxT);
  out[at++] = 0x18;
  at = writeUvarint(out, at, chunk.encoding);
  out[at++] = 0x22;
  at = writeUvarint(out, at, chunk.bytes.length);
  out.set(chunk.bytes, at);
  return at + chunk.bytes.length;
}

function int64Size(value: number): number {
  return value < 0 ? NEGATIVE_SIZE : uvarintSize(value);
}

function writeInt64(out: Uint8Array, start: number, value: number): number {
  if (value >= 0) return writeUvarint(out, start, value);
  let at = start;
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) out[at++] = Number(rest & 127n) | 128;
  out[at++] = Number(rest);
  return at;
}

/** The series of one message; labels and chunks are views of its buffer. Throws kind `corrupt`. */
export function decodeChunkedSeries(message: Uint8Array): SeriesChunks[] {
  const batch: SeriesChunks[] = [];
  const cursor: Cursor = { at: 0 };
  try {
    while (cursor.at < message.length) {
      const tag = readUvarint(message, cursor, message.length);
      if (tag === 0x0a) {
        const end = lengthEnd(message, cursor, message.length);
        batch.push(decodeSeries(message, cursor, end));
      } else skipField(message, cursor, message.length, tag);
    }
  } catch (error) {
    if (error instanceof WeirError && error.kind === 'corrupt') throw error;
    throw new WeirError('corrupt', 'read answer holds a damaged series message', { cause: error });
  }
  return batch;
}

function decodeSeries(bytes: Uint8Array, cursor: Cursor, end: number): SeriesChunks {
  const labelsFrom = cursor.at;
  while (cursor.at < end && bytes[cursor.at] === 0x0a) {
    cursor.at++;
    cursor.at = lengthEnd(bytes, cursor, end);
  }
  const labels = bytes.subarray(labelsFrom, cursor.at);
  const chunks: Chunk[] = [];
  while (cursor.at < end) {
    const tag = readUvarint(bytes, cursor, end);
    if (tag === 0x12) chunks.push(decodeChunk(bytes, cursor, lengthEnd(bytes, cursor, end)));
    else if (tag === 0x0a) throw new WeirError('corrupt', 'labels do not stand before the chunks');
    else skipField(bytes, cursor, end, tag);
  }
  return { labels, chunks };
}

function decodeChunk(bytes: Uint8Array, cursor: Cursor, end: number): Chunk {
  let minT = 0;
  let maxT = 0;
  let encoding = 0;
  let data = bytes.subarray(0, 0);
  while (cursor.at < end) {
    const tag = readUvarint(bytes, cursor, end);
    if (tag === 0x08) minT = readInt64(bytes, cursor, end);
    else if (tag === 0x10) maxT = readInt64(bytes, cursor, end);
    else if (tag === 0x18) encoding = readUvarint(bytes, cursor, end);
    else if (tag === 0x22) {
      const dataEnd = lengthEnd(bytes, cursor, end);
      data = bytes.subarray(cursor.at, dataEnd);
      cursor.at = dataEnd;
    } else skipField(bytes, cursor, end, tag);
  }
  return { minT, maxT, encoding, bytes: data };
}

/** Reads a length and returns the position at which its field ends. */
function lengthEnd(bytes: Uint8Array, cursor: Cursor, end: number): number {
  const fieldEnd = readUvarint(bytes, cursor, end) + cursor.at;
  if (fieldEnd > end) throw new WeirError('corrupt', 'read answer is cut off inside a field');
  return fieldEnd;
}

function readInt64(bytes: Uint8Array, cursor: Cursor, end: number): number {
  const start = cursor.at;
  const value = readUvarint(bytes, cursor, end);
  if (cursor.at - start < NEGATIVE_SIZE) return value;
  let exact = 0n;
  for (let at = cursor.at - 1; at >= start; at--) exact = (exact << 7n) | BigInt(bytes[at]! & 127);
  return Number(BigInt.asIntN(64, exact));
}

function skipField(bytes: Uint8Array, cursor: Cursor, end: number, tag: number): void {
  const wire = tag & 7;
  if (wire === 0) readUvarint(bytes, cursor, end);
  else if (wire === 1) cursor.at += 8;
  else if (wire === 2) cursor.at = lengthEnd(bytes, cursor, end);
  else if (wire === 5) cursor.at += 4;
  else throw new WeirError('corrupt', `read answer has a field of wire type ${wire}`);
  if (cursor.at > end) throw new WeirError('corrupt', 'read answer is cut off inside a field');
}
