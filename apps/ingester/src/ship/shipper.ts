// Ships the finished blocks of one partition: upload (meta.json last, verified), then the manifest,
// replaced only if nobody else replaced it. The order makes every crash safe: a block without a manifest
// entry is found again (on local disk, else in the bucket) and adopted; an entry without a drop is
// repeated to the head. Where another zone ships, the manifest only tells which of our blocks are in the
// bucket too. Dropping and committing are the partition's, after this.
import type { Bucket } from '@weir/bucket';
import { uploadBlock } from '@weir/catalog';
import { isKind } from '@weir/errors';
import type { ShippedWindow, TenantStats, TenantWindow } from '@weir/head';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import { META_FILE } from '@weir/tsdb/block';
import { decodeTime } from 'ulid';
import type { IngesterMetrics } from '../metrics.ts';
import type { CutWindow, LocalBlock } from '../workers/partition-host.ts';
import type { ManifestFile } from './manifest-file.ts';
import { findOrphans } from './orphans.ts';
import {
  isShipped,
  pruned,
  type ShippedBlock,
  shippedWindows,
  withBlocks,
} from './shipped-windows.ts';

const UPLOADED_MIN_AGE_MS = 3_600_000;
/** By then every querier has listed a block that came into the bucket. */
const LISTED_AFTER_MS = 15 * 60_000;

export interface ShipperSettings {
  readonly topicId: string;
  readonly partition: number;
  readonly retentionPeriodMs: number;
}

export interface ShipperParts {
  readonly bucket: Bucket;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: IngesterMetrics;
  readonly manifest: ManifestFile;
}

export interface Shipper {
  /** Takes over finished blocks of a former run. */
  remember(blocks: readonly LocalBlock[]): void;
  /** Blocks in the bucket that the manifest doesn't know are added to it, if made since then. */
  adopt(sinceMs: number): Promise<void>;
  shipped(): readonly ShippedWindow[];
  /** Windows of local blocks that are shipped: the head may forget them (again). */
  covered(): readonly TenantWindow[];
  /**
   * Windows that were shipped so long ago that every querier knows their blocks, and whose blocks are in
   * the bucket: a head with these tenants may forget them though there is no block here. Each is told once.
   */
  settled(tenants: readonly TenantStats[]): Promise<readonly TenantWindow[]>;
  add(windows: readonly CutWindow[]): void;
  /**
   * Ships what waits; returns the windows that are shipped now. Rejects with the bucket's error after
   * having finished what could be, and with `fenced` when somebody else ships this partition.
   */
  ship(committedOffset: number): Promise<readonly TenantWindow[]>;
  /** What another instance has shipped of what waits here: it waits no longer. */
  follow(): readonly TenantWindow[];
  /** Local blocks that are shipped and old enough to be deleted. */
  expired(): readonly string[];
  forget(ulids: readonly string[]): void;
  /** When a local block was uploaded, as far as this process knows, ms; undefined when it was not. */
  uploadedMs(ulid: string): number | undefined;
  /** When the oldest block that waits was made, ms; undefined when none waits. */
  readonly waitingSinceMs: number | undefined;
  readonly waiting: number;
}

export function createShipper(settings: ShipperSettings, parts: ShipperParts): Shipper {
  const { topicId, partition } = settings;
  const { bucket, clock, manifest } = parts;
  let waiting: CutWindow[] = [];
  const local = new Map<string, { block: LocalBlock; uploadedMs: number }>();
  const told = new Map<string, number>();

  /**
   * Uploads until the bucket fails, passing blocks that are damaged (their samples are still in the head
   * and in the log); what was uploaded goes into the manifest either way.
   */
  async function upload(): Promise<{ done: CutWindow[]; error: unknown }> {
    const done: CutWindow[] = [];
    let damaged: unknown;
    for (const cut of waiting) {
      try {
        if (cut.block !== undefined && !isShipped(manifest.current, cut.window)) {
          await uploadBlock(bucket, cut.window.tenant, cut.block.dir);
          parts.metrics.uploads.inc();
        }
        done.push(cut);
      } catch (error) {
        parts.metrics.uploadFailures.inc();
        if (!isKind(error, 'corrupt')) return { done, error };
        damaged ??= error;
      }
    }
    return { done, error: damaged };
  }

  const record = (blocks: readonly ShippedBlock[], committedOffset: number): Promise<void> =>
    manifest.update((current) => {
      const fresh = blocks.filter(({ window }) => !isShipped(current, window));
      if (fresh.length === 0) return current;
      const oldestMs = clock.nowMs() - 2 * settings.retentionPeriodMs;
      const keep = new Set(local.keys());
      const windows = pruned(withBlocks(current, fresh), committedOffset, oldestMs, keep);
      const safeOffset = Math.max(current.safeOffset ?? 0, committedOffset);
      return { ...current, topicId, partition, safeOffset, windows };
    });

  function done(cuts: readonly CutWindow[]): TenantWindow[] {
    waiting = waiting.filter((cut) => !cuts.includes(cut));
    for (const { block } of cuts) {
      const held = block && local.get(block.ulid);
      if (held) held.uploadedMs = clock.nowMs();
    }
    return cuts.map(({ window }) => window);
  }

  return {
    remember(blocks) {
      for (const block of blocks) {
        local.set(block.ulid, { block, uploadedMs: Number.POSITIVE_INFINITY });
        if (isShipped(manifest.current, block.window)) {
          local.get(block.ulid)!.uploadedMs = clock.nowMs();
        } else waiting.push({ window: block.window, block });
      }
    },
    async adopt(sinceMs) {
      const known = new Set(manifest.current.windows.flatMap(({ blocks }) => blocks));
      const orphans = await findOrphans(bucket, { topicId, partition, sinceMs, known });
      if (orphans.length === 0) return;
      parts.log.warn({ partition, blocks: orphans.map(({ ulid }) => ulid) }, 'blocks adopted');
      await record(orphans, 0);
    },
    shipped: () => shippedWindows(manifest.current),
    covered: () =>
      [...local.values()]
        .map(({ block }) => block.window)
        .filter((window) => isShipped(manifest.current, window)),
    async settled(tenants) {
      const found: TenantWindow[] = [];
      const beforeMs = clock.nowMs() - LISTED_AFTER_MS;
      const oldest = new Map(tenants.map((one) => [one.tenant, one.minTimeMs]));
      for (const { tenant, minT, maxT, throughOffset, blocks } of manifest.current.windows) {
        const key = `${minT}/${tenant}`;
        if ((told.get(key) ?? -1) >= throughOffset) continue;
        if (!((oldest.get(tenant) ?? Infinity) < maxT)) continue;
        if (blocks.some((ulid) => decodeTime(ulid) >= beforeMs)) continue;
        const infos = await Promise.all(
          blocks.map((ulid) => bucket.info(`${tenant}/${ulid}/${META_FILE}`)),
        );
        if (infos.includes(undefined)) continue;
        told.set(key, throughOffset);
        found.push({ tenant, minT, maxT, firstOffset: 0, lastOffset: throughOffset });
      }
      return found;
    },
    add(windows) {
      for (const { block } of windows) {
        if (block) local.set(block.ulid, { block, uploadedMs: Number.POSITIVE_INFINITY });
      }
      waiting.push(...windows);
    },
    async ship(committedOffset) {
      if (waiting.length === 0) return [];
      const { done: uploaded, error } = await upload();
      if (uploaded.length > 0) {
        await record(
          uploaded.map(({ window, block }) => ({ window, ulid: block?.ulid })),
          committedOffset,
        );
      }
      if (error !== undefined && uploaded.length === 0) throw error;
      return done(uploaded);
    },
    follow: () => done(waiting.filter(({ window }) => isShipped(manifest.current, window))),
    expired() {
      const nowMs = clock.nowMs();
      return [...local.values()]
        .filter(
          ({ block, uploadedMs }) =>
            block.window.maxT < nowMs - settings.retentionPeriodMs &&
            uploadedMs <= nowMs - UPLOADED_MIN_AGE_MS,
        )
        .map(({ block }) => block.ulid);
    },
    forget(ulids) {
      for (const ulid of ulids) local.delete(ulid);
      waiting = waiting.filter(({ block }) => block === undefined || !ulids.includes(block.ulid));
    },
    uploadedMs(ulid) {
      const uploadedMs = local.get(ulid)?.uploadedMs;
      return uploadedMs === Number.POSITIVE_INFINITY ? undefined : uploadedMs;
    },
    get waitingSinceMs() {
      const times = waiting.flatMap(({ block }) => (block ? [decodeTime(block.ulid)] : []));
      return times.length === 0 ? undefined : Math.min(...times);
    },
    get waiting() {
      return waiting.length;
    },
  };
}
