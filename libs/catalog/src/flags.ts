// Flags of finding and reading blocks, named as Mimir's where it has them.
import { defineFlags, type SettingsOf } from '@weir/config';

export const catalogFlags = defineFlags({
  syncIntervalMs: {
    kind: 'duration',
    flag: 'blocks-storage.bucket-store.sync-interval',
    yaml: 'blocks_storage.bucket_store.sync_interval',
    default: 60_000,
    help: 'How old the list of a tenant’s blocks may be when a query uses it.',
  },
  ignoreDeletionMarksDelayMs: {
    kind: 'duration',
    flag: 'blocks-storage.bucket-store.ignore-deletion-marks-delay',
    yaml: 'blocks_storage.bucket_store.ignore_deletion_mark_delay',
    default: 3_600_000,
    help: 'How long after being marked for deletion a block is still queried.',
  },
  indexCacheSizeBytes: {
    kind: 'int',
    flag: 'blocks-storage.bucket-store.index-cache.inmemory.max-size-bytes',
    yaml: 'blocks_storage.bucket_store.index_cache.inmemory.max_size_bytes',
    default: 64 << 20,
    help: 'Memory for parts of index files that were read.',
  },
  openBlocksSizeBytes: {
    kind: 'int',
    flag: 'blocks-storage.bucket-store.open-blocks-max-size-bytes',
    yaml: 'blocks_storage.bucket_store.open_blocks_max_size_bytes',
    default: 256 << 20,
    help: 'Memory for the symbols and postings tables of blocks that were queried lately.',
  },
});

export type CatalogSettings = SettingsOf<typeof catalogFlags>;
