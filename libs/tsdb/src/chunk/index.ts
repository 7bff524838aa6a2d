// Chunk codecs.
export { CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM, CHUNK_XOR, type Chunk } from './chunk.ts';
export { readHistogramChunk, withoutResetHeader } from './histogram-decode.ts';
export { HistogramChunk } from './histogram-encode.ts';
export { XorBatch } from './xor-batch.ts';
export { chunkSampleCount, decodeXorChunk } from './xor-decode.ts';
export { encodeXorChunk, XorEncoder, xorChunkSize } from './xor-encode.ts';
