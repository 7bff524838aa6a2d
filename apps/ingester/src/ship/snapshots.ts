// Uploads snapshots of a partition's head and has the manifest name the newest two; what it no longer
// names is deleted after that. Also reads them back for an empty disk: newest first, each refused one said
// once. A snapshot that the manifest doesn't name (a crash in between) is removed when it is old.
import type { Bucket } from '@weir/bucket';
import { type ManifestSnapshot, snapshotPrefix } from '@weir/catalog';
import { isKind, toWeirError, WeirError } from '@weir/errors';
import { snapshotHeader } from '@weir/head';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { IngesterMetrics } from '../metrics.ts';
import type { PartitionHost } from '../workers/partition-host.ts';
import type { ManifestFile } from './manifest-file.ts';

const KEPT = 2;
const DOWNLOAD_BYTES = 1024 * 1024;
/** Nobody uploads a snapshot for so long. */
const ABANDONED_AFTER_MS = 6 * 3_600_000;

export interface SnapshotsSettings {
  readonly topicId: string;
  readonly partition: number;
}

export interface SnapshotsParts {
  readonly bucket: Bucket;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: IngesterMetrics;
  readonly manifest: ManifestFile;
  readonly host: PartitionHost;
  claim(): number;
}

export interface Snapshots {
  /** Uploads one, has the manifest name it, deletes older ones. Rejects as the bucket and the head do. */
  take(signal: AbortSignal): Promise<ManifestSnapshot>;
  /** Fills the empty disk of the partition from the newest sound one; undefined when there is none. */
  restore(logEnd: number): Promise<ManifestSnapshot | undefined>;
}

export function createSnapshots(settings: SnapshotsSettings, parts: SnapshotsParts): Snapshots {
  const { topicId, partition } = settings;
  const { bucket, clock, logger, metrics, manifest, host } = parts;
  const prefix = snapshotPrefix(topicId, partition);

  async function upload(signal: AbortSignal): Promise<ManifestSnapshot> {
    const pieces = host.snapshot({ partition, topicId }, signal)[Symbol.asyncIterator]();
    const first = await pieces.next();
    if (first.done) throw new WeirError('not-found', 'the head has no checkpoint to be told of');
    const { position: offset } = snapshotHeader(first.value);
    const key = `${prefix}${String(offset).padStart(16, '0')}-${parts.claim()}`;
    const sizeBytes = await bucket.putStream(key, resumed(first.value, pieces, signal));
    if ((await bucket.info(key))?.sizeBytes !== sizeBytes) {
      throw new WeirError('unavailable', `snapshot ${key} is not in the bucket as it was sent`);
    }
    return { offset, key, sizeBytes, timeMs: clock.nowMs() };
  }

  async function removeOthers(): Promise<void> {
    const named = new Set((manifest.current.snapshots ?? []).map(({ key }) => key));
    const oldestMs = clock.nowMs() - ABANDONED_AFTER_MS;
    const newest = manifest.current.snapshots?.[0]?.offset ?? 0;
    for await (const { objects } of bucket.list(prefix)) {
      for (const { key, modifiedMs } of objects) {
        if (named.has(key)) continue;
        const isOlder = Number(key.slice(prefix.length).split('-')[0]) < newest;
        if (isOlder || modifiedMs < oldestMs) await bucket.delete(key);
      }
    }
  }

  async function restoreFrom({ key, sizeBytes }: ManifestSnapshot): Promise<void> {
    let keep = false;
    try {
      for (let from = 0; from < sizeBytes; from += DOWNLOAD_BYTES) {
        const length = Math.min(DOWNLOAD_BYTES, sizeBytes - from);
        await host.restore({ partition, bytes: await bucket.getRange(key, from, length) });
      }
      keep = true;
    } finally {
      await host.endRestore({ partition, keep });
    }
  }

  return {
    async take(signal) {
      const startMs = clock.steadyMs();
      const taken = await upload(signal);
      await manifest.update((current) => {
        const before = (current.snapshots ?? []).filter(({ key }) => key !== taken.key);
        const all = [taken, ...before].sort((a, b) => b.offset - a.offset);
        return { ...current, snapshots: all.slice(0, KEPT) };
      });
      metrics.snapshots.inc();
      metrics.snapshotBytes.inc(taken.sizeBytes);
      metrics.snapshotDuration.observe((clock.steadyMs() - startMs) / 1000);
      await removeOthers();
      return taken;
    },
    async restore(logEnd) {
      for (const snapshot of manifest.current.snapshots ?? []) {
        const { key, offset } = snapshot;
        try {
          if (offset > logEnd) throw new WeirError('corrupt', `it is ahead of the log (${logEnd})`);
          await restoreFrom(snapshot);
          logger.info({ partition, snapshot: key, offset }, 'head restored from a snapshot');
          metrics.snapshotRestores.inc({ outcome: 'restored' });
          return snapshot;
        } catch (error) {
          // The bucket may answer again: starting from further back would be the worse choice.
          if (isKind(error, 'unavailable') || isKind(error, 'closed')) throw error;
          const reason = toWeirError(error).message;
          logger.error({ partition, snapshot: key, reason }, 'snapshot refused; trying the next');
          metrics.snapshotRestores.inc({ outcome: 'refused' });
        }
      }
      return undefined;
    },
  };
}

async function* resumed(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (;;) {
      signal.throwIfAborted();
      const next = await rest.next();
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await rest.return?.();
  }
}
