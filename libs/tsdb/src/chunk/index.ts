// Chunk codecs.
export { CHUNK_XOR, type Chunk } from './chunk.ts';
