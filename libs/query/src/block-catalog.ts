// What queries need to know about blocks in the bucket; libs/catalog and libs/tsdb fit it. Kept small
// and local, so that tests and other stores of blocks can stand in.
import type { SeriesBatches, SeriesSelect } from './series-chunks.ts';

export interface QueryBlock {
  readonly meta: {
    readonly ulid: string;
    /** Event time [minTime, maxTime), ms. */
    readonly minTime: number;
    readonly maxTime: number;
    /** Where one partition made it: which, and the offsets of the first and last record in it. */
    readonly weir?:
      | {
          readonly partition: number;
          readonly firstOffset: number;
          readonly lastOffset: number;
        }
      | undefined;
  };
  /** The reader may be shared and cached; it is not closed here. */
  open(): Promise<QueryBlockReader>;
}

export interface QueryBlockReader {
  /** Series in label order; a batch stays valid after the next one is asked for. */
  select(select: SeriesSelect): SeriesBatches;
  labelNames(select: SeriesSelect): Promise<readonly string[]>;
  labelValues(name: string, select: SeriesSelect): Promise<readonly string[]>;
}

export interface BlockCatalog {
  /**
   * Blocks of the tenant that may hold samples in [minT, maxT], both inclusive, ms; every one that was in
   * the bucket at `listedSinceMs` is among them.
   */
  blocks(
    tenant: string,
    minT: number,
    maxT: number,
    listedSinceMs?: number,
  ): Promise<readonly QueryBlock[]>;
}
