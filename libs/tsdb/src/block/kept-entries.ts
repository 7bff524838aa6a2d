// Series entries that were read, kept for who asks a block the same again: dashboards do, with every look, and a block
// never changes. One of these bounds the memory of all the blocks that it is given to.
import { type Matcher, matchersKey } from '@weir/model';
import type { SeriesEntries } from '../index/series-entries.ts';

/** Of all bytes one selection may take this part. */
const SELECTION_PART = 1 / 4;

export interface KeptEntries {
  readonly sizeBytes: number;
  /** Selections that take more are not kept. */
  readonly selectionMaxBytes: number;
  get(key: string): readonly SeriesEntries[] | undefined;
  /** All entries of a selection; the one that was asked for longest ago makes room. */
  put(key: string, entries: readonly SeriesEntries[]): void;
}

export function createKeptEntries(maxBytes: number): KeptEntries {
  /** The one asked for last is the last. */
  const kept = new Map<string, readonly SeriesEntries[]>();
  let sizeBytes = 0;
  const take = (key: string) => {
    const entries = kept.get(key);
    if (entries === undefined) return undefined;
    kept.delete(key);
    sizeBytes -= sizeOf(key, entries);
    return entries;
  };
  const put = (key: string, entries: readonly SeriesEntries[]) => {
    take(key);
    kept.set(key, entries);
    sizeBytes += sizeOf(key, entries);
    for (const oldest of kept.keys()) {
      if (sizeBytes <= maxBytes) return;
      take(oldest);
    }
  };
  return {
    get sizeBytes() {
      return sizeBytes;
    },
    selectionMaxBytes: maxBytes * SELECTION_PART,
    get(key) {
      const entries = take(key);
      if (entries !== undefined) put(key, entries);
      return entries;
    },
    put,
  };
}

/** What a selection of a block is known by. */
export function selectionKey(ulid: string, matchers: readonly Matcher[]): string {
  return ulid + matchersKey(matchers);
}

function sizeOf(key: string, entries: readonly SeriesEntries[]): number {
  let size = key.length + 128;
  for (const { sizeBytes } of entries) size += sizeBytes;
  return size;
}
