// Blocks: chunk segments, index and meta.json together.

export type { BlockSink, BlockSource } from '../index/files.ts';
export type { Pause } from '../index/index-writer.ts';
export type { SymbolList } from '../index/symbol-lookup.ts';
export { createKeptEntries, type KeptEntries } from './kept-entries.ts';
export {
  type BlockMeta,
  decodeBlockMeta,
  encodeBlockMeta,
  isUlid,
  META_FILE,
  type ThanosSection,
  type WeirSection,
} from './meta.ts';
export { type BlockReader, type BlockSelect, openBlock } from './open-block.ts';
export { type BlockInput, type BlockSeries, writeBlock } from './write-block.ts';
