// A partition's manifest as this instance knows it, and the only place that replaces it. Changes are pure
// functions of the manifest, made one after the other; where somebody else replaced it meanwhile, they are
// made again on his. A manifest of a higher epoch than our claim is a successor's: `fenced`.
import type { Bucket } from '@weir/bucket';
import { type Manifest, manifestKey, readManifest, writeManifest } from '@weir/catalog';
import { isKind, WeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';

const ATTEMPTS_MAX = 4;

export interface ManifestFile {
  /** As of the last load, refresh or update. */
  readonly current: Manifest;
  /** Reads it. Rejects with `corrupt` when it can't be used. */
  load(): Promise<void>;
  /** Reads it again if it was replaced since; one cheap question if not. */
  refresh(): Promise<void>;
  /** Replaces it; where `change` returns the very same manifest nothing is written. */
  update(change: (manifest: Manifest) => Manifest): Promise<void>;
}

export interface ManifestFileSettings {
  readonly topicId: string;
  readonly partition: number;
}

export interface ManifestFileParts {
  readonly bucket: Bucket;
  readonly log: Logger;
  /** Whether the cluster still says that this instance ships the partition. */
  mayShip(): boolean;
  /** The claim under which it does. */
  claim(): number;
}

export function createManifestFile(
  settings: ManifestFileSettings,
  parts: ManifestFileParts,
): ManifestFile {
  const { topicId, partition } = settings;
  const { bucket, log } = parts;
  const none: Manifest = { topicId, partition, windows: [] };
  let manifest = none;
  let etag: string | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  async function load(): Promise<void> {
    const found = await readManifest(bucket, topicId, partition);
    manifest = found?.manifest ?? none;
    etag = found?.etag;
  }

  async function update(change: (manifest: Manifest) => Manifest): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const changed = change(manifest);
      if (changed === manifest) return;
      const next = { ...changed, epoch: parts.claim() };
      try {
        if (next.epoch < (manifest.epoch ?? 0)) throw new WeirError('fenced', 'an older claim');
        etag = await writeManifest(bucket, next, etag);
        manifest = next;
        return;
      } catch (error) {
        // When only the answer was lost, the next attempt is fenced by this one, and merges with it.
        if (!isKind(error, 'fenced')) throw error;
        await load();
        const epoch = manifest.epoch ?? 0;
        if (!parts.mayShip() || epoch > parts.claim() || attempt >= ATTEMPTS_MAX) {
          const message = `another instance ships partition ${partition}: shipping stops here`;
          throw new WeirError('fenced', message, { cause: error });
        }
        log.warn({ partition, epoch }, 'manifest was replaced by a former owner; merging');
      }
    }
  }

  return {
    get current() {
      return manifest;
    },
    load: () => inTurn(load),
    refresh: () =>
      inTurn(async () => {
        const info = await bucket.info(manifestKey(topicId, partition));
        if (info?.etag !== etag) await load();
      }),
    update: (change) => inTurn(() => update(change)),
  };
}
