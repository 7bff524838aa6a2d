// What an endpoint of the query API gets, and what it answers before that is JSON.
import type { LabelBytes } from '@weir/model';
import type { Engine, QueryResult } from '@weir/promql';
import type {
  BlockCatalog,
  ChunkedQueryable,
  OwnerDirectory,
  ReadPort,
  SeriesExemplars,
  TextAnswers,
} from '@weir/query';
import type { Clock } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import type { Parameters } from './parameters.ts';
import type { QueryRequest } from './query-request.ts';

export interface QuerierParts {
  readonly owners: OwnerDirectory;
  /** Reaches the owner at the end of a link, or any: needed for requests that name the owners' partitions. */
  readonly portOf?: (link: number | undefined) => ReadPort;
  readonly catalog: BlockCatalog;
  /** Kept over all queries. */
  readonly textAnswers?: TextAnswers;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface EndpointContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly request: QueryRequest;
  readonly params: Parameters;
  readonly queryable: ChunkedQueryable;
  /** Aborted when the client leaves or the time is over. */
  readonly signal: AbortSignal;
}

export type EndpointAnswer = { readonly warnings: readonly string[] } & (
  | { readonly kind: 'result'; readonly result: QueryResult; readonly stats: unknown }
  | { readonly kind: 'series'; readonly series: readonly LabelBytes[] }
  | { readonly kind: 'exemplars'; readonly series: readonly SeriesExemplars[] }
  /** 204, as Prometheus answers where there is nothing to be asked. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'data'; readonly data: unknown }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'active-series'; readonly series: readonly LabelBytes[] }
  /** As they are, read while they are sent: until the end they take storage and time. */
  | {
      readonly kind: 'bytes';
      readonly headers: Readonly<Record<string, string>>;
      readonly body: AsyncIterableIterator<Uint8Array>;
    }
  /** Without Prometheus's envelope. */
  | { readonly kind: 'json'; readonly json: unknown }
);

/** Prometheus's warning when the limit parameter cut the answer. */
export const TRUNCATED = 'results truncated due to limit';
