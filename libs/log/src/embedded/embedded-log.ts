// The partition log of one process: segment files on its own disk. All partitions share one stream, so
// that a request is one append; what waits shares one fdatasync. Composes the writer, the readers, the
// group offsets and truncation. One process has a directory open at a time (directory-lock.ts).
import { WeirError } from '@weir/errors';
import type { Clock, Random } from '@weir/runtime';
import { silentTelemetry, type Telemetry } from '@weir/telemetry';
import { createGroupRegistry } from '../in-process/group.ts';
import type { PartitionConsumer, PartitionLog } from '../partition-log.ts';
import { createAppender } from './appender.ts';
import { createCatchingUp } from './catching-up.ts';
import { openConsumer, truncatedAway } from './consumer.ts';
import { lockDirectory } from './directory-lock.ts';
import { diskFiles, type Files } from './files.ts';
import { createLogMetrics } from './metrics.ts';
import { openGroupOffsets } from './offsets.ts';
import { nextOffsets, openMeta, openSegments, removeSegment } from './open.ts';
import { checkRecords, layOut } from './requests.ts';
import { positionBefore, type Segment } from './segment.ts';
import { createTail } from './tail.ts';
import { walkFrames } from './walk.ts';

const MIB = 1024 * 1024;

export interface EmbeddedLogSettings {
  readonly directory: string;
  /** Only ever raises the number that the log has. */
  readonly partitions: number;
  /** Size of all segments at which produce is refused; default 16 GiB. */
  readonly sizeMaxBytes?: number;
  /** Default 64 MiB, and an eighth of the size cap at most. */
  readonly segmentSizeBytes?: number;
  /** Default 16 MiB. */
  readonly recordSizeMaxBytes?: number;
  /** Durable records kept in memory per partition for a consumer that is close behind; default 8 MiB. */
  readonly tailSizeBytes?: number;
  /** Bytes that may wait for the disk before produce is refused; default 64 MiB. */
  readonly pendingSizeMaxBytes?: number;
}

export interface EmbeddedLogParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry?: Telemetry;
  /** The file system; tests make it fail. */
  readonly files?: Files;
}

/** Opens or creates the log in a directory; rejects with `unavailable` when another process has it. */
export async function openEmbeddedLog(
  settings: EmbeddedLogSettings,
  parts: EmbeddedLogParts,
): Promise<PartitionLog> {
  const { files = diskFiles, telemetry = silentTelemetry() } = parts;
  await files.mkdir(settings.directory);
  const lock = await lockDirectory(files, settings.directory, telemetry.log);
  try {
    const log = await openLocked(settings, parts);
    return {
      ...log,
      async close() {
        await log.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLocked(
  settings: EmbeddedLogSettings,
  parts: EmbeddedLogParts,
): Promise<PartitionLog> {
  const { clock, random, telemetry = silentTelemetry(), files = diskFiles } = parts;
  const { directory } = settings;
  const sizeMaxBytes = settings.sizeMaxBytes ?? 16 * 1024 * MIB;
  const recordSizeMaxBytes = settings.recordSizeMaxBytes ?? 16 * MIB;
  const pendingSizeMaxBytes = settings.pendingSizeMaxBytes ?? 64 * MIB;
  const segmentSizeBytes = Math.min(settings.segmentSizeBytes ?? 64 * MIB, sizeMaxBytes / 8);
  const { log } = telemetry;
  const metrics = createLogMetrics(telemetry.metrics);

  const meta = await openMeta(directory, settings.partitions, random, { files, log, metrics });
  const segments = await openSegments(directory, meta, { files, log, metrics });
  const offsets = await openGroupOffsets(files, directory, log, () => void truncate());
  const ends = nextOffsets(segments, meta.partitions, offsets, { files, log, metrics });
  const tails = ends.map(() => createTail(settings.tailSizeBytes ?? 8 * MIB));
  const groups = createGroupRegistry(meta.partitions, offsets, clock);
  const consumers = new Set<PartitionConsumer>();
  const catchingUp = createCatchingUp();
  let waiting: (() => void)[] = [];
  let lastTimestampMs = segments.reduce((max, one) => Math.max(max, ...one.lastTimestampMs), 0);
  let closed = false;

  const wake = () => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  const startOf = (partition: number) => segments[0]?.bases[partition] ?? ends[partition]!;
  const sizeBytes = () => segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);

  let truncating: Promise<void> = Promise.resolve();
  /** Unlinks the oldest segments whose records every group has behind it; never the newest. */
  const truncate = () => {
    truncating = truncating.then(async () => {
      try {
        while (segments.length > 1 && isBehind(segments[0]!, offsets.lowest)) {
          await removeSegment(files, segments[0]!);
          segments.shift();
        }
      } catch (error) {
        log.error(
          { err: error },
          'embedded log: a segment was not removed; the next commit tries again',
        );
      }
      metrics.sizeBytes.set(sizeBytes());
    });
    return truncating;
  };

  const appender = createAppender(
    {
      directory,
      topicId: meta.topicId,
      segmentSizeBytes,
      batchSizeMaxBytes: Math.min(32 * MIB, segmentSizeBytes),
    },
    {
      files,
      clock,
      log,
      metrics,
      segments,
      ends,
      deliver: (partition, record) => tails[partition]!.push(record),
      published: wake,
      sealed: () => void truncate(),
    },
  );

  const checkOpen = () => {
    if (closed) throw new WeirError('closed', 'embedded log is closed');
  };
  const checkPartition = (partition: number) => {
    checkOpen();
    if (partition >= 0 && partition < meta.partitions) return;
    throw new WeirError('invalid', `partition ${partition} is not one of ${meta.partitions}`);
  };
  const checkRoom = (addedBytes: number) => {
    const used = sizeBytes() + appender.pendingBytes;
    if (used + addedBytes > sizeMaxBytes) {
      const message = `embedded log is full: ${used} of ${sizeMaxBytes} bytes wait to be shipped`;
      throw new WeirError('unavailable', message);
    }
    if (appender.pendingBytes > pendingSizeMaxBytes) {
      const message = `embedded log: ${appender.pendingBytes} bytes wait for the disk`;
      throw new WeirError('unavailable', message);
    }
  };

  return {
    topicId: meta.topicId,
    partitionCount: meta.partitions,
    recordSizeMaxBytes,
    async produce(records) {
      checkOpen();
      checkRecords(records, meta.partitions, recordSizeMaxBytes);
      if (records.length === 0) return [];
      checkRoom(0);
      // Log time never goes back, whatever the wall clock does.
      lastTimestampMs = Math.max(lastTimestampMs, Math.floor(clock.nowMs()));
      return await new Promise<number[]>((resolve, reject) => {
        const request = layOut(records, lastTimestampMs, { resolve, reject });
        checkRoom(request.sizeBytes);
        appender.append(request);
      });
    },
    async consume(partition, fromOffset) {
      checkPartition(partition);
      const start = startOf(partition);
      const end = ends[partition]!;
      if (fromOffset < start || fromOffset > end) {
        throw truncatedAway(partition, fromOffset, start, end);
      }
      const consumer = openConsumer(partition, fromOffset, {
        files,
        segments,
        ends,
        tail: tails[partition]!,
        catchingUp,
        startOffset: startOf,
        changed: () => new Promise((resolve) => waiting.push(resolve)),
        wake,
        damage(segment, places) {
          metrics.damaged.inc(places);
          log.error(
            { segment: segment.path, partition },
            'embedded log: damaged frames were skipped',
          );
        },
      });
      consumers.add(consumer);
      return consumer;
    },
    async startOffset(partition) {
      checkPartition(partition);
      return startOf(partition);
    },
    async endOffset(partition) {
      checkPartition(partition);
      return ends[partition]!;
    },
    async endOffsets(partitions) {
      for (const partition of partitions) checkPartition(partition);
      return partitions.map((partition) => ends[partition]!);
    },
    async offsetForTime(partition, timestampMs) {
      checkPartition(partition);
      return await findTime(files, segments, partition, timestampMs);
    },
    async retention(partition) {
      checkPartition(partition);
      return { room: { bytes: sizeBytes() + appender.pendingBytes, bytesMax: sizeMaxBytes } };
    },
    async committed(group, partition) {
      checkPartition(partition);
      return offsets.committed(group, partition);
    },
    async join(group, memberId, events) {
      checkOpen();
      return groups.join(group, memberId, events);
    },
    async close() {
      if (closed) return;
      closed = true;
      await appender.close();
      for (const consumer of consumers) await consumer.close();
      await truncating;
    },
  };
}

function isBehind(segment: Segment, lowest: (partition: number) => number | undefined): boolean {
  return segment.ends.every((end, partition) => {
    if (end === segment.bases[partition]) return true;
    const committed = lowest(partition);
    return committed !== undefined && end <= committed;
  });
}

/** Log time never goes back, so the first segment whose last record is late enough has the answer. */
async function findTime(
  files: Files,
  segments: readonly Segment[],
  partition: number,
  timestampMs: number,
): Promise<number | undefined> {
  const segment = segments.find(
    (one) =>
      one.ends[partition]! > one.bases[partition]! &&
      one.lastTimestampMs[partition]! >= timestampMs,
  );
  if (segment === undefined) return undefined;
  const from = positionBefore(segment, partition, (entry) => entry.timestampMs >= timestampMs);
  let found: number | undefined;
  const handle = await files.open(segment.path, 'r');
  try {
    await walkFrames(handle, from, segment.sizeBytes, ({ header }) => {
      if (header.partition !== partition || header.timestampMs < timestampMs) return 'next';
      found = header.offset;
      return 'stop';
    });
  } finally {
    await handle.close();
  }
  return found;
}
