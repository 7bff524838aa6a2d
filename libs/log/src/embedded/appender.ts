// The one writer. A loop takes everything that waits, writes it with one call, makes it durable with one
// fdatasync, and only then tells producers and consumers. After a failed write or sync nothing is assumed
// of the file's end: the segment is closed at its last durable byte and the next write starts a new one,
// so that the log recovers by itself when the cause is gone.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { LogRecord } from '../partition-log.ts';
import { type FileHandle, type Files, writeFully } from './files.ts';
import { frameSizeOf } from './frame.ts';
import type { LogMetrics } from './metrics.ts';
import { type AppendRequest, placeRequest } from './requests.ts';
import { createSegment, diskError, noteRecord, type Segment, saveIndex } from './segment.ts';

export interface AppenderSettings {
  readonly directory: string;
  readonly topicId: string;
  readonly segmentSizeBytes: number;
  readonly batchSizeMaxBytes: number;
}

export interface AppenderParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: LogMetrics;
  /** All segments, oldest first; the appender adds new ones. */
  readonly segments: Segment[];
  /** Per partition: the next offset, behind the last durable record. */
  readonly ends: number[];
  /** Called with every durable record, in order, then `published` once per batch. */
  deliver(partition: number, record: LogRecord): void;
  published(): void;
  sealed(): void;
}

export interface Appender {
  readonly pendingBytes: number;
  append(request: AppendRequest): void;
  close(): Promise<void>;
}

export function createAppender(settings: AppenderSettings, parts: AppenderParts): Appender {
  const { files, clock, log, metrics, segments, ends } = parts;
  let active: { segment: Segment; handle: FileHandle } | undefined;
  let pending: AppendRequest[] = [];
  let pendingBytes = 0;
  let running: Promise<void> | undefined;
  let nextSequence = (segments.at(-1)?.sequence ?? 0) + 1;

  const seal = async () => {
    if (active === undefined) return;
    const { segment, handle } = active;
    active = undefined;
    try {
      await handle.close();
      await saveIndex(files, segment);
    } catch (error) {
      // The index is rebuilt from the segment when it is missing.
      log.warn({ err: error, segment: segment.path }, 'embedded log: index was not saved');
    }
    parts.sealed();
  };

  const abandon = async () => {
    if (active === undefined) return;
    const { segment, handle } = active;
    active = undefined;
    try {
      await handle.truncate(segment.sizeBytes);
      await handle.close();
    } catch (error) {
      // The next segment's header says where this one ends; the rest is ignored at open.
      log.warn({ err: error, segment: segment.path }, 'embedded log: failed segment was not cut');
    }
  };

  const activeFor = async (bytes: number) => {
    const full =
      active !== undefined &&
      active.segment.sizeBytes + bytes > settings.segmentSizeBytes &&
      active.segment.sizeBytes > active.segment.headerBytes;
    if (full) await seal();
    if (active === undefined) {
      const sequence = nextSequence++;
      active = await createSegment(files, settings.directory, sequence, settings.topicId, ends);
      segments.push(active.segment);
    }
    return active;
  };

  const takeBatch = (): AppendRequest[] => {
    let bytes = 0;
    let count = 0;
    while (count < pending.length && (count === 0 || bytes < settings.batchSizeMaxBytes)) {
      bytes += pending[count++]!.sizeBytes;
    }
    return pending.splice(0, count);
  };

  const publish = (batch: readonly AppendRequest[], segment: Segment) => {
    let position = segment.sizeBytes;
    for (const request of batch) {
      request.records.forEach((record, index) => {
        const offset = request.offsets[index]!;
        noteRecord(segment, record.partition, offset, position, request.timestampMs);
        position += frameSizeOf(record.key, request.stored[index]!);
        ends[record.partition] = offset + 1;
        const { key, value, version, traceparent } = record;
        const { timestampMs } = request;
        parts.deliver(record.partition, { offset, timestampMs, key, value, version, traceparent });
      });
    }
    segment.sizeBytes = position;
    for (const request of batch) request.resolve(request.offsets);
    parts.published();
  };

  const writeBatch = async (batch: readonly AppendRequest[], sizeBytes: number) => {
    try {
      const { segment, handle } = await activeFor(sizeBytes);
      const next = [...ends];
      const pieces: Uint8Array[] = [];
      for (const request of batch) placeRequest(request, next, pieces);
      await writeFully(handle, pieces, segment.sizeBytes);
      const syncFromMs = clock.steadyMs();
      await handle.datasync();
      metrics.syncSeconds.observe((clock.steadyMs() - syncFromMs) / 1000);
      metrics.appendedBytes.inc(sizeBytes);
      publish(batch, segment);
    } catch (error) {
      const failure = diskError('append', error);
      log.error({ err: error }, failure.message);
      metrics.appendFailures.inc();
      await abandon();
      for (const request of batch) request.reject(failure);
    }
  };

  const run = async () => {
    while (pending.length > 0) {
      const batch = takeBatch();
      const sizeBytes = batch.reduce((sum, request) => sum + request.sizeBytes, 0);
      await writeBatch(batch, sizeBytes);
      pendingBytes -= sizeBytes;
    }
    running = undefined;
  };

  let closed = false;
  return {
    get pendingBytes() {
      return pendingBytes;
    },
    append(request) {
      if (closed) {
        request.reject(new WeirError('closed', 'embedded log is closed'));
        return;
      }
      pending.push(request);
      pendingBytes += request.sizeBytes;
      running ??= run();
    },
    async close() {
      closed = true;
      await running;
      pending = [];
      await seal();
    },
  };
}
