// Flags of the querier, named as Mimir's.
import { defineFlags, type SettingsOf } from '@weir/config';

export const querierFlags = defineFlags({
  lookbackDeltaMs: {
    kind: 'duration',
    flag: 'querier.lookback-delta',
    yaml: 'querier.lookback_delta',
    default: 300_000,
    help: 'How far back a selector looks for the newest sample of a series.',
  },
  maxSamples: {
    kind: 'int',
    flag: 'querier.max-samples',
    yaml: 'querier.max_samples',
    default: 50_000_000,
    help: 'Samples that one query may hold in memory; it fails beyond.',
  },
  timeoutMs: {
    kind: 'duration',
    flag: 'querier.timeout',
    yaml: 'querier.timeout',
    default: 120_000,
    help: 'Longest time a query may take; the timeout parameter can only shorten it.',
  },
  maxConcurrent: {
    kind: 'int',
    flag: 'querier.max-concurrent',
    yaml: 'querier.max_concurrent',
    default: 20,
    help: 'Queries evaluated at the same time; others wait.',
  },
  maxConcurrentReads: {
    kind: 'int',
    flag: 'querier.max-concurrent-remote-read-queries',
    yaml: 'querier.max_concurrent_remote_read_queries',
    default: 2,
    help: 'Queries of one remote read request that are run at the same time.',
  },
  defaultSubqueryStepMs: {
    kind: 'duration',
    flag: 'querier.default-evaluation-interval',
    yaml: 'querier.default_evaluation_interval',
    default: 60_000,
    help: 'Step of subqueries that name none.',
  },
  rehearsalEnabled: {
    kind: 'bool',
    flag: 'querier.rehearsal-enabled',
    yaml: 'querier.rehearsal_enabled',
    default: true,
    help: 'Run made-up queries for some seconds once this process is ready, if it has partitions too, so that the code of queries is compiled before the first real one.',
  },
  prometheusPrefix: {
    kind: 'string',
    flag: 'http.prometheus-http-prefix',
    yaml: 'api.prometheus_http_prefix',
    default: '/prometheus',
    help: 'Path that stands before the routes of the Prometheus API.',
  },
  partitionLookBackMs: {
    kind: 'duration',
    flag: 'querier.partition-lookback',
    yaml: 'querier.partition_lookback',
    default: 24 * 3_600_000,
    help: 'How long a partition that left the shard of a tenant is still asked. Longer than ingesters take to ship an idle tenant.',
  },
  formSizeMaxBytes: {
    kind: 'int',
    flag: 'query-frontend.max-body-size',
    yaml: 'frontend.max_body_size',
    default: 10 * 1024 * 1024,
    help: 'Largest body of a query request, in bytes.',
  },
});

export type QuerierSettings = SettingsOf<typeof querierFlags>;
