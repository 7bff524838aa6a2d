// What one query may read of storage, all its selectors together: series, chunks and bytes of chunks. A series
// that several selectors read is one; its chunks count each time. Over a limit the query ends, in Mimir's words.
import { hashBytes } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { LabelBytes } from '@weir/model';
import type { Chunk } from '@weir/tsdb/chunk';

/** 0 is no limit. */
export interface FetchLimits {
  readonly fetchedSeriesMax: number;
  readonly fetchedChunksMax: number;
  readonly fetchedChunkBytesMax: number;
}

const STRATEGY =
  'Consider reducing the time range and/or number of series selected by the query. One way to reduce the number of selected series is to add more label matchers to the query';

export class FetchBudget {
  readonly #limits: FetchLimits;
  readonly #series = new Set<number>();
  #chunks = 0;
  #bytes = 0;

  constructor(limits: FetchLimits) {
    this.#limits = limits;
  }

  /** Throws `invalid`, 422, where the series is one too many, or its chunks are. */
  take(labels: LabelBytes, chunks: readonly Chunk[]): void {
    const { fetchedSeriesMax, fetchedChunksMax, fetchedChunkBytesMax } = this.#limits;
    if (fetchedSeriesMax > 0) {
      this.#series.add(hashBytes(labels, 0, labels.length));
      if (this.#series.size > fetchedSeriesMax) {
        const text = `the query exceeded the maximum number of series (limit: ${fetchedSeriesMax} series)`;
        throw exceeded(text, 'max-series-per-query', 'max-fetched-series-per-query');
      }
    }
    this.#chunks += chunks.length;
    if (fetchedChunksMax > 0 && this.#chunks > fetchedChunksMax) {
      const text = `the query exceeded the maximum number of chunks (limit: ${fetchedChunksMax} chunks)`;
      throw exceeded(text, 'max-chunks-per-query', 'max-fetched-chunks-per-query');
    }
    if (fetchedChunkBytesMax === 0) return;
    for (const { bytes } of chunks) this.#bytes += bytes.length;
    if (this.#bytes > fetchedChunkBytesMax) {
      const text = `the query exceeded the aggregated chunks size limit (limit: ${fetchedChunkBytesMax} bytes)`;
      throw exceeded(text, 'max-chunks-bytes-per-query', 'max-fetched-chunk-bytes-per-query');
    }
  }
}

function exceeded(text: string, id: string, flag: string): WeirError {
  const rest = `Otherwise, to adjust the related per-tenant limit, configure -querier.${flag}, or contact your service administrator.`;
  return new WeirError('invalid', `${text} (err-mimir-${id}). ${STRATEGY}. ${rest}`, {
    status: 422,
  });
}
