// OTLP into one running Weir, as real senders send it: OpenTelemetry's SDK over HTTP (protobuf and JSON) and
// gRPC, and hand-written requests; then queried back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Metadata } from '@grpc/grpc-js';
import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter as JsonExporter,
} from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiHistogram } from '../support/printed-histogram.ts';
import { query, type VectorSeries } from '../support/prometheus-api.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const TENANT = { 'X-Scope-OrgID': 'test' };

describe('OTLP', () => {
  let directory: string;
  let weir: WeirProcess;
  let grpcPort: number;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-otlp-'));
    grpcPort = await freePort();
    weir = new WeirProcess({
      port: await freePort(),
      flags: [
        '-target=all',
        `-data-dir=${directory}`,
        '-log.level=warn',
        `-distributor.otlp-grpc-listen-port=${grpcPort}`,
        '-distributor.otlp-grpc-listen-address=127.0.0.1',
        '-distributor.otel-translation-strategy=UnderscoreEscapingWithSuffixes',
      ],
    });
    await weir.start();
  });

  afterAll(async () => {
    await weir.stop();
    await rm(directory, { recursive: true });
  });

  const values = async (expression: string) => {
    const { result } = await query(`${weir.base}/prometheus`, expression, Date.now());
    return Object.fromEntries(
      (result as VectorSeries[]).map(({ metric, value }) => {
        const { __name__, instance: _instance, job: _job, ...labels } = metric;
        return [JSON.stringify(labels), value[1]];
      }),
    );
  };

  /** Records with each kind of instrument, and waits until all is exported. */
  async function record(job: string, exporter: PushMetricExporter): Promise<void> {
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({
      resource: resourceFromAttributes({
        'service.name': job,
        'service.instance.id': '1',
        'host.name': 'here',
      }),
      readers: [reader],
      views: [
        {
          instrumentName: 'request.size',
          aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
        },
      ],
    });
    const meter = provider.getMeter('test');
    meter.createCounter('requests', { description: 'Requests.' }).add(5, { 'http.route': '/a' });
    meter.createUpDownCounter('queue.length').add(-3);
    const duration = meter.createHistogram('request.duration', {
      unit: 's',
      advice: { explicitBucketBoundaries: [0.5, 1] },
    });
    for (const seconds of [0.1, 0.7, 0.8, 4]) duration.record(seconds);
    const size = meter.createHistogram('request.size', { unit: 'By' });
    for (const bytes of [100, 1000, 1000]) size.record(bytes);
    const gauge = meter.createObservableGauge('fill', { unit: '1' });
    gauge.addCallback((observed) => observed.observe(0.25, { disk: 'wörk' }));
    // Exports what was recorded.
    await provider.shutdown();
  }

  async function expectRecorded(job: string, exporter: PushMetricExporter): Promise<void> {
    await record(job, exporter);
    const only = `{job="${job}"}`;
    expect(await values(`requests_total${only}`)).toEqual({ '{"http_route":"/a"}': '5' });
    expect(await values(`queue_length${only}`)).toEqual({ '{}': '-3' });
    expect(await values(`request_duration_seconds_bucket${only}`)).toEqual({
      '{"le":"0.5"}': '1',
      '{"le":"1"}': '3',
      '{"le":"+Inf"}': '4',
    });
    const [sum] = Object.values(await values(`request_duration_seconds_sum${only}`));
    expect(Number(sum)).toBeCloseTo(5.6, 9);
    expect(await values(`request_duration_seconds_count${only}`)).toEqual({ '{}': '4' });
    expect(await values(`fill_ratio${only}`)).toEqual({ '{"disk":"wörk"}': '0.25' });
    expect(await values(`target_info${only}`)).toEqual({ '{"host_name":"here"}': '1' });
    const sizes = `request_size_bytes${only}`;
    const { result } = await query(`${weir.base}/prometheus`, sizes, Date.now());
    const [size] = result as { histogram: [number, ApiHistogram] }[];
    expect(size?.histogram[1]).toMatchObject({ count: '3', sum: '2100' });
    expect(size?.histogram[1].buckets?.map(([, , , count]) => count)).toEqual(['1', '2']);
  }

  it('comes from the SDK as protobuf over HTTP', async () => {
    const url = `${weir.base}/otlp/v1/metrics`;
    await expectRecorded('proto', new ProtobufExporter({ url, headers: TENANT }));
  });

  it('comes from the SDK as JSON over HTTP', async () => {
    const url = `${weir.base}/otlp/v1/metrics`;
    await expectRecorded('json', new JsonExporter({ url, headers: TENANT }));
  });

  it('comes from the SDK over gRPC', async () => {
    const metadata = new Metadata();
    metadata.set('x-scope-orgid', 'test');
    const url = `http://127.0.0.1:${grpcPort}`;
    await expectRecorded('grpc', new GrpcExporter({ url, metadata }));
  });

  it('is refused with delta temporality, and the SDK is told why', async () => {
    const exporter = new ProtobufExporter({
      url: `${weir.base}/otlp/v1/metrics`,
      headers: TENANT,
      temporalityPreference: AggregationTemporalityPreference.DELTA,
    });
    await record('delta', exporter).catch(() => {});
    expect(await values('requests_total{job="delta"}')).toEqual({});
    // What has no temporality, or is cumulative all the same, stays.
    expect(await values('fill_ratio{job="delta"}')).toEqual({ '{"disk":"wörk"}': '0.25' });
    expect(await values('queue_length{job="delta"}')).toEqual({ '{}': '-3' });
  });

  it('is answered in its own encoding, with what was left out', async () => {
    const timeUnixNano = `${BigInt(Date.now()) * 1_000_000n}`;
    const point = { timeUnixNano, asDouble: 1 };
    const metrics = [
      { name: 'good', gauge: { dataPoints: [point] } },
      { name: 'bad', sum: { dataPoints: [point], aggregationTemporality: 1 } },
    ];
    const body = JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
    const answer = await fetch(`${weir.base}/otlp/v1/metrics`, {
      method: 'POST',
      headers: {
        ...TENANT,
        'Content-Type': 'application/json',
        'Content-Encoding': 'gzip',
      },
      body: gzipSync(body),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      partialSuccess: {
        rejectedDataPoints: '1',
        errorMessage: 'otlp parse error: invalid temporality and type combination for metric "bad"',
      },
    });
    expect(await values('good')).toEqual({ '{}': '1' });
  });
});
