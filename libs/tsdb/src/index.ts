// Prometheus's TSDB formats: chunks, index, blocks, merging. Use the sub-path exports.
export { CHUNK_XOR, type Chunk } from './chunk/index.ts';
