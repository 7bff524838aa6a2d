// A produce call on its way to the disk: frames laid out in memory, offsets still missing. Large values
// are written from where they lie; headers, keys and small values share one buffer.
import { crc32c } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { ProduceRecord } from '../partition-log.ts';
import {
  FRAME_HEADER_BYTES,
  KEY_SIZE_MAX_BYTES,
  type StoredValue,
  sealFrame,
  storeValue,
  writeFrameHeader,
} from './frame.ts';

/** Values below this are copied beside their header: fewer pieces for the system call. */
const COPY_BELOW_BYTES = 4096;

export interface AppendRequest {
  readonly records: readonly ProduceRecord[];
  readonly timestampMs: number;
  /** Bytes of all frames. */
  readonly sizeBytes: number;
  readonly head: Uint8Array;
  readonly view: DataView;
  /** Where each record's frame header starts in `head`. */
  readonly headAt: Float64Array;
  readonly stored: readonly StoredValue[];
  readonly offsets: number[];
  resolve(offsets: number[]): void;
  reject(error: unknown): void;
}

export function checkRecords(
  records: readonly ProduceRecord[],
  partitionCount: number,
  recordSizeMaxBytes: number,
) {
  for (const { partition, value, key } of records) {
    if (!(partition >= 0 && partition < partitionCount)) {
      throw new WeirError('invalid', `partition ${partition} is not one of ${partitionCount}`);
    }
    if (value.length > recordSizeMaxBytes) {
      const message = `record of ${value.length} bytes is larger than ${recordSizeMaxBytes}`;
      throw new WeirError('invalid', message);
    }
    if (key.length > KEY_SIZE_MAX_BYTES) {
      throw new WeirError('invalid', `record key of ${key.length} bytes is too large`);
    }
  }
}

export function layOut(
  records: readonly ProduceRecord[],
  timestampMs: number,
  settle: Pick<AppendRequest, 'resolve' | 'reject'>,
): AppendRequest {
  const stored = records.map((record) => storeValue(record.value));
  let headSize = 0;
  let sizeBytes = 0;
  records.forEach((record, index) => {
    const valueSize = stored[index]!.bytes.length;
    headSize += FRAME_HEADER_BYTES + record.key.length;
    if (valueSize < COPY_BELOW_BYTES) headSize += valueSize;
    sizeBytes += FRAME_HEADER_BYTES + record.key.length + valueSize;
  });
  const head = new Uint8Array(headSize);
  const view = new DataView(head.buffer);
  const headAt = new Float64Array(records.length);
  let at = 0;
  records.forEach((record, index) => {
    const { bytes, lz4 } = stored[index]!;
    headAt[index] = at;
    writeFrameHeader(view, at, {
      partition: record.partition,
      timestampMs,
      version: record.version,
      keySize: record.key.length,
      storedSize: bytes.length,
      rawSize: record.value.length,
      valueCrc: crc32c(bytes),
      lz4,
    });
    head.set(record.key, at + FRAME_HEADER_BYTES);
    at += FRAME_HEADER_BYTES + record.key.length;
    if (bytes.length < COPY_BELOW_BYTES) {
      head.set(bytes, at);
      at += bytes.length;
    }
  });
  return { records, timestampMs, sizeBytes, head, view, headAt, stored, offsets: [], ...settle };
}

/** Gives the records their offsets, counting `next` up per partition, and adds the pieces to write. */
export function placeRequest(request: AppendRequest, next: number[], pieces: Uint8Array[]) {
  const { records, head, view, headAt, stored, offsets } = request;
  let pieceFrom = 0;
  records.forEach((record, index) => {
    const offset = next[record.partition]!++;
    offsets[index] = offset;
    sealFrame(head, view, headAt[index]!, record.key.length, offset);
    const { bytes } = stored[index]!;
    if (bytes.length < COPY_BELOW_BYTES) return;
    const pieceTo = index + 1 < records.length ? headAt[index + 1]! : head.length;
    pieces.push(head.subarray(pieceFrom, pieceTo), bytes);
    pieceFrom = pieceTo;
  });
  if (pieceFrom < head.length) pieces.push(head.subarray(pieceFrom));
}
