// Chunk codecs.
export {
  CHUNK_FLOAT_HISTOGRAM,
  CHUNK_FLOAT_HISTOGRAM_ST,
  CHUNK_HISTOGRAM,
  CHUNK_HISTOGRAM_ST,
  CHUNK_XOR,
  CHUNK_XOR2,
  type Chunk,
  chunkSampleCount,
  hasStarts,
  isFloatChunk,
  isHistogramChunk,
} from './chunk.ts';
export { decodeFloatChunk, encodeFloatChunk } from './float-chunk.ts';
export { readHistogramChunk, withoutResetHeader } from './histogram-decode.ts';
export { HistogramChunk } from './histogram-encode.ts';
export { XorBatch } from './xor-batch.ts';
export { decodeXorChunk } from './xor-decode.ts';
export { encodeXorChunk, XorEncoder, xorChunkSize } from './xor-encode.ts';
export { encodeXor2Chunk } from './xor2-encode.ts';
