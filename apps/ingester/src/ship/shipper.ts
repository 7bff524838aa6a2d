// Ships the finished blocks of one partition: upload (meta.json last, verified), then the manifest,
// replaced only if nobody else replaced it. The order makes every crash safe: a block without a manifest
// entry is found again (on local disk, else in the bucket) and adopted; an entry without a drop is
// repeated to the head. Dropping and committing are the partition's, after this.
import type { Bucket } from '@weir/bucket';
import { type Manifest, readManifest, uploadBlock, writeManifest } from '@weir/catalog';
import { isKind, WeirError } from '@weir/errors';
import type { ShippedWindow, TenantWindow } from '@weir/head';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { IngesterMetrics } from '../metrics.ts';
import type { CutWindow, LocalBlock } from '../workers/partition-host.ts';
import { findOrphans } from './orphans.ts';
import {
  isShipped,
  pruned,
  type ShippedBlock,
  shippedWindows,
  withBlocks,
} from './shipped-windows.ts';

const UPLOADED_MIN_AGE_MS = 3_600_000;

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
  /** Whether the cluster still says that this instance owns the partition. */
  stillOwner(): boolean;
  /** The claim under which it does. */
  claim(): number;
}

export interface Shipper {
  /** Reads the manifest; returns the claim under which it was written. To be called first. */
  load(): Promise<number>;
  /** Takes over finished blocks of a former run. */
  remember(blocks: readonly LocalBlock[]): void;
  /** For an empty disk: blocks in the bucket that the manifest doesn't know are added to it. */
  adopt(sinceMs: number): Promise<void>;
  shipped(): readonly ShippedWindow[];
  /** Windows of local blocks that are shipped: the head may forget them (again). */
  covered(): readonly TenantWindow[];
  add(windows: readonly CutWindow[]): void;
  /**
   * Ships what waits; returns the windows that are shipped now. Rejects with the bucket's error after
   * having finished what could be, and with `fenced` when somebody else ships this partition.
   */
  ship(committedOffset: number): Promise<readonly TenantWindow[]>;
  /** Local blocks that are shipped and old enough to be deleted. */
  expired(): readonly string[];
  forget(ulids: readonly string[]): void;
  readonly waiting: number;
}

export function createShipper(settings: ShipperSettings, parts: ShipperParts): Shipper {
  const { topicId, partition } = settings;
  const { bucket, clock } = parts;
  let manifest: Manifest = { topicId, partition, windows: [] };
  let etag: string | undefined;
  let waiting: CutWindow[] = [];
  const local = new Map<string, { block: LocalBlock; uploadedMs: number }>();

  async function load(): Promise<number> {
    const found = await readManifest(bucket, topicId, partition);
    manifest = found?.manifest ?? { topicId, partition, windows: [] };
    etag = found?.etag;
    return manifest.epoch ?? 0;
  }

  /**
   * Uploads until the bucket fails, passing blocks that are damaged (their samples are still in the head
   * and in the log); what was uploaded goes into the manifest either way.
   */
  async function upload(): Promise<{ done: CutWindow[]; error: unknown }> {
    const done: CutWindow[] = [];
    let damaged: unknown;
    for (const cut of waiting) {
      try {
        if (cut.block !== undefined && !isShipped(manifest, cut.window)) {
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

  async function record(blocks: readonly ShippedBlock[], committedOffset: number): Promise<void> {
    const fresh = blocks.filter(({ window }) => !isShipped(manifest, window));
    if (fresh.length === 0) return;
    for (let attempt = 0; ; attempt++) {
      const oldestMs = clock.nowMs() - 2 * settings.retentionPeriodMs;
      const windows = pruned(
        withBlocks(manifest, fresh),
        committedOffset,
        oldestMs,
        new Set(local.keys()),
      );
      const safeOffset = Math.max(manifest.safeOffset ?? 0, committedOffset);
      const next: Manifest = { topicId, partition, epoch: parts.claim(), safeOffset, windows };
      try {
        etag = await writeManifest(bucket, next, etag);
        manifest = next;
        return;
      } catch (error) {
        // When only the answer was lost, the next attempt is fenced by this one, and merges with it.
        if (!isKind(error, 'fenced')) throw error;
        const epoch = await load();
        if (!parts.stillOwner() || epoch > parts.claim() || attempt >= 3) throw fenced(error);
        parts.log.warn({ partition, epoch }, 'manifest was replaced by a former owner; merging');
      }
    }
  }

  function fenced(cause: unknown): WeirError {
    const message = `another instance ships partition ${partition}: shipping stops here`;
    return new WeirError('fenced', message, { cause });
  }

  return {
    load,
    remember(blocks) {
      for (const block of blocks) {
        local.set(block.ulid, { block, uploadedMs: Number.POSITIVE_INFINITY });
        if (isShipped(manifest, block.window)) local.get(block.ulid)!.uploadedMs = clock.nowMs();
        else waiting.push({ window: block.window, block });
      }
    },
    async adopt(sinceMs) {
      const known = new Set(manifest.windows.flatMap(({ blocks }) => blocks));
      const orphans = await findOrphans(bucket, { topicId, partition, sinceMs, known });
      if (orphans.length === 0) return;
      parts.log.warn({ partition, blocks: orphans.map(({ ulid }) => ulid) }, 'blocks adopted');
      await record(orphans, 0);
    },
    shipped: () => shippedWindows(manifest),
    covered: () =>
      [...local.values()]
        .map(({ block }) => block.window)
        .filter((window) => isShipped(manifest, window)),
    add(windows) {
      for (const { block } of windows) {
        if (block) local.set(block.ulid, { block, uploadedMs: Number.POSITIVE_INFINITY });
      }
      waiting.push(...windows);
    },
    async ship(committedOffset) {
      if (waiting.length === 0) return [];
      const { done, error } = await upload();
      if (done.length > 0) {
        await record(
          done.map(({ window, block }) => ({ window, ulid: block?.ulid })),
          committedOffset,
        );
        waiting = waiting.filter((cut) => !done.includes(cut));
        for (const { block } of done) if (block) local.get(block.ulid)!.uploadedMs = clock.nowMs();
      }
      if (error !== undefined && done.length === 0) throw error;
      return done.map(({ window }) => window);
    },
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
    },
    get waiting() {
      return waiting.length;
    },
  };
}
