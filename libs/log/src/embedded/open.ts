// Reads a log's directory back. It never fails because of what the segments hold: torn tails are cut,
// damage is counted, logged and passed, unreadable files are put aside.
import { text } from '@weir/bytes';
import { toWeirError, WeirError } from '@weir/errors';
import type { Random } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import { type Files, readIfThere, replaceFile } from './files.ts';
import type { LogMetrics } from './metrics.ts';
import type { GroupOffsets } from './offsets.ts';
import {
  formatUuid,
  headerSize,
  indexPath,
  readIdentity,
  recoverSegment,
  type Segment,
  saveIndex,
  segmentPath,
} from './segment.ts';

const META_FILE = 'meta.json';
const SEGMENT_NAME = /^(\d{12})\.segment$/;

export interface Meta {
  readonly topicId: string;
  readonly partitions: number;
}

/**
 * The log's identity and number of partitions, which `wanted` can only raise. When their file is lost, the
 * segments' headers tell them; a damaged file without any segment is `corrupt`.
 */
export async function openMeta(
  directory: string,
  wanted: number,
  random: Random,
  parts: OpenParts,
): Promise<Meta> {
  const { files } = parts;
  const known = await knownMeta(directory, parts);
  const meta = {
    topicId: known?.topicId ?? newUuid(random),
    partitions: Math.max(known?.partitions ?? 1, wanted),
  };
  if (known?.partitions !== meta.partitions) {
    await replaceFile(files, directory, META_FILE, JSON.stringify(meta));
  }
  return meta;
}

async function knownMeta(directory: string, parts: OpenParts): Promise<Meta | undefined> {
  const { files, log, metrics } = parts;
  const path = `${directory}/${META_FILE}`;
  let lost: WeirError | undefined;
  const bytes = await readIfThere(files, path);
  try {
    if (bytes !== undefined) return parseMeta(path, bytes);
  } catch (error) {
    lost = toWeirError(error);
  }
  const rebuilt = await metaOfSegments(files, directory);
  if (rebuilt === undefined && lost !== undefined) throw lost;
  if (rebuilt !== undefined) {
    await replaceFile(files, directory, META_FILE, JSON.stringify(rebuilt));
    metrics.damaged.inc();
    log.error(
      { file: path, err: lost, ...rebuilt },
      'embedded log: its identity was lost and is taken from the newest segment',
    );
  }
  return rebuilt;
}

/** What the newest segment with a sound header says; later segments know of all partitions. */
async function metaOfSegments(files: Files, directory: string): Promise<Meta | undefined> {
  for (const sequence of (await sequencesOf(files, directory)).reverse()) {
    const found = await readIdentity(files, directory, sequence);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function sequencesOf(files: Files, directory: string): Promise<number[]> {
  const names = await files.readdir(directory);
  return names
    .map((name) => SEGMENT_NAME.exec(name)?.[1])
    .filter((match) => match !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

function parseMeta(path: string, bytes: Uint8Array): Meta {
  try {
    const meta: Meta = JSON.parse(text(bytes));
    if (typeof meta.topicId === 'string' && meta.partitions >= 1) return meta;
  } catch (error) {
    throw new WeirError('corrupt', `${path} is not JSON`, { cause: error });
  }
  throw new WeirError('corrupt', `${path} holds no topic id and partitions`);
}

/** A random UUID (RFC 9562, version 4). */
function newUuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return formatUuid(bytes);
}

export interface OpenParts {
  readonly files: Files;
  readonly log: Logger;
  readonly metrics: LogMetrics;
}

/** All segments that can be read, oldest first. */
export async function openSegments(
  directory: string,
  meta: Meta,
  parts: OpenParts,
): Promise<Segment[]> {
  const { files, log, metrics } = parts;
  const segments: Segment[] = [];
  for (const sequence of await sequencesOf(files, directory)) {
    const path = segmentPath(directory, sequence);
    const found = await recoverSegment(files, directory, sequence, meta.topicId);
    if (found.segment === undefined) {
      await putAside(path, found.badTailBytes <= headerSize(meta.partitions), parts);
      continue;
    }
    if (found.damagedStretches > 0) {
      metrics.damaged.inc(found.damagedStretches);
      const fields = { segment: path, places: found.damagedStretches };
      log.error(fields, 'embedded log: damaged frames were skipped; their records are lost');
    }
    widen(found.segment, meta.partitions);
    segments.push(found.segment);
  }
  reconcile(segments, parts);
  await tidy(segments, files, log);
  return segments;
}

/** A file no longer than a header was left by a failed creation: nothing was in it. */
async function putAside(path: string, unfinished: boolean, parts: OpenParts) {
  if (unfinished) {
    await parts.files.unlink(path);
    return;
  }
  await parts.files.rename(path, `${path}.damaged`);
  parts.metrics.damaged.inc();
  parts.log.error({ segment: path }, 'embedded log: unreadable segment was put aside');
}

/** Partitions added later have no records in older segments. */
function widen(segment: Segment, partitions: number) {
  while (segment.bases.length < partitions) {
    segment.bases.push(0);
    segment.ends.push(0);
    segment.lastTimestampMs.push(0);
    segment.index.push([]);
  }
}

/** Each segment's header rules where the one before it ends. */
function reconcile(segments: readonly Segment[], { log, metrics }: OpenParts) {
  for (let at = 0; at + 1 < segments.length; at++) {
    const segment = segments[at]!;
    const next = segments[at + 1]!;
    segment.ends.forEach((end, partition) => {
      const base = next.bases[partition]!;
      if (end > base) segment.ends[partition] = base;
      if (end >= base) return;
      metrics.damaged.inc();
      const fields = { segment: segment.path, partition, fromOffset: end, toOffset: base };
      log.error(fields, 'embedded log: records are missing at the end of a segment');
    });
  }
}

/** Drops segments without records (but the newest, whose header holds offsets); indexes the others. */
async function tidy(segments: Segment[], files: Files, log: Logger) {
  for (let at = segments.length - 2; at >= 0; at--) {
    const segment = segments[at]!;
    if (segment.ends.some((end, partition) => end > segment.bases[partition]!)) continue;
    await removeSegment(files, segment);
    segments.splice(at, 1);
  }
  for (const segment of segments) {
    try {
      if ((await readIfThere(files, indexPath(segment))) === undefined) {
        await saveIndex(files, segment);
      }
    } catch (error) {
      log.warn({ err: error, segment: segment.path }, 'embedded log: index was not saved');
    }
  }
}

export async function removeSegment(files: Files, segment: Segment) {
  await files.unlink(segment.path);
  if ((await readIfThere(files, indexPath(segment))) !== undefined) {
    await files.unlink(indexPath(segment));
  }
}

/** Per partition the next offset: behind the last record, and never below what a group has committed. */
export function nextOffsets(
  segments: readonly Segment[],
  partitions: number,
  offsets: GroupOffsets,
  { log, metrics }: OpenParts,
): number[] {
  return Array.from({ length: partitions }, (_, partition) => {
    const end = segments.at(-1)?.ends[partition] ?? 0;
    const committed = offsets.highest(partition);
    if (committed <= end) return end;
    metrics.damaged.inc();
    log.error({ partition, end, committed }, 'embedded log: it ends below a committed offset');
    return committed;
  });
}
