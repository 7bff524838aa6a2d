// Reads one partition: from the tail in memory when the position is there, else from the segments, where
// the sparse index finds the place. Damage met on the way is counted and passed, never an end.
import { assert, WeirError } from '@weir/errors';
import type { LogRecord, PartitionConsumer, RecordBatch } from '../partition-log.ts';
import type { FileHandle, Files } from './files.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, loadValue, valueIsSound } from './frame.ts';
import { diskError, positionBefore, type Segment } from './segment.ts';
import type { Tail } from './tail.ts';
import { type Frame, walkFrames } from './walk.ts';

export interface ConsumerParts {
  readonly files: Files;
  readonly segments: readonly Segment[];
  readonly ends: readonly number[];
  readonly tail: Tail;
  startOffset(partition: number): number;
  /** Resolves at the next publication or when the consumer closes. */
  changed(): Promise<void>;
  /** Wakes those who wait for a change. */
  wake(): void;
  damage(segment: Segment, places: number): void;
}

interface Place {
  readonly segment: Segment;
  readonly handle: FileHandle;
  position: number;
  offset: number;
}

export function openConsumer(
  partition: number,
  fromOffset: number,
  parts: ConsumerParts,
): PartitionConsumer {
  let position = fromOffset;
  let closed = false;
  let place: Place | undefined;
  let reading: Promise<RecordBatch> | undefined;

  const leave = async () => {
    const left = place;
    place = undefined;
    await left?.handle.close();
  };

  const enter = async (segment: Segment): Promise<Place> => {
    if (place?.segment === segment && place.offset === position) return place;
    await leave();
    const handle = await parts.files.open(segment.path, 'r');
    const at = positionBefore(segment, partition, (entry) => entry.offset > position);
    place = { segment, handle, position: at, offset: position };
    return place;
  };

  /** Records from the segment that has the position; moves over gaps. */
  const readSegments = async (maxBytes: number): Promise<RecordBatch> => {
    const segment = parts.segments.find((one) => one.ends[partition]! > position);
    if (segment === undefined) return { partition, records: [], nextOffset: position };
    const inside = await enter(segment);
    const end = segment.ends[partition]!;
    const records: LogRecord[] = [];
    let size = 0;
    const walked = await walkFrames(inside.handle, inside.position, segment.sizeBytes, (frame) => {
      const { header } = frame;
      if (header.partition !== partition || header.offset < position) return 'next';
      if (header.offset >= end) return 'stop';
      if (records.length > 0 && size + header.rawSize > maxBytes) return 'stop';
      if (!valueIsSound(frame.bytes, frame.at, header)) return 'bad';
      records.push(toRecord(frame, header));
      size += header.rawSize;
      position = header.offset + 1;
      return position === end ? 'stop' : 'next';
    });
    const damaged = walked.damagedStretches + (walked.badTailBytes > 0 ? 1 : 0);
    if (damaged > 0) parts.damage(segment, damaged);
    inside.position = walked.position;
    if (records.length === 0) position = end;
    inside.offset = position;
    return { partition, records, nextOffset: position };
  };

  const next = async (maxBytes: number): Promise<RecordBatch> => {
    for (;;) {
      if (closed) throw new WeirError('closed', `consumer of partition ${partition} is closed`);
      const start = parts.startOffset(partition);
      if (position < start) throw truncatedAway(partition, position, start, parts.ends[partition]!);
      const records = parts.tail.take(position, maxBytes);
      if (records !== undefined) {
        position = records.at(-1)!.offset + 1;
        return { partition, records, nextOffset: position };
      }
      if (position < parts.ends[partition]!) return await readSegments(maxBytes);
      await parts.changed();
    }
  };

  return {
    partition,
    get position() {
      return position;
    },
    async next(maxBytes) {
      assert(reading === undefined, 'one call of next() at a time');
      reading = next(maxBytes);
      try {
        return await reading;
      } catch (error) {
        throw diskError(`read of partition ${partition}`, error);
      } finally {
        reading = undefined;
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      parts.wake();
      await reading?.catch(() => {});
      await leave();
    },
  };
}

function toRecord(frame: Frame, header: FrameHeader): LogRecord {
  const keyFrom = frame.at + FRAME_HEADER_BYTES;
  return {
    offset: header.offset,
    timestampMs: header.timestampMs,
    key: frame.bytes.slice(keyFrom, keyFrom + header.keySize),
    value: loadValue(frame.bytes, frame.at, header),
    version: header.version,
  };
}

export function truncatedAway(partition: number, position: number, start: number, end: number) {
  const message = `offset ${position} of partition ${partition} is outside of the log: [${start}, ${end})`;
  return new WeirError('corrupt', message);
}
