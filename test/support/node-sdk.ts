// OpenTelemetry's SDK of Node.js, recording ROUNDS and exporting after each, over any of its three transports.
import { Metadata } from '@grpc/grpc-js';
import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter as JsonExporter,
} from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { BOUNDS, ROUNDS, type Round, type Temporality } from './recording.ts';

export interface SdkTarget {
  /** The URL of OTLP over HTTP, whole; or of gRPC. */
  readonly url: string;
  readonly tenant: string;
  readonly temporality: Temporality;
  readonly gzip?: boolean;
  /** For one export with all its retries. */
  readonly timeoutMs?: number;
}

export type Transport = 'protobuf' | 'json' | 'grpc';

export function createExporter(transport: Transport, target: SdkTarget): PushMetricExporter {
  const { url, tenant, temporality, gzip = false, timeoutMs = 10_000 } = target;
  const settings = {
    url,
    timeoutMillis: timeoutMs,
    compression: gzip ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    temporalityPreference:
      temporality === 'delta'
        ? AggregationTemporalityPreference.DELTA
        : AggregationTemporalityPreference.CUMULATIVE,
  };
  if (transport === 'grpc') {
    const metadata = new Metadata();
    metadata.set('x-scope-orgid', tenant);
    return new GrpcExporter({ ...settings, metadata });
  }
  const headers = { 'X-Scope-OrgID': tenant };
  return transport === 'json'
    ? new JsonExporter({ ...settings, headers })
    : new ProtobufExporter({ ...settings, headers });
}

export interface NodeRecorder {
  record(round: Round): void;
  /** Collects and sends, retries included; the error where it wasn't delivered. */
  export(): Promise<Error | undefined>;
  stop(): Promise<void>;
}

export function createRecorder(job: string, exporter: PushMetricExporter): NodeRecorder {
  let failure: Error | undefined;
  const send = exporter.export.bind(exporter);
  // The reader keeps failures to itself.
  exporter.export = (metrics, done) =>
    send(metrics, (result) => {
      failure = result.error;
      done(result);
    });
  const reader = new PeriodicExportingMetricReader({
    exporter,
    // Exports when it is told to, and only then.
    exportIntervalMillis: 3_600_000,
    exportTimeoutMillis: 120_000,
  });
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
  const requests = meter.createCounter('requests', { description: 'Requests.' });
  const queue = meter.createUpDownCounter('queue.length');
  const duration = meter.createHistogram('request.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: BOUNDS },
  });
  const size = meter.createHistogram('request.size', { unit: 'By' });
  let fill = 0;
  meter
    .createObservableGauge('fill', { unit: '1' })
    .addCallback((observed) => observed.observe(fill, { disk: 'wörk' }));
  return {
    record(round) {
      for (const [route, count] of Object.entries(round.requests)) {
        requests.add(count, { 'http.route': route });
      }
      queue.add(round.queue);
      for (const seconds of round.seconds) duration.record(seconds);
      for (const bytes of round.bytes) size.record(bytes);
      fill = round.fill;
    },
    async export() {
      await reader.forceFlush();
      return failure;
    },
    async stop() {
      // What the provider exports once more at its end is not wanted.
      exporter.export = (_metrics, done) => done({ code: 0 });
      await provider.shutdown();
    },
  };
}

/** Records each round and exports it; what became of each: undefined, or the error where it wasn't delivered. */
export async function sendRounds(
  job: string,
  exporter: PushMetricExporter,
  rounds: readonly Round[] = ROUNDS,
): Promise<(Error | undefined)[]> {
  const recorder = createRecorder(job, exporter);
  const failures: (Error | undefined)[] = [];
  try {
    for (const round of rounds) {
      recorder.record(round);
      failures.push(await recorder.export());
    }
    return failures;
  } finally {
    await recorder.stop();
  }
}
