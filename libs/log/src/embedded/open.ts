// Reads a log's directory back. It never fails because of what the segments hold: torn tails are cut,
// damage is counted, logged and passed, unreadable files are put aside.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { Random } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import { type Files, readIfThere, replaceFile } from './files.ts';
import type { LogMetrics } from './metrics.ts';
import type { GroupOffsets } from './offsets.ts';
import {
  headerSize,
  indexPath,
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

/** The log's identity and number of partitions, which `wanted` can only raise. */
export async function openMeta(
  files: Files,
  directory: string,
  wanted: number,
  random: Random,
): Promise<Meta> {
  const path = `${directory}/${META_FILE}`;
  const bytes = await readIfThere(files, path);
  const known = bytes === undefined ? undefined : parseMeta(path, bytes);
  const meta = {
    topicId: known?.topicId ?? newUuid(random),
    partitions: Math.max(known?.partitions ?? 1, wanted),
  };
  if (known?.partitions !== meta.partitions) {
    await replaceFile(files, directory, META_FILE, JSON.stringify(meta));
  }
  return meta;
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
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
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
  const names = await files.readdir(directory);
  const sequences = names
    .map((name) => SEGMENT_NAME.exec(name)?.[1])
    .filter((match) => match !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
  const segments: Segment[] = [];
  for (const sequence of sequences) {
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
