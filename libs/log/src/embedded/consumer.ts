// Reads one partition: from the tail in memory when the position is there, else from the segments, where
// the sparse index finds the place. Damage met on the way is counted and passed, never an end.
import { assert, WeirError } from '@weir/errors';
import type { LogRecord, PartitionConsumer, RecordBatch } from '../partition-log.ts';
import type { Ahead, CatchingUp } from './catching-up.ts';
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
  readonly catchingUp: CatchingUp;
  startOffset(partition: number): number;
  /** Resolves at the next publication or when the consumer closes. */
  changed(): Promise<void>;
  /** Wakes those who wait for a change. */
  wake(): void;
  damage(segment: Segment, places: number): void;
}

/** How far one who has what he wants goes on for the others, whose frames lie behind his. */
const FURTHER_BYTES = 1 << 20;

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
  /** While it reads from the segments. */
  let ahead: Ahead | undefined;
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
    /** Where its own reading has stopped; from there it only hands over. */
    let stoppedAt: number | undefined;
    const stop = (frame: Frame) => {
      stoppedAt = frame.position;
      return parts.catchingUp.isShared ? 'next' : 'stop';
    };
    const take = (frame: Frame) => {
      const { header } = frame;
      if (header.offset < position) return 'next';
      if (header.offset >= end) return stop(frame);
      if (records.length > 0 && size + header.rawSize > maxBytes) return stop(frame);
      if (!valueIsSound(frame.bytes, frame.at, header)) return 'bad';
      records.push(toRecord(frame, header));
      size += header.rawSize;
      position = header.offset + 1;
      return position === end ? stop(frame) : 'next';
    };
    const walked = await walkFrames(inside.handle, inside.position, segment.sizeBytes, (frame) => {
      if (stoppedAt !== undefined && frame.position - stoppedAt > FURTHER_BYTES) return 'stop';
      if (frame.header.partition !== partition) handOver(frame, segment);
      else if (stoppedAt === undefined) return take(frame);
      return 'next';
    });
    const damaged = walked.damagedStretches + (walked.badTailBytes > 0 ? 1 : 0);
    if (damaged > 0) parts.damage(segment, damaged);
    inside.position = stoppedAt ?? walked.position;
    if (records.length === 0) position = end;
    inside.offset = position;
    ahead!.expect(position);
    return { partition, records, nextOffset: position };
  };

  /** A frame of another partition: whoever waits for it need not look for it. A damaged one he finds himself. */
  const handOver = (frame: Frame, segment: Segment) => {
    const { partition: other, offset } = frame.header;
    if (!(offset < segment.ends[other]!) || !parts.catchingUp.wants(other, offset)) return;
    if (!valueIsSound(frame.bytes, frame.at, frame.header)) return;
    parts.catchingUp.hand(other, toRecord(frame, frame.header));
  };

  const takeAhead = (maxBytes: number): RecordBatch | undefined => {
    if (ahead === undefined || ahead.isEmpty) return undefined;
    const records = ahead.take(maxBytes);
    position = records.at(-1)!.offset + 1;
    return { partition, records, nextOffset: position };
  };

  const checkPlace = () => {
    if (closed) throw new WeirError('closed', `consumer of partition ${partition} is closed`);
    const start = parts.startOffset(partition);
    if (position < start) throw truncatedAway(partition, position, start, parts.ends[partition]!);
  };

  const catchUp = (maxBytes: number): Promise<RecordBatch> => {
    ahead ??= parts.catchingUp.join(partition, position);
    ahead.expect(position);
    return parts.catchingUp.inTurn(async () => {
      checkPlace();
      // While it waited for its turn, others may have handed it what it needs.
      return takeAhead(maxBytes) ?? (await readSegments(maxBytes));
    });
  };

  const leaveAhead = () => {
    ahead?.leave();
    ahead = undefined;
  };

  const next = async (maxBytes: number): Promise<RecordBatch> => {
    for (;;) {
      checkPlace();
      const handed = takeAhead(maxBytes);
      if (handed !== undefined) return handed;
      const records = parts.tail.take(position, maxBytes);
      if (records !== undefined) {
        leaveAhead();
        position = records.at(-1)!.offset + 1;
        return { partition, records, nextOffset: position };
      }
      if (position < parts.ends[partition]!) return await catchUp(maxBytes);
      leaveAhead();
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
      leaveAhead();
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
