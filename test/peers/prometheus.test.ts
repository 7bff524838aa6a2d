// A real Prometheus 3 scrapes itself and Weir, remote-writes both to Weir, and must agree with Weir on
// thirty expressions: in one process on the embedded log (remote write 1.0 and 2.0), and as separate
// processes over Kafka. WEIR_PEER_SECONDS sets how long it scrapes first.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { startCluster } from '../support/cluster.ts';
import {
  type MatrixSeries,
  query,
  queryRange,
  type VectorSeries,
} from '../support/prometheus-api.ts';
import { startPrometheus } from '../support/prometheus-process.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const SECONDS = Number(process.env.WEIR_PEER_SECONDS ?? 60);

const EXPRESSIONS = [
  'up',
  'sum(up) by (job)',
  'count({__name__=~".+"})',
  'count by (__name__)({job="prometheus"})',
  'prometheus_http_requests_total',
  'sum by (handler)(rate(prometheus_http_requests_total[30s]))',
  'irate(prometheus_http_requests_total{handler="/metrics"}[10s])',
  'increase(prometheus_tsdb_head_samples_appended_total[30s])',
  'delta(go_goroutines[20s])',
  'idelta(go_goroutines[20s])',
  'deriv(process_resident_memory_bytes[30s])',
  'predict_linear(process_resident_memory_bytes[30s], 600)',
  'avg_over_time(go_goroutines[20s])',
  'max_over_time(process_resident_memory_bytes[30s]) - min_over_time(process_resident_memory_bytes[30s])',
  'stddev_over_time(go_goroutines[30s])',
  'quantile_over_time(0.9, go_goroutines[30s])',
  'histogram_quantile(0.9, sum by (le)(rate(prometheus_http_request_duration_seconds_bucket[30s])))',
  'histogram_quantile(0.5, sum by (le, handler)(prometheus_http_response_size_bytes_bucket))',
  'topk(5, prometheus_http_response_size_bytes_sum)',
  'bottomk(3, {__name__=~"go_memstats_.*_bytes"})',
  'quantile(0.5, go_gc_duration_seconds)',
  'label_replace(up, "host", "$1", "instance", "(.*):.*")',
  'label_join(up, "both", "/", "job", "instance")',
  'absent(nothing_like_this{a="b"})',
  'process_cpu_seconds_total > 0 unless on(instance) up == 0',
  'go_memstats_heap_alloc_bytes / on(instance, job) group_left process_resident_memory_bytes',
  'max_over_time(rate(process_cpu_seconds_total[10s])[20s:5s])',
  'go_goroutines offset 10s',
  'sum(go_goroutines @ end())',
  'sort_desc(round(rate(go_memstats_alloc_bytes_total[20s]), 100))',
  'clamp_max(ln(process_resident_memory_bytes), 10) + sgn(up)',
  'vector(scalar(sum(up))) * time() > bool 0',
];

const key = (series: { metric: Readonly<Record<string, string>> }) =>
  JSON.stringify(Object.entries(series.metric).sort());

function close(a: string, b: string): boolean {
  const [left, right] = [Number(a), Number(b)];
  if (a === b || left === right) return true;
  return Math.abs(left - right) <= 1e-9 * Math.max(Math.abs(left), Math.abs(right));
}

function sameVector(weir: VectorSeries[], peer: VectorSeries[]): string[] {
  const wanted = new Map(peer.map((series) => [key(series), series.value[1]]));
  const problems = weir
    .filter((series) => !close(series.value[1], wanted.get(key(series)) ?? 'absent'))
    .map((series) => `${key(series)}: ${series.value[1]}, not ${wanted.get(key(series))}`);
  if (weir.length !== peer.length) problems.push(`${weir.length} series, not ${peer.length}`);
  return problems;
}

function sameMatrix(weir: MatrixSeries[], peer: MatrixSeries[]): string[] {
  const wanted = new Map(peer.map((series) => [key(series), series.values]));
  const problems: string[] = [];
  for (const series of weir) {
    const values = wanted.get(key(series)) ?? [];
    if (values.length !== series.values.length) {
      problems.push(`${key(series)}: ${series.values.length} points, not ${values.length}`);
      continue;
    }
    for (const [index, [t, value]] of series.values.entries()) {
      const [peerT, peerValue] = values[index]!;
      if (t !== peerT || !close(value, peerValue)) {
        problems.push(`${key(series)} at ${t}: ${value}, not ${peerValue} at ${peerT}`);
        break;
      }
    }
  }
  if (weir.length !== peer.length) problems.push(`${weir.length} series, not ${peer.length}`);
  return problems;
}

async function compare(weir: string, peer: string, tenant: string): Promise<void> {
  const atMs = Math.floor(Date.now() / 1000 - 8) * 1000;
  const differing: Record<string, string[]> = {};
  for (const expression of EXPRESSIONS) {
    const ours = await query(weir, expression, atMs, tenant);
    const theirs = await query(peer, expression, atMs);
    const problems = sameVector(ours.result as VectorSeries[], theirs.result as VectorSeries[]);
    const range = { startMs: atMs - 30_000, endMs: atMs, stepMs: 3_000 };
    problems.push(
      ...sameMatrix(
        await queryRange(weir, expression, range, tenant),
        await queryRange(peer, expression, range),
      ),
    );
    if (problems.length > 0) differing[expression] = problems.slice(0, 5);
  }
  expect(differing).toEqual({});
}

describe('a real Prometheus 3 beside Weir', () => {
  const directories: string[] = [];
  afterAll(async () => {
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
  });

  for (const version of [1, 2] as const) {
    it(`agrees on ${EXPRESSIONS.length} expressions, remote write ${version}.0, one process`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'weir-peer-'));
      directories.push(directory);
      const weir = new WeirProcess({
        port: await freePort(),
        flags: ['-target=all', `-data-dir=${directory}`, '-log.level=warn'],
      });
      await weir.start();
      const prometheus = await startPrometheus({
        scrape: [new URL(weir.base).host],
        remoteWrite: [{ url: `${weir.base}/api/v1/push`, version }],
        tenant: 'peer',
      });
      try {
        await sleep(SECONDS * 1000);
        await compare(`${weir.base}/prometheus`, prometheus.base, 'peer');
      } finally {
        await prometheus.stop();
        await weir.stop();
      }
    });
  }

  it(`agrees on ${EXPRESSIONS.length} expressions, five processes over Kafka`, async () => {
    const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
    if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm run test:peers');
    const cluster = await startCluster({
      brokers,
      partitions: 8,
      distributors: 2,
      ingesters: 2,
      queriers: 1,
      flags: ['-log.level=warn'],
    });
    const prometheus = await startPrometheus({
      scrape: cluster.all.map(({ base }) => new URL(base).host),
      remoteWrite: [{ url: `${cluster.distributors[0]!.base}/api/v1/push`, version: 1 }],
      tenant: 'peer',
    });
    const second = await startPrometheus({
      scrape: [],
      remoteWrite: [{ url: `${cluster.distributors[1]!.base}/api/v1/push`, version: 2 }],
      tenant: 'second',
    });
    try {
      await sleep(SECONDS * 1000);
      await compare(`${cluster.queriers[0]!.base}/prometheus`, prometheus.base, 'peer');
      await compare(`${cluster.queriers[0]!.base}/prometheus`, second.base, 'second');
    } finally {
      await prometheus.stop();
      await second.stop();
      await cluster.stop();
    }
  });
});
