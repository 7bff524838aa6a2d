// What one query of a tenant may ask for and take: Mimir's settings by their names and with their defaults.
import { defineFlags } from '@weir/config';

export const queryLimitsFlags = defineFlags({
  fetchedSeriesMax: {
    kind: 'int',
    flag: 'querier.max-fetched-series-per-query',
    yaml: 'limits.max_fetched_series_per_query',
    default: 0,
    help: 'Series that one query may read. 0 is no limit.',
  },
  fetchedChunksMax: {
    kind: 'int',
    flag: 'querier.max-fetched-chunks-per-query',
    yaml: 'limits.max_fetched_chunks_per_query',
    default: 2_000_000,
    help: 'Chunks that one query may read, of ingesters and of blocks. 0 is no limit.',
  },
  fetchedChunkBytesMax: {
    kind: 'int',
    flag: 'querier.max-fetched-chunk-bytes-per-query',
    yaml: 'limits.max_fetched_chunk_bytes_per_query',
    default: 0,
    help: 'Bytes of chunks that one query may read. 0 is no limit.',
  },
  queryMemoryMaxBytes: {
    kind: 'int',
    flag: 'querier.max-estimated-memory-consumption-per-query',
    yaml: 'limits.max_estimated_memory_consumption_per_query',
    default: 0,
    help: 'Bytes of samples that one query may hold at once, by estimate. 0 is no limit.',
  },
  queryExpressionMaxBytes: {
    kind: 'int',
    flag: 'query-frontend.max-query-expression-size-bytes',
    yaml: 'limits.max_query_expression_size_bytes',
    default: 0,
    help: 'The longest expression, bytes. 0 is no limit.',
  },
  queryLengthMaxMs: {
    kind: 'duration',
    flag: 'query-frontend.max-total-query-length',
    yaml: 'limits.max_total_query_length',
    default: 0,
    help: 'The longest time between start and end of a query. 0 is no limit.',
  },
  queryLookbackMaxMs: {
    kind: 'duration',
    flag: 'querier.max-query-lookback',
    yaml: 'limits.max_query_lookback',
    default: 0,
    help: 'How far back queries see: what they ask for before is left out. 0 is no limit.',
  },
  labelsLengthMaxMs: {
    kind: 'duration',
    flag: 'store.max-labels-query-length',
    yaml: 'limits.max_labels_query_length',
    default: 0,
    help: 'The longest time between start and end of queries of series, label names and values; of longer ones the beginning is left out. 0 is no limit.',
  },
  seriesAnswerMax: {
    kind: 'int',
    flag: 'querier.max-series-query-limit',
    yaml: 'limits.max_series_query_limit',
    default: 0,
    help: 'Series that the series endpoint answers at most, whatever limit is asked for. 0 is no limit.',
  },
  experimentalFunctions: {
    kind: 'strings',
    flag: 'query-frontend.enabled-promql-experimental-functions',
    yaml: 'limits.enabled_promql_experimental_functions',
    default: ['all'],
    help: 'Functions, aggregations and fill modifiers (fill) that Prometheus calls experimental and that the tenant may use; all of them unless given.',
  },
  extendedRangeSelectors: {
    kind: 'strings',
    flag: 'query-frontend.enabled-promql-extended-range-selectors',
    yaml: 'limits.enabled_promql_extended_range_selectors',
    default: ['all'],
    help: 'Modifiers of range selectors (anchored, smoothed) that the tenant may use; all of them unless given.',
  },
  blockedQueries: {
    kind: 'list',
    flag: 'query-frontend.blocked-queries',
    yaml: 'limits.blocked_queries',
    default: [],
    help: 'Queries that are refused: rules of pattern, regex, reason, unaligned_range_queries, time_range_longer_than and step_size_shorter_than.',
  },
});
