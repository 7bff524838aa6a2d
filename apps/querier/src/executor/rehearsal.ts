// Queries that nobody asked, over made-up series, so that the code of real ones is compiled when they come.
import { WeirError } from '@weir/errors';
import type { QueryAnswer, QueryRequest } from '../query-request.ts';

/** So often V8 has seen enough of most of it; of small requests more are needed, and cost little. */
const ROUNDS = 10;
const SMALL_OF_ROUND = 5;

export interface RehearsedSeries {
  readonly tenant: string;
  /** Of the oldest and the newest samples. */
  readonly oldestMs: number;
  readonly newestMs: number;
}

const INSTANT = [
  'sum by (job) (rate(requests_total[5m]))',
  'sum by (job) (rate(requests_total{code=~"5.."}[5m])) / sum by (job) (rate(requests_total[5m]))',
  'histogram_quantile(0.9, sum by (le, job) (rate(duration_seconds_bucket[5m])))',
  'max_over_time(memory_bytes[30m])',
  'count({__name__=~".+"})',
  'avg by (instance) (memory_bytes) > 10 or up',
];
const SMALL_INSTANT = [
  'topk(5, memory_bytes)',
  'requests_total{instance=~".+0:8080",handler="/api/1",method="GET"}',
  'count(requests_total{instance=~"[0-9]+\\\\.1.*",code!~"5.."})',
];
const SMALL_RANGE = ['rate(requests_total{handler="/api/1",job="job-1"}[5m])'];
const RANGE = [
  'sum by (instance) (rate(requests_total[5m]))',
  'sum by (job) (increase(requests_total[5m]))',
  'histogram_quantile(0.99, sum by (le) (rate(duration_seconds_bucket{job="job-1"}[5m])))',
  'max by (job) (memory_bytes * 2)',
  '{job="job-2"}',
];

/** The requests of one round. */
export function rehearsedRequests({ tenant, oldestMs, newestMs }: RehearsedSeries): QueryRequest[] {
  const start = String(oldestMs / 1000);
  const end = String(newestMs / 1000);
  const span = Object.entries({ start, end });
  const selected = ['match[]', 'requests_total{job="job-1"}'] as const;
  const instants = (queries: readonly string[]) =>
    queries.map((query): QueryRequest => {
      return { tenant, endpoint: 'query', params: Object.entries({ query, time: end }) };
    });
  const ranges = (queries: readonly string[]) =>
    queries.map((query): QueryRequest => {
      const params = Object.entries({ query, start, end, step: '15' });
      return { tenant, endpoint: 'query_range', params };
    });
  const small: QueryRequest[] = [
    ...instants(SMALL_INSTANT),
    ...ranges(SMALL_RANGE),
    { tenant, endpoint: 'series', params: [selected, ...span] },
    { tenant, endpoint: 'series', params: [['match[]', 'requests_total'], ...span] },
    { tenant, endpoint: 'labels', params: span },
    { tenant, endpoint: 'label_values', label: 'instance', params: span },
    { tenant, endpoint: 'label_values', label: 'instance', params: [selected, ...span] },
  ];
  const often = Array.from({ length: SMALL_OF_ROUND }, () => small).flat();
  return [...instants(INSTANT), ...ranges(RANGE), ...often];
}

/** Asks for all of them many times, one a step; the first failure ends it. */
export async function* rehearse(
  requests: readonly QueryRequest[],
  execute: (request: QueryRequest) => Promise<QueryAnswer>,
): AsyncGenerator<void> {
  for (let round = 0; round < ROUNDS; round++) {
    for (const request of requests) {
      const { status, body } = await execute(request);
      if (status !== 200) {
        const why = body instanceof Uint8Array ? Buffer.from(body).toString() : '';
        throw new WeirError('internal', `a rehearsed query was answered ${status}: ${why}`);
      }
      if (!(body instanceof Uint8Array)) for await (const _ of body);
      yield;
    }
  }
}
