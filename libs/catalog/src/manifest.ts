// A partition's manifest: the one object that says which windows are shipped. It is replaced
// conditionally, which fences a former shipper.
import type { Bucket } from '@weir/bucket';
import { text, utf8 } from '@weir/bytes';
import { isKind, WeirError } from '@weir/errors';
import { isUlid } from '@weir/tsdb/block';

const VERSION = 1;

export interface ManifestWindow {
  readonly tenant: string;
  /** Event time [minT, maxT), ms. */
  readonly minT: number;
  readonly maxT: number;
  /** Samples of the window from records up to this offset are in the blocks. */
  readonly throughOffset: number;
  /** ULIDs; none when the window held no sample. */
  readonly blocks: readonly string[];
}

/** A snapshot of the partition's head in the bucket. */
export interface ManifestSnapshot {
  /** The next offset to be applied to it. */
  readonly offset: number;
  readonly key: string;
  readonly sizeBytes: number;
  /** When it was finished, ms. */
  readonly timeMs: number;
}

export interface Manifest {
  readonly topicId: string;
  readonly partition: number;
  /** The claim under which it was written, where the cluster gives one. */
  readonly epoch?: number;
  /** No record below this offset holds a sample that is not in a shipped block. */
  readonly safeOffset?: number;
  readonly windows: readonly ManifestWindow[];
  /** Newest first. */
  readonly snapshots?: readonly ManifestSnapshot[];
}

export function manifestKey(topicId: string, partition: number): string {
  return `__weir/${topicId}/${partition}/manifest.json`;
}

/** Where the snapshots of a partition lie. */
export function snapshotPrefix(topicId: string, partition: number): string {
  return `__weir/${topicId}/${partition}/snapshots/`;
}

/** Undefined when nothing was ever shipped. Rejects with `corrupt` what it can't read as a whole. */
export async function readManifest(
  bucket: Bucket,
  topicId: string,
  partition: number,
): Promise<{ manifest: Manifest; etag: string } | undefined> {
  const key = manifestKey(topicId, partition);
  let found: { body: Uint8Array; etag: string };
  try {
    found = await bucket.get(key);
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined;
    throw error;
  }
  const manifest = decodeManifest(key, found.body);
  if (manifest.topicId !== topicId || manifest.partition !== partition) {
    throw bad(key, `it is of partition ${manifest.partition} of topic ${manifest.topicId}`);
  }
  return { manifest, etag: found.etag };
}

/** Replaces the version `etag`, or creates it when there is none; `fenced` when that isn't so. */
export function writeManifest(
  bucket: Bucket,
  manifest: Manifest,
  etag: string | undefined,
): Promise<string> {
  const body = utf8(`${JSON.stringify({ version: VERSION, ...manifest }, null, 2)}\n`);
  const condition = etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag };
  return bucket.put(manifestKey(manifest.topicId, manifest.partition), body, condition);
}

function decodeManifest(key: string, body: Uint8Array): Manifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text(body));
  } catch (cause) {
    throw bad(key, 'it is not JSON', cause);
  }
  if (!isRecord(parsed)) throw bad(key, 'it is not an object');
  const { version, ...manifest } = parsed;
  if (version !== VERSION) {
    throw bad(
      key,
      `version ${String(version)} is unknown, ${VERSION} is read: a newer Weir wrote it`,
    );
  }
  const { topicId, partition, epoch, safeOffset, windows, snapshots } = manifest;
  const valid =
    typeof topicId === 'string' &&
    isCount(partition) &&
    (epoch === undefined || isCount(epoch)) &&
    (safeOffset === undefined || isCount(safeOffset)) &&
    Array.isArray(windows) &&
    windows.every(isWindow) &&
    (snapshots === undefined || (Array.isArray(snapshots) && snapshots.every(isSnapshot)));
  if (!valid) throw bad(key, 'a field is missing or of the wrong type');
  // Each field was just checked.
  return manifest as unknown as Manifest;
}

function isWindow(window: unknown): boolean {
  return (
    isRecord(window) &&
    typeof window.tenant === 'string' &&
    Number.isSafeInteger(window.minT) &&
    Number.isSafeInteger(window.maxT) &&
    Number.isSafeInteger(window.throughOffset) &&
    Array.isArray(window.blocks) &&
    window.blocks.every((block) => typeof block === 'string' && isUlid(block))
  );
}

function isSnapshot(snapshot: unknown): boolean {
  return (
    isRecord(snapshot) &&
    isCount(snapshot.offset) &&
    typeof snapshot.key === 'string' &&
    isCount(snapshot.sizeBytes) &&
    isCount(snapshot.timeMs)
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(key: string, what: string, cause?: unknown): WeirError {
  return new WeirError('corrupt', `manifest ${key} can't be used: ${what}`, { cause });
}
