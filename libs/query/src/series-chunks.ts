// A series with its chunks still encoded: what heads, blocks and the wire between them hand over. Chunks
// of several sources stand one source after the other, and on equal timestamps the earlier one wins.
import type { LabelBytes, Matcher } from '@weir/model';
import type { Chunk } from '@weir/tsdb/chunk';

export interface SeriesChunks {
  readonly labels: LabelBytes;
  readonly chunks: readonly Chunk[];
}

/** Batches of series, ascending in Prometheus's label order over the whole stream, none twice. */
export type SeriesBatches = AsyncIterable<readonly SeriesChunks[]>;

/** What a head or a block is asked for. */
export interface SeriesSelect {
  readonly matchers: readonly Matcher[];
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  /** Leave the chunks out: only which series exist. */
  readonly labelsOnly?: boolean;
  /** Of each series only its newest sample in the range is needed. */
  readonly newestOnly?: boolean;
}
