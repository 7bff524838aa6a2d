// What a request says about how fresh its answer must be, in Mimir's headers. A value that makes no sense is
// ignored, as Mimir does: the default of the tenant holds then.
import { parseDuration } from '@weir/config';

export const CONSISTENCY_HEADER = 'x-read-consistency';
export const OFFSETS_HEADER = 'x-read-consistency-offsets';
export const DELAY_HEADER = 'x-read-consistency-max-delay';
const OFFSETS_PREFIX = 'v1=';

export interface ReadConsistency {
  readonly level: 'strong' | 'eventual';
  /** By partition, the next offset that must have been applied; the log is asked for others. For strong. */
  readonly positions?: ReadonlyMap<number, number>;
  /** How far behind the log an answer may be, ms. For eventual. */
  readonly delayMaxMs?: number;
}

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export function readConsistencyOf(headers: Headers, defaultLevel: string): ReadConsistency {
  const asked = headerOf(headers, CONSISTENCY_HEADER);
  const level = asked === 'strong' || asked === 'eventual' ? asked : defaultLevel;
  if (level === 'strong') {
    const positions = parseOffsets(headerOf(headers, OFFSETS_HEADER));
    return { level, ...(positions !== undefined && { positions }) };
  }
  const delayMaxMs = parseDuration(headerOf(headers, DELAY_HEADER));
  const usable = delayMaxMs !== undefined && delayMaxMs > 0;
  return { level: 'eventual', ...(usable && { delayMaxMs }) };
}

/**
 * `v1=<partition>:<offset>,...`, where an offset is that of the last record, -1 for none. Entries that are
 * none are left out; undefined for another version.
 */
export function parseOffsets(text: string): ReadonlyMap<number, number> | undefined {
  if (!text.startsWith(OFFSETS_PREFIX)) return undefined;
  const positions = new Map<number, number>();
  for (const entry of text.slice(OFFSETS_PREFIX.length).split(',')) {
    const parts = /^(\d{1,10}):(-1|\d{1,16})$/.exec(entry);
    if (parts === null) continue;
    const last = Number(parts[2]);
    if (last < Number.MAX_SAFE_INTEGER) positions.set(Number(parts[1]), last + 1);
  }
  return positions;
}

function headerOf(headers: Headers, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : (value?.[0] ?? '');
}
