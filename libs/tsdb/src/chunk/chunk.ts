// A chunk as the TSDB file formats and remote read carry it, and the kinds of chunks that there are.
import { WeirError } from '@weir/errors';

/**
 * Chunk encodings of Prometheus's TSDB (tsdb/docs/format/chunks.md). The last three hold what the first
 * three do, and start timestamps.
 */
export const CHUNK_XOR = 1;
export const CHUNK_HISTOGRAM = 2;
export const CHUNK_FLOAT_HISTOGRAM = 3;
export const CHUNK_XOR2 = 4;
export const CHUNK_HISTOGRAM_ST = 5;
export const CHUNK_FLOAT_HISTOGRAM_ST = 6;

/** In histogram chunks with start timestamps the first two bits of the count tell of counter resets. */
const COUNT_MASK_ST = 0x3fff;

export interface Chunk {
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  readonly encoding: number;
  /** Sample count (two bytes, big endian), then the bit stream; without length or checksum. */
  readonly bytes: Uint8Array;
}

export function isFloatChunk(encoding: number): boolean {
  return encoding === CHUNK_XOR || encoding === CHUNK_XOR2;
}

/** Of integer or float counts, with start timestamps or without. */
export function isHistogramChunk(encoding: number): boolean {
  return (
    encoding === CHUNK_HISTOGRAM ||
    encoding === CHUNK_FLOAT_HISTOGRAM ||
    encoding === CHUNK_HISTOGRAM_ST ||
    encoding === CHUNK_FLOAT_HISTOGRAM_ST
  );
}

/** Whether chunks of the encoding can hold start timestamps. */
export function hasStarts(encoding: number): boolean {
  return encoding >= CHUNK_XOR2 && encoding <= CHUNK_FLOAT_HISTOGRAM_ST;
}

/** Of histograms of those counts. */
export function histogramEncoding(isFloat: boolean, withStarts: boolean): number {
  if (withStarts) return isFloat ? CHUNK_FLOAT_HISTOGRAM_ST : CHUNK_HISTOGRAM_ST;
  return isFloat ? CHUNK_FLOAT_HISTOGRAM : CHUNK_HISTOGRAM;
}

/** Samples in a chunk, from its header. */
export function chunkSampleCount(encoding: number, bytes: Uint8Array): number {
  if (bytes.length < 2) throw new WeirError('corrupt', `chunk of ${bytes.length} bytes`);
  const count = (bytes[0]! << 8) | bytes[1]!;
  return isHistogramChunk(encoding) && hasStarts(encoding) ? count & COUNT_MASK_ST : count;
}
