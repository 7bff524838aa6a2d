// A segment file: what is known of it in memory (sizes, offsets, a sparse index), its header, and its
// recovery at open. The header carries the offset that each partition had reached when the segment was
// created; frames of earlier segments at or past it were never acknowledged and don't count.
import { crc32c, text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { type FileHandle, type Files, readIfThere, syncDirectory, writeFully } from './files.ts';
import { readUint64, valueIsSound, writeUint64 } from './frame.ts';
import { walkFrames } from './walk.ts';

const MAGIC = utf8('WEIRSEG1');
const FIXED_HEADER_BYTES = 40;
const PARTITIONS_MAX = 1 << 20;
const INDEX_EVERY_BYTES = 256 * 1024;

export interface Segment {
  readonly sequence: number;
  readonly path: string;
  readonly headerBytes: number;
  /** Bytes up to which the file is durable and sound. */
  sizeBytes: number;
  /** Per partition: the offset that its first record here has or would have. */
  readonly bases: number[];
  /** Per partition: the offset behind its last record that counts. */
  readonly ends: number[];
  readonly lastTimestampMs: number[];
  /** Per partition, ascending. */
  readonly index: IndexEntry[][];
}

interface IndexEntry {
  readonly offset: number;
  readonly position: number;
  readonly timestampMs: number;
}

export function segmentPath(directory: string, sequence: number): string {
  return `${directory}/${String(sequence).padStart(12, '0')}.segment`;
}

export function indexPath(segment: Segment): string {
  return segment.path.replace(/segment$/, 'index');
}

export function headerSize(partitions: number): number {
  return FIXED_HEADER_BYTES + 8 * partitions;
}

function newSegment(directory: string, sequence: number, bases: readonly number[]): Segment {
  const headerBytes = headerSize(bases.length);
  return {
    sequence,
    path: segmentPath(directory, sequence),
    headerBytes,
    sizeBytes: headerBytes,
    bases: [...bases],
    ends: [...bases],
    lastTimestampMs: bases.map(() => 0),
    index: bases.map(() => []),
  };
}

/** Creates the file, durable with its name, ready for frames. */
export async function createSegment(
  files: Files,
  directory: string,
  sequence: number,
  topicId: string,
  bases: readonly number[],
) {
  const segment = newSegment(directory, sequence, bases);
  const handle = await files.open(segment.path, 'w+');
  try {
    await writeFully(handle, [encodeHeader(segment, topicId)], 0);
    await handle.datasync();
    await syncDirectory(files, directory);
  } catch (error) {
    await handle.close();
    // Left behind it is harmless: open removes files without a whole header.
    await files.unlink(segment.path).catch(() => {});
    throw error;
  }
  return { segment, handle };
}

function encodeHeader(segment: Segment, topicId: string): Uint8Array {
  const bytes = new Uint8Array(segment.headerBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, 0);
  writeUint64(view, 8, segment.sequence);
  bytes.set(Buffer.from(topicId.replaceAll('-', ''), 'hex'), 16);
  view.setUint32(32, segment.bases.length, true);
  segment.bases.forEach((base, partition) => {
    writeUint64(view, FIXED_HEADER_BYTES + 8 * partition, base);
  });
  view.setUint32(36, headerCrc(bytes), true);
  return bytes;
}

function headerCrc(bytes: Uint8Array): number {
  return crc32c(bytes, FIXED_HEADER_BYTES, bytes.length, crc32c(bytes, 0, 36));
}

interface Header {
  readonly topicId: string;
  readonly bases: number[];
}

/** Undefined when these bytes aren't the header of a segment with this sequence number. */
function decodeHeader(bytes: Uint8Array, sequence: number): Header | undefined {
  if (bytes.length < FIXED_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(32, true);
  const size = headerSize(count);
  if (count > PARTITIONS_MAX || bytes.length < size) return undefined;
  const header = bytes.subarray(0, size);
  const sound =
    Buffer.compare(header.subarray(0, 8), MAGIC) === 0 &&
    readUint64(view, 8) === sequence &&
    view.getUint32(36, true) === headerCrc(header);
  if (!sound) return undefined;
  const bases = Array.from({ length: count }, (_, at) =>
    readUint64(view, FIXED_HEADER_BYTES + 8 * at),
  );
  return { topicId: formatUuid(header.subarray(16, 32)), bases };
}

export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

async function readHeader(
  handle: FileHandle,
  size: number,
  sequence: number,
): Promise<Header | undefined> {
  const head = new Uint8Array(Math.min(size, FIXED_HEADER_BYTES));
  await handle.read(head, 0, head.length, 0);
  const count =
    head.length < FIXED_HEADER_BYTES ? 0 : new DataView(head.buffer).getUint32(32, true);
  const full = new Uint8Array(Math.min(size, headerSize(Math.min(count, PARTITIONS_MAX))));
  await handle.read(full, 0, full.length, 0);
  return decodeHeader(full, sequence);
}

/** The log that a segment says it is part of; undefined when its header is unreadable. */
export async function readIdentity(
  files: Files,
  directory: string,
  sequence: number,
): Promise<{ readonly topicId: string; readonly partitions: number } | undefined> {
  const handle = await files.open(segmentPath(directory, sequence), 'r');
  try {
    const header = await readHeader(handle, (await handle.stat()).size, sequence);
    return header && { topicId: header.topicId, partitions: header.bases.length };
  } finally {
    await handle.close();
  }
}

/** Takes a record into the segment's offsets and index; `position` is where its frame starts. */
export function noteRecord(
  segment: Segment,
  partition: number,
  offset: number,
  position: number,
  timestampMs: number,
) {
  segment.ends[partition] = offset + 1;
  segment.lastTimestampMs[partition] = timestampMs;
  const entries = segment.index[partition]!;
  const last = entries.at(-1);
  if (last === undefined || position - last.position >= INDEX_EVERY_BYTES) {
    entries.push({ offset, position, timestampMs });
  }
}

/** The last indexed position at or before the first frame for which `isPast` holds. */
export function positionBefore(
  segment: Segment,
  partition: number,
  isPast: (entry: IndexEntry) => boolean,
): number {
  const entries = segment.index[partition]!;
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isPast(entries[middle]!)) high = middle;
    else low = middle + 1;
  }
  return entries[Math.max(low - 1, 0)]?.position ?? segment.headerBytes;
}

export interface Recovered {
  /** Undefined when the file's header is unreadable. */
  readonly segment: Segment | undefined;
  readonly damagedStretches: number;
  readonly badTailBytes: number;
}

/** Reads a segment back, from its index file when that fits, else frame by frame; cuts a torn tail off. */
export async function recoverSegment(
  files: Files,
  directory: string,
  sequence: number,
  topicId: string,
): Promise<Recovered> {
  const handle = await files.open(segmentPath(directory, sequence), 'r+');
  try {
    const { size } = await handle.stat();
    const found = await readHeader(handle, size, sequence);
    if (found?.topicId !== topicId) {
      return { segment: undefined, damagedStretches: 0, badTailBytes: size };
    }
    const segment = newSegment(directory, sequence, found.bases);
    if (await loadIndex(files, segment, size)) {
      return { segment, damagedStretches: 0, badTailBytes: 0 };
    }
    const end = await walkFrames(handle, segment.headerBytes, size, (frame) => {
      const { header } = frame;
      const known = segment.ends[header.partition];
      if (known === undefined || !valueIsSound(frame.bytes, frame.at, header)) return 'bad';
      if (header.offset >= known) {
        noteRecord(segment, header.partition, header.offset, frame.position, header.timestampMs);
      }
      return 'next';
    });
    segment.sizeBytes = end.position;
    if (end.badTailBytes > 0) await handle.truncate(end.position);
    return { segment, damagedStretches: end.damagedStretches, badTailBytes: end.badTailBytes };
  } finally {
    await handle.close();
  }
}

/** Saves the index of a segment that takes no more frames; without it the next open reads the segment. */
export async function saveIndex(files: Files, segment: Segment): Promise<void> {
  const { sizeBytes, ends, lastTimestampMs, index } = segment;
  const body = JSON.stringify({ sizeBytes, ends, lastTimestampMs, index });
  await files.writeFile(indexPath(segment), `${crc32c(utf8(body))}\n${body}`);
}

async function loadIndex(files: Files, segment: Segment, size: number): Promise<boolean> {
  const bytes = await readIfThere(files, indexPath(segment));
  if (bytes === undefined) return false;
  const content = text(bytes);
  const cut = content.indexOf('\n');
  const body = content.slice(cut + 1);
  if (cut < 0 || content.slice(0, cut) !== String(crc32c(utf8(body)))) return false;
  const saved: Omit<Segment, 'path'> = JSON.parse(body);
  if (saved.sizeBytes !== size || saved.ends.length !== segment.ends.length) return false;
  segment.sizeBytes = saved.sizeBytes;
  for (let partition = 0; partition < segment.ends.length; partition++) {
    segment.ends[partition] = saved.ends[partition]!;
    segment.lastTimestampMs[partition] = saved.lastTimestampMs[partition]!;
    segment.index[partition] = saved.index[partition]!;
  }
  return true;
}

/** What a failed system call means to a caller of the log. */
export function diskError(what: string, error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return new WeirError('unavailable', `embedded log: ${what} failed: ${code}`, { cause: error });
}
