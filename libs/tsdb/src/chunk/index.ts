// Chunk codecs.
export { CHUNK_XOR, type Chunk } from './chunk.ts';
export { chunkSampleCount, decodeXorChunk } from './xor-decode.ts';
export { encodeXorChunk, XorEncoder, xorChunkSize } from './xor-encode.ts';
