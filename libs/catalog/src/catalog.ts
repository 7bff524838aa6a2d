// Which blocks a query has to read, found by listing the bucket. A tenant's list is read when it is first
// asked for and again when it has become too old; nothing is polled for tenants that nobody queries.
// Readers are shared and kept while their tables fit the budget; an evicted one that is still in use
// lives as long as its user. Later the bucket index takes the place of listing.
import type { Bucket } from '@weir/bucket';
import type { Clock } from '@weir/runtime';
import { Counter, type Telemetry } from '@weir/telemetry';
import { type BlockMeta, type BlockReader, openBlock } from '@weir/tsdb/block';
import { bucketBlockSource } from './bucket-block.ts';
import type { CatalogSettings } from './flags.ts';
import { RangeCache } from './range-cache.ts';
import { TenantBlocks } from './tenant-blocks.ts';

export interface CatalogBlock {
  readonly meta: BlockMeta;
  /** Shared and cached; it need not be closed. */
  open(): Promise<BlockReader>;
}

export interface Catalog {
  /**
   * Blocks of the tenant that may hold samples in [minT, maxT], both inclusive, ms; oldest first. Errors
   * of the bucket pass through; a meta.json that can't be read rejects with `corrupt`. A list that was
   * begun before `listedSinceMs` (the clock's nowMs()) is read again, however young it is.
   */
  blocks(
    tenant: string,
    minT: number,
    maxT: number,
    listedSinceMs?: number,
  ): Promise<readonly CatalogBlock[]>;
  /** Reads the tenant's list again now. */
  refresh(tenant: string): Promise<void>;
}

interface TenantState {
  readonly blocks: TenantBlocks;
  syncedMs: number;
  /** The same moment on the clock that others share. */
  listedMs: number;
  syncing: Promise<void> | undefined;
}

interface Opened {
  readonly reader: Promise<BlockReader>;
  /** Once opened. */
  value: BlockReader | undefined;
}

export function createCatalog(
  settings: CatalogSettings,
  parts: { readonly bucket: Bucket; readonly clock: Clock; readonly telemetry?: Telemetry },
): Catalog {
  const { bucket, clock } = parts;
  const cache = new RangeCache(settings.indexCacheSizeBytes);
  const tenants = new Map<string, TenantState>();
  const opened = new Map<string, Opened>();
  const metrics = createMetrics(parts.telemetry);

  function stateOf(tenant: string): TenantState {
    let state = tenants.get(tenant);
    if (state === undefined) {
      const blocks = new TenantBlocks(bucket, tenant, settings.ignoreDeletionMarksDelayMs);
      state = {
        blocks,
        syncedMs: Number.NEGATIVE_INFINITY,
        listedMs: Number.NEGATIVE_INFINITY,
        syncing: undefined,
      };
      tenants.set(tenant, state);
    }
    return state;
  }

  async function sync(state: TenantState): Promise<void> {
    const startedMs = clock.steadyMs();
    const listedMs = clock.nowMs();
    metrics.syncs?.inc();
    try {
      await state.blocks.sync();
      state.syncedMs = startedMs;
      state.listedMs = listedMs;
    } catch (error) {
      metrics.failures?.inc();
      throw error;
    } finally {
      state.syncing = undefined;
    }
  }

  function refresh(tenant: string): Promise<void> {
    const state = stateOf(tenant);
    state.syncing ??= sync(state);
    return state.syncing;
  }

  function open(tenant: string, meta: BlockMeta): Promise<BlockReader> {
    const key = `${tenant}/${meta.ulid}`;
    let entry = opened.get(key);
    if (entry === undefined) {
      const source = bucketBlockSource(bucket, tenant, meta, cache);
      const fresh: Opened = { reader: openBlock(source, meta), value: undefined };
      fresh.reader.then(
        (reader) => {
          fresh.value = reader;
        },
        () => {
          if (opened.get(key) === fresh) opened.delete(key);
        },
      );
      entry = fresh;
    }
    // Map order is the order of use.
    opened.delete(key);
    opened.set(key, entry);
    evict();
    return entry.reader;
  }

  /** Tables load at the first query, so what a reader takes is known only at a later call. */
  function evict(): void {
    let sizeBytes = 0;
    for (const { value } of opened.values()) sizeBytes += value?.sizeBytes ?? 0;
    for (const [key, { value }] of opened) {
      if (sizeBytes <= settings.openBlocksSizeBytes) return;
      if (value === undefined) continue;
      sizeBytes -= value.sizeBytes;
      opened.delete(key);
    }
  }

  return {
    refresh,
    async blocks(tenant, minT, maxT, listedSinceMs = Number.NEGATIVE_INFINITY) {
      const state = stateOf(tenant);
      const ageMs = clock.steadyMs() - state.syncedMs;
      const isOld = () => state.listedMs < listedSinceMs;
      if (ageMs >= settings.syncIntervalMs || isOld()) await refresh(tenant);
      // That may have been a reading that had begun before.
      if (isOld()) await refresh(tenant);
      return state.blocks
        .current(clock.nowMs())
        .filter((meta) => meta.minTime <= maxT && meta.maxTime > minT)
        .map((meta) => ({ meta, open: () => open(tenant, meta) }));
    },
  };
}

function createMetrics(telemetry: Telemetry | undefined) {
  if (telemetry === undefined) return {};
  const registers = [telemetry.metrics];
  return {
    syncs: new Counter({
      name: 'cortex_blocks_meta_syncs_total',
      help: 'Times that the list of a tenant’s blocks was read from the bucket.',
      registers,
    }),
    failures: new Counter({
      name: 'cortex_blocks_meta_sync_failures_total',
      help: 'Times that reading the list of a tenant’s blocks failed.',
      registers,
    }),
  };
}
