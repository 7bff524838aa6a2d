// Chunks of one series that overlap in time, as out-of-order samples make them, merged into chunks that
// do not: sorted, one sample per timestamp, the one that was applied first.
import type { Chunk } from '@weir/tsdb/chunk';
import { mergeChunks } from '@weir/tsdb/merge';

/** A chunk and its place in the order of precedence; in-order chunks have 0, and win. */
export interface RankedChunk extends Chunk {
  readonly rank: number;
}

/** Sorts chunks by time and merges those that overlap; the others pass untouched. */
export function disjointChunks(chunks: RankedChunk[]): readonly Chunk[] {
  if (chunks.length < 2) return chunks;
  return mergeChunks(chunks.sort((a, b) => a.rank - b.rank || a.minT - b.minT));
}
