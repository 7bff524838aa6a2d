// OTLP into one running Weir, as real senders send it: OpenTelemetry's SDK over HTTP (protobuf and JSON) and
// gRPC, and hand-written requests; then queried back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createExporter, sendRounds, type Transport } from '../support/node-sdk.ts';
import type { ApiHistogram } from '../support/printed-histogram.ts';
import { query, type VectorSeries } from '../support/prometheus-api.ts';
import type { Round, Temporality } from '../support/recording.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const TENANT = { 'X-Scope-OrgID': 'test' };
const ROUND: Round = {
  ...{ requests: { '/a': 5 }, queue: -3, fill: 0.25 },
  ...{ seconds: [0.125, 0.75, 0.875, 4], bytes: [100, 1000, 1000] },
};

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

  const send = (job: string, transport: Transport, temporality: Temporality = 'cumulative') => {
    const http = `${weir.base}/otlp/v1/metrics`;
    const url = transport === 'grpc' ? `http://127.0.0.1:${grpcPort}` : http;
    return sendRounds(job, createExporter(transport, { url, tenant: 'test', temporality }), [
      ROUND,
    ]);
  };

  it.each(['protobuf', 'json', 'grpc'] as const)('comes from the SDK by %s', async (job) => {
    expect(await send(job, job)).toEqual([undefined]);
    const only = `{job="${job}"}`;
    expect(await values(`requests_total${only}`)).toEqual({ '{"http_route":"/a"}': '5' });
    expect(await values(`queue_length${only}`)).toEqual({ '{}': '-3' });
    expect(await values(`request_duration_seconds_bucket${only}`)).toEqual({
      '{"le":"0.5"}': '1',
      '{"le":"1"}': '3',
      '{"le":"+Inf"}': '4',
    });
    expect(await values(`request_duration_seconds_sum${only}`)).toEqual({ '{}': '5.75' });
    expect(await values(`request_duration_seconds_count${only}`)).toEqual({ '{}': '4' });
    expect(await values(`fill_ratio${only}`)).toEqual({ '{"disk":"wörk"}': '0.25' });
    expect(await values(`target_info${only}`)).toEqual({ '{"host_name":"here"}': '1' });
    const sizes = `request_size_bytes${only}`;
    const { result } = await query(`${weir.base}/prometheus`, sizes, Date.now());
    const [size] = result as { histogram: [number, ApiHistogram] }[];
    expect(size?.histogram[1]).toMatchObject({ count: '3', sum: '2100' });
    expect(size?.histogram[1].buckets?.map(([, , , count]) => count)).toEqual(['1', '2']);
  });

  it('is refused with delta temporality, and nothing else with it', async () => {
    // A partial success is one to the SDK.
    expect(await send('delta', 'protobuf', 'delta')).toEqual([undefined]);
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
