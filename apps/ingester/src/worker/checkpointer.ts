// When a head is checkpointed, and that only one checkpoint runs at a time. Changes are allowed to pile
// up only so far: behind a failing or slow disk applying waits, so that memory stays bounded.
import { toWeirError } from '@weir/errors';
import type { PartitionHead } from '@weir/head';
import type { Clock } from '@weir/runtime';

/**
 * A checkpoint copies what every series that got a sample has open, some 300 bytes, so its cost a sample falls
 * with the samples between two: 2 minutes of usual scraping. Bytes bound what a restart replays, about half
 * a second's worth.
 */
const SAMPLES_PER_SERIES = 8;
const SAMPLES_MIN = 200_000;
const RECORD_BYTES_MAX = 256 * 1024 * 1024;
/** Chunks that all series close at once, at the end of a window, may add this much to the head. */
const CLOSED_BYTES_PER_SERIES = 48;
const CLOSED_BYTES_MIN = 16 * 1024 * 1024;
const AGE_MAX_MS = 240_000;
/** Applying waits at this many times the thresholds. */
const PILE_UP = 4;
const RETRY_MS = 1_000;

export interface CheckpointResults {
  readonly checkpointsMs: readonly number[];
  readonly checkpointError: string | undefined;
}

export interface Checkpointer {
  noteBytes(bytes: number): void;
  isDue(head: PartitionHead): boolean;
  /** Starts one in the background; its failure is told by takeResults() and it is tried again. */
  begin(head: PartitionHead): void;
  /** Runs one that holds everything applied before the call. */
  run(head: PartitionHead): Promise<void>;
  /** Runs one if it is due; its failure is told by takeResults(). */
  runDue(head: PartitionHead): Promise<void>;
  /** Waits while too much has piled up since the last one. */
  roomFor(head: PartitionHead): Promise<void>;
  takeResults(): CheckpointResults;
  settled(): Promise<void>;
}

export function createCheckpointer(clock: Clock): Checkpointer {
  let bytes = 0;
  let lastMs = clock.steadyMs();
  let failedMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let checkpointsMs: number[] = [];
  let checkpointError: string | undefined;

  const piledUp = (head: PartitionHead, times: number) =>
    bytes >= times * RECORD_BYTES_MAX ||
    head.closedBytes >=
      times * Math.max(CLOSED_BYTES_MIN, CLOSED_BYTES_PER_SERIES * head.seriesCount) ||
    head.samplesSinceCheckpoint >=
      times * Math.max(SAMPLES_MIN, SAMPLES_PER_SERIES * head.seriesCount);

  async function once(head: PartitionHead): Promise<void> {
    const startMs = clock.steadyMs();
    const bytesBefore = bytes;
    try {
      await head.checkpoint();
      bytes -= bytesBefore;
      checkpointError = undefined;
      lastMs = clock.steadyMs();
      checkpointsMs.push(lastMs - startMs);
    } catch (error) {
      failedMs = clock.steadyMs();
      checkpointError = toWeirError(error).message;
      throw error;
    }
  }

  function start(head: PartitionHead): Promise<void> {
    running = once(head).finally(() => {
      running = undefined;
    });
    return running;
  }

  function isDue(head: PartitionHead): boolean {
    if (running !== undefined || clock.steadyMs() - failedMs < RETRY_MS) return false;
    const old = clock.steadyMs() - lastMs >= AGE_MAX_MS;
    return piledUp(head, 1) || (old && head.position > head.checkpointPosition);
  }

  return {
    noteBytes(more) {
      bytes += more;
    },
    isDue,
    begin(head) {
      // The failure is kept for takeResults(), and isDue() asks for the next attempt.
      start(head).catch(() => undefined);
    },
    async run(head) {
      await running?.catch(() => undefined);
      await start(head);
    },
    async runDue(head) {
      if (isDue(head)) await start(head).catch(() => undefined);
    },
    async roomFor(head) {
      while (piledUp(head, PILE_UP)) {
        await (running ?? start(head)).catch(() => clock.sleep(RETRY_MS));
      }
    },
    takeResults() {
      const results = { checkpointsMs, checkpointError };
      checkpointsMs = [];
      return results;
    },
    async settled() {
      await running?.catch(() => undefined);
    },
  };
}
