// When a partition's snapshot is due, and that one is under way at a time: beside upkeep, not in it, since
// an upload may take minutes. After a failure the next attempt waits; failures are told once. With
// snapshots off, those that were taken before count for nothing.
import { isKind } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { IngesterMetrics } from '../metrics.ts';
import type { ManifestFile } from './manifest-file.ts';
import type { Snapshots } from './snapshots.ts';
import { createStateLine } from './state-line.ts';

const RETRY_MS = 120_000;
/** How long a partition that is closed waits for an upload that does not want to end. */
const STOP_PATIENCE_MS = 5_000;

export interface SnapshotScheduleSettings {
  readonly partition: number;
  /** 0: no snapshots. */
  readonly snapshotIntervalMs: number;
  readonly snapshotLogBytes: number;
}

export interface SnapshotScheduleParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: IngesterMetrics;
  readonly manifest: ManifestFile;
  readonly snapshots: Snapshots;
  /** Bytes of records received so far. */
  receivedBytes(): number;
  /** The manifest says that somebody else ships. */
  fenced(): void;
}

export interface SnapshotSchedule {
  readonly failing: string | undefined;
  /** From where on a node with an empty disk, which begins at the newest snapshot, needs the log. */
  readonly neededFrom: number;
  /** Begins one when it is due and the checkpoint is ahead of the newest. */
  consider(checkpointPosition: number): void;
  /** Resolves when none is under way. */
  settled(): Promise<void>;
  /** Gives up what is under way. */
  stop(): Promise<void>;
}

export function createSnapshotSchedule(
  settings: SnapshotScheduleSettings,
  parts: SnapshotScheduleParts,
): SnapshotSchedule {
  const { partition, snapshotIntervalMs, snapshotLogBytes } = settings;
  const { clock, logger, metrics, manifest, snapshots } = parts;
  const state = createStateLine(logger, `snapshot of partition ${partition}`);
  const stopping = new AbortController();
  const beganMs = clock.nowMs();
  let bytesBefore = parts.receivedBytes();
  let notBeforeMs = 0;
  let running: Promise<void> | undefined;

  function isDue(checkpointPosition: number): boolean {
    if (snapshotIntervalMs <= 0 || running || stopping.signal.aborted) return false;
    const nowMs = clock.nowMs();
    const newest = manifest.current.snapshots?.[0];
    if (checkpointPosition <= (newest?.offset ?? 0) || nowMs < notBeforeMs) return false;
    const isOld = nowMs - (newest?.timeMs ?? beganMs) >= snapshotIntervalMs;
    return isOld || parts.receivedBytes() - bytesBefore >= snapshotLogBytes;
  }

  async function take(): Promise<void> {
    const bytes = parts.receivedBytes();
    try {
      await snapshots.take(stopping.signal);
      bytesBefore = bytes;
      state.recovered();
    } catch (error) {
      notBeforeMs = clock.nowMs() + RETRY_MS;
      if (stopping.signal.aborted || isKind(error, 'not-found')) return;
      metrics.snapshotFailures.inc();
      state.failed(error);
      if (isKind(error, 'fenced')) parts.fenced();
    }
  }

  return {
    get failing() {
      return state.failing;
    },
    get neededFrom() {
      if (snapshotIntervalMs <= 0) return Number.POSITIVE_INFINITY;
      return manifest.current.snapshots?.[0]?.offset ?? Number.POSITIVE_INFINITY;
    },
    consider(checkpointPosition) {
      if (!isDue(checkpointPosition)) return;
      running = take().finally(() => {
        running = undefined;
      });
    },
    settled: async () => running,
    async stop() {
      stopping.abort();
      if (running !== undefined) await Promise.race([running, clock.sleep(STOP_PATIENCE_MS)]);
    },
  };
}
