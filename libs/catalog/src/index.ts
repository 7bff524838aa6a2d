// Which blocks are in the bucket, what each partition has shipped, and how a block gets there.

export type { BlockMeta } from '@weir/tsdb/block';
export { type Catalog, type CatalogBlock, createCatalog } from './catalog.ts';
export { type CatalogSettings, catalogFlags } from './flags.ts';
export {
  type Manifest,
  type ManifestSnapshot,
  type ManifestWindow,
  manifestKey,
  readManifest,
  snapshotPrefix,
  writeManifest,
} from './manifest.ts';
export { uploadBlock } from './upload-block.ts';
