// meta.json of a block: Prometheus's fields, the `thanos` section that Mimir and Thanos read, and Weir's
// own. Reading is strict about what Weir uses and keeps quiet about fields of others.
import { text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';

export const META_FILE = 'meta.json';

/** Which records of which log a block holds samples of. */
export interface WeirSection {
  readonly topicId: string;
  readonly partition: number;
  /** Offset of the first and last record with a sample in this block, inclusive. */
  readonly firstOffset: number;
  readonly lastOffset: number;
}

export interface ThanosSection {
  readonly version: 1;
  readonly labels: Readonly<Record<string, string>>;
  readonly downsample: { readonly resolution: number };
  readonly source: string;
  readonly segment_files?: readonly string[];
  readonly files?: readonly { readonly rel_path: string; readonly size_bytes?: number }[];
}

/** The names are those of the file. */
export interface BlockMeta {
  readonly version: 1;
  readonly ulid: string;
  /** ms, inclusive. */
  readonly minTime: number;
  /** ms, exclusive. */
  readonly maxTime: number;
  readonly stats: {
    readonly numSamples?: number;
    readonly numFloatSamples?: number;
    readonly numHistogramSamples?: number;
    readonly numSeries?: number;
    readonly numChunks?: number;
  };
  readonly compaction: { readonly level: number; readonly sources?: readonly string[] };
  readonly thanos?: ThanosSection;
  readonly weir?: WeirSection;
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

export function isUlid(name: string): boolean {
  return ULID.test(name);
}

export function encodeBlockMeta(meta: BlockMeta): Uint8Array {
  return utf8(`${JSON.stringify(meta, null, '\t')}\n`);
}

/** Rejects with `corrupt` what isn't the meta.json of a block that Weir can read. */
export function decodeBlockMeta(bytes: Uint8Array): BlockMeta {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text(bytes));
  } catch (cause) {
    throw new WeirError('corrupt', `${META_FILE}: not JSON`, { cause });
  }
  if (!isRecord(parsed)) throw bad('not an object');
  if (parsed.version !== 1) throw bad(`version ${String(parsed.version)} is unknown, 1 is read`);
  if (typeof parsed.ulid !== 'string' || !isUlid(parsed.ulid)) throw bad('ulid is not a ULID');
  const { minTime, maxTime, compaction } = parsed;
  if (!Number.isSafeInteger(minTime) || !Number.isSafeInteger(maxTime)) {
    throw bad('minTime and maxTime must be integers');
  }
  if ((minTime as number) > (maxTime as number)) throw bad('minTime is above maxTime');
  if (!isRecord(compaction) || !Number.isSafeInteger(compaction.level)) {
    throw bad('compaction.level is missing');
  }
  checkSections(parsed);
  const stats = isRecord(parsed.stats) ? parsed.stats : {};
  // Each field that is used was just checked.
  return { ...parsed, stats } as unknown as BlockMeta;
}

function checkSections({ thanos, weir }: Record<string, unknown>): void {
  if (thanos !== undefined) {
    if (!isRecord(thanos)) throw bad('thanos is not an object');
    const segments = thanos.segment_files;
    const named = (file: unknown) => typeof file === 'string' && /^\d{6,}$/.test(file);
    if (segments !== undefined && segments !== null) {
      if (!Array.isArray(segments) || !segments.every(named)) {
        throw bad('thanos.segment_files is not a list of segment names');
      }
    }
  }
  if (weir === undefined) return;
  const valid =
    isRecord(weir) &&
    typeof weir.topicId === 'string' &&
    [weir.partition, weir.firstOffset, weir.lastOffset].every(Number.isSafeInteger);
  if (!valid) throw bad('weir section is malformed');
}

function bad(what: string): WeirError {
  return new WeirError('corrupt', `${META_FILE}: ${what}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
