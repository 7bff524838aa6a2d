// A real OpenTelemetry Collector takes what an SDK records and sends it to Weir by OTLP over HTTP (protobuf and
// JSON, each compression) and over gRPC, and by remote write 1.0 and 2.0: whichever way it comes, queries
// answer the series and values that were recorded.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CollectorProcess, startCollector } from '../support/collector-process.ts';
import { createExporter, sendRounds } from '../support/node-sdk.ts';
import {
  EXPONENTIAL,
  expectedBytes,
  expectedSeries,
  expectHistogram,
  identityOf,
  ROUNDS,
  type Temporality,
} from '../support/recording.ts';
import { SenderTarget } from '../support/sender-target.ts';

const header = (tenant: string) => ({ headers: { 'X-Scope-OrgID': tenant } });

describe('an OpenTelemetry Collector', () => {
  let target: SenderTarget;
  let collector: CollectorProcess | undefined;

  beforeAll(async () => {
    target = await SenderTarget.start(['-distributor.otel-native-delta-ingestion=true']);
  });

  afterAll(async () => {
    await collector?.stop();
    await target.stop();
  });

  /** Sends through a collector with these exporters, until all of it is acknowledged; each names its tenant. */
  async function sendThrough(
    exporters: Readonly<Record<string, object>>,
    temporality: Temporality,
    flags: readonly string[] = [],
  ): Promise<void> {
    collector = await startCollector(exporters, flags);
    const { url } = collector;
    const exporter = createExporter('protobuf', { url, tenant: 'unused', temporality });
    expect(await sendRounds('job', exporter)).toEqual(ROUNDS.map(() => undefined));
    await collector.stop();
    expect(collector.log()).toBe('');
  }

  async function expectArrived(tenant: string, temporality: Temporality): Promise<void> {
    // Its remote write adds the scope.
    const found = await target.values(tenant, { ...identityOf('job'), otel_scope_name: 'test' });
    expect(found, tenant).toEqual(expectedSeries(temporality));
    const recorded = expectedBytes(temporality);
    const histograms = await target.histograms(tenant, EXPONENTIAL);
    expect(histograms.length, tenant).toBe(recorded.length);
    for (const [round, values] of recorded.entries()) expectHistogram(histograms[round]!, values);
  }

  it.each(['cumulative', 'delta'] as const)('sends OTLP, %s', async (temporality) => {
    const tenants = ['gzip', 'zstd', 'lz4', 'none', 'json', 'grpc', 'grpc-zstd', 'grpc-none'].map(
      (way) => `${way}-${temporality}`,
    );
    const [gzip, zstd, lz4, none, json, grpc, grpcZstd, grpcNone] = tenants as [
      string,
      ...string[],
    ];
    const endpoint = `${target.base}/otlp`;
    const plain = { endpoint: target.grpc, tls: { insecure: true } };
    await sendThrough(
      {
        'otlp_http/gzip': { endpoint, ...header(gzip) },
        'otlp_http/zstd': { endpoint, ...header(zstd!), compression: 'zstd' },
        'otlp_http/lz4': { endpoint, ...header(lz4!), compression: 'lz4' },
        'otlp_http/none': { endpoint, ...header(none!), compression: 'none' },
        'otlp_http/json': { endpoint, ...header(json!), encoding: 'json' },
        'otlp_grpc/gzip': { ...plain, ...header(grpc!) },
        'otlp_grpc/zstd': { ...plain, ...header(grpcZstd!), compression: 'zstd' },
        'otlp_grpc/none': { ...plain, ...header(grpcNone!), compression: 'none' },
      },
      temporality,
    );
    for (const tenant of tenants) await expectArrived(tenant, temporality);
  });

  it('sends remote write 1.0 and 2.0', async () => {
    const endpoint = `${target.base}/api/v1/push`;
    await sendThrough(
      {
        'prometheus_remote_write/1': { endpoint, ...header('rw1') },
        'prometheus_remote_write/2': {
          ...{ endpoint, ...header('rw2') },
          protobuf_message: 'io.prometheus.write.v2.Request',
        },
      },
      'cumulative',
      ['--feature-gates=exporter.prometheusremotewritexporter.enableSendingRW2'],
    );
    await expectArrived('rw1', 'cumulative');
    await expectArrived('rw2', 'cumulative');
  });
});
