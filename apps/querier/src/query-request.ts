// A query as data, independent of the HTTP server, so that it can cross to a worker thread; and its
// answer, whose body may be a stream.
import type { ErrorKind } from '@weir/errors';
import type { TenantLimits } from '@weir/limits';
import type { ReadDemand } from '@weir/query';
import type { ReadConsistency } from './consistency/read-consistency.ts';

export interface QueryRequest {
  readonly tenant: string;
  /** Below the Prometheus prefix: `/api/v1/query`. Path parameters are decoded. */
  readonly endpoint: Endpoint;
  /** The label of `label values`. */
  readonly label?: string;
  /** Form and query string parameters in Go's order: those of the body first. */
  readonly params: readonly (readonly [string, string])[];
  /** The body of a request whose parameters are not a form. */
  readonly body?: Uint8Array;
  /** The tenant's limits; not in requests to a worker, which knows them by `limitsNumber`. */
  readonly limits?: TenantLimits;
  readonly limitsNumber?: number;
  /** Partitions by owner, where the sender knows them; they are asked for otherwise. */
  readonly owners?: readonly (readonly number[])[];
  /** Of each of them, by which link its partitions are read (ReadLinks); undefined through the sender. */
  readonly links?: readonly (number | undefined)[];
  /** When these owners were first seen (OwnerDirectory.changedMs). */
  readonly ownersChangedMs?: number;
  /** What the client wants to see at least; before the query runs it becomes a demand on the owners. */
  readonly consistency?: ReadConsistency;
  readonly demand?: ReadDemand;
}

export type Endpoint =
  | 'query'
  | 'query_range'
  | 'labels'
  | 'label_values'
  | 'series'
  | 'metadata'
  | 'query_exemplars'
  | 'read'
  | 'format_query'
  | 'parse_query'
  | 'cardinality_label_names'
  | 'cardinality_label_values'
  | 'cardinality_active_series'
  | 'cardinality_active_histograms'
  | 'discarded'
  | 'freshness'
  | 'user_stats';

/** Whether the endpoint reads series, and so needs owners and what may be demanded of them. */
export function readsSeries(endpoint: Endpoint): boolean {
  return endpoint !== 'format_query' && endpoint !== 'parse_query';
}

/** Mimir answers errors of these as plain text. */
export function hasPlainErrors(endpoint: Endpoint): boolean {
  return endpoint.startsWith('cardinality_') || endpoint === 'user_stats' || endpoint === 'read';
}

export interface QueryAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  /** What went wrong, when the answer is an error. */
  readonly failure?: ErrorKind;
  /** The operator has forbidden the query. */
  readonly isBlocked?: boolean;
}

/** Where queries run: in this thread, or in worker threads. */
export interface QueryExecutor {
  /** Errors are answers too; rejects only when `signal` is aborted. */
  execute(request: QueryRequest, signal: AbortSignal): Promise<QueryAnswer>;
  close(): Promise<void>;
}
