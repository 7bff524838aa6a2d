// The index file of a block, format version 2: writer and reader.
export type { BlockSink, BlockSource } from './files.ts';
export { IndexReader } from './index-reader.ts';
export { IndexWriter } from './index-writer.ts';
