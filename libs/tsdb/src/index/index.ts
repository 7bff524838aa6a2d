// The index file of a block, format version 2: writer and reader.
export type { BlockSink, BlockSource } from './files.ts';
export { IndexWriter } from './index-writer.ts';
