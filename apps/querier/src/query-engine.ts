// What the querier needs of a PromQL engine; libs/promql fits it, and tests bring small ones.
import type { LabelBytes } from '@weir/model';
import type { Queryable } from '@weir/promql';

export interface InstantQuery {
  readonly query: string;
  readonly timeMs: number;
  readonly lookbackDeltaMs?: number;
}

export interface RangeQuery {
  readonly query: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly lookbackDeltaMs?: number;
}

/** Samples of one series in columns, [0, count) in use. */
export interface ResultSeries {
  readonly labels: LabelBytes;
  readonly t: Float64Array;
  readonly v: Float64Array;
  readonly count: number;
}

export interface ResultPoint {
  readonly labels: LabelBytes;
  readonly t: number;
  readonly v: number;
}

export type ResultData =
  | { readonly type: 'matrix'; readonly series: readonly ResultSeries[] }
  | { readonly type: 'vector'; readonly points: readonly ResultPoint[] }
  | { readonly type: 'scalar'; readonly t: number; readonly v: number }
  | { readonly type: 'string'; readonly t: number; readonly text: string };

export type QueryResult = ResultData & {
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
  readonly samplesRead?: number;
  readonly peakSamples?: number;
};

export interface QueryEngine {
  instant(query: InstantQuery, queryable: Queryable, signal: AbortSignal): Promise<QueryResult>;
  range(query: RangeQuery, queryable: Queryable, signal: AbortSignal): Promise<QueryResult>;
}
