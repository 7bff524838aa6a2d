// A chunk as the TSDB file formats and remote read carry it.

/** Chunk encodings of Prometheus's TSDB (tsdb/docs/format/chunks.md). */
export const CHUNK_XOR = 1;
export const CHUNK_HISTOGRAM = 2;
export const CHUNK_FLOAT_HISTOGRAM = 3;

export interface Chunk {
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  readonly encoding: number;
  /** Sample count (two bytes, big endian), then the bit stream; without length or checksum. */
  readonly bytes: Uint8Array;
}
