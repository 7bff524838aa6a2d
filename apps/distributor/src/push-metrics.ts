// The distributor's metrics, under Mimir's names: its dashboards and alerts read them.
import {
  Counter,
  discardedMetadataCounter,
  discardedSamplesCounter,
  Gauge,
  type Telemetry,
} from '@weir/telemetry';
import type { AcceptedWrite } from '@weir/wire';

/** What a push brought into the log. */
export interface LoggedCounts {
  readonly samples: number;
  readonly histograms: number;
  readonly histogramBuckets: number;
  readonly exemplars: number;
  readonly metadata: number;
}

/** A copy: what was accepted is reused for the next push before the log has answered. */
export function loggedCounts(accepted: AcceptedWrite): LoggedCounts {
  return {
    samples: accepted.samplesOk,
    histograms: accepted.histogramsOk,
    histogramBuckets: accepted.histogramBucketsOk,
    exemplars: accepted.exemplarsOk,
    metadata: accepted.metadataOk,
  };
}

export interface PushMetrics {
  /** What came in, before validation. */
  received(tenant: string, protocol: string, accepted: AcceptedWrite): void;
  /** What validation refused. */
  discarded(tenant: string, accepted: AcceptedWrite): void;
  /** What passed validation but not the rate limit. */
  rateLimited(tenant: string, accepted: AcceptedWrite): void;
  /** A push over the tenant's rate of pushes. */
  requestRateLimited(tenant: string): void;
  /** What the log has acknowledged. */
  logged(tenant: string, counts: LoggedCounts): void;
  /** An OTLP request, whatever becomes of it. */
  otlpRequest(tenant: string): void;
  /** A write in line protocol, whatever becomes of it. */
  influxRequest(tenant: string): void;
  inflight(pushes: number, sizeBytes: number): void;
  shed(reason: string): void;
}

export function createPushMetrics(telemetry: Telemetry): PushMetrics {
  const registers = [telemetry.metrics];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const requestsIn = counter(
    'cortex_distributor_requests_in_total',
    'Pushes that came in, before validation.',
    ['user', 'version'],
  );
  const samplesIn = counter(
    'cortex_distributor_samples_in_total',
    'Samples that came in, native histograms and refused ones included.',
    ['user'],
  );
  const exemplarsIn = counter(
    'cortex_distributor_exemplars_in_total',
    'Exemplars that came in, dropped ones included.',
    ['user'],
  );
  const metadataIn = counter(
    'cortex_distributor_metadata_in_total',
    'Metadata entries that came in, refused ones included.',
    ['user'],
  );
  const otlpRequests = counter(
    'cortex_distributor_otlp_requests_total',
    'OTLP requests that came in.',
    ['user'],
  );
  const influxRequests = counter(
    'cortex_distributor_influx_requests_total',
    'Requests in line protocol that came in.',
    ['user'],
  );
  const requests = counter(
    'cortex_distributor_received_requests_total',
    'Pushes that were logged, whole or in part.',
    ['user'],
  );
  const samples = counter(
    'cortex_distributor_received_samples_total',
    'Samples that were logged, native histograms included.',
    ['user'],
  );
  const histograms = counter(
    'cortex_distributor_received_native_histogram_samples_total',
    'Native histograms that were logged.',
    ['user'],
  );
  const histogramBuckets = counter(
    'cortex_distributor_received_native_histogram_buckets_total',
    'Buckets of the native histograms that were logged.',
    ['user'],
  );
  const exemplars = counter(
    'cortex_distributor_received_exemplars_total',
    'Exemplars that were logged.',
    ['user'],
  );
  const metadata = counter(
    'cortex_distributor_received_metadata_total',
    'Metadata entries that were logged.',
    ['user'],
  );
  const discardedSamples = discardedSamplesCounter(telemetry.metrics);
  const discardedExemplars = counter(
    'cortex_discarded_exemplars_total',
    'Exemplars that were left out.',
    ['user', 'reason'],
  );
  const discardedRequests = counter(
    'cortex_discarded_requests_total',
    'Pushes that were refused whole.',
    ['user', 'reason'],
  );
  const discardedMetadata = discardedMetadataCounter(telemetry.metrics);
  const inflightPushes = new Gauge({
    name: 'cortex_distributor_inflight_push_requests',
    help: 'Pushes being handled.',
    registers,
  });
  const inflightBytes = new Gauge({
    name: 'cortex_distributor_inflight_push_requests_bytes',
    help: 'Bytes of pushes being handled, compressed and uncompressed.',
    registers,
  });
  const rejected = counter(
    'cortex_distributor_instance_rejected_requests_total',
    'Pushes refused by a limit of this process.',
    ['reason'],
  );
  return {
    received(tenant, protocol, accepted) {
      requestsIn.inc({ user: tenant, version: protocol });
      samplesIn.inc({ user: tenant }, accepted.samplesIn + accepted.histogramsIn);
      if (accepted.exemplarsIn > 0) {
        exemplarsIn.inc({ user: tenant }, accepted.exemplarsIn);
      }
      if (accepted.metadataIn > 0) metadataIn.inc({ user: tenant }, accepted.metadataIn);
    },
    discarded(tenant, accepted) {
      for (const [reason, count] of accepted.discardedSamples) {
        discardedSamples.inc({ user: tenant, group: '', reason }, count);
      }
      for (const [reason, count] of accepted.discardedExemplars) {
        discardedExemplars.inc({ user: tenant, reason }, count);
      }
      for (const [reason, count] of accepted.discardedMetadata) {
        discardedMetadata.inc({ user: tenant, reason }, count);
      }
    },
    rateLimited(tenant, accepted) {
      const reason = 'rate_limited';
      discardedSamples.inc(
        { user: tenant, group: '', reason },
        accepted.samplesOk + accepted.histogramsOk,
      );
      if (accepted.exemplarsOk > 0) {
        discardedExemplars.inc({ user: tenant, reason }, accepted.exemplarsOk);
      }
      if (accepted.metadataOk > 0) {
        discardedMetadata.inc({ user: tenant, reason }, accepted.metadataOk);
      }
    },
    requestRateLimited: (tenant) => discardedRequests.inc({ user: tenant, reason: 'rate_limited' }),
    logged(tenant, counts) {
      const user = { user: tenant };
      requests.inc(user);
      samples.inc(user, counts.samples + counts.histograms);
      if (counts.histograms > 0) {
        histograms.inc(user, counts.histograms);
        histogramBuckets.inc(user, counts.histogramBuckets);
      }
      if (counts.exemplars > 0) exemplars.inc(user, counts.exemplars);
      if (counts.metadata > 0) metadata.inc(user, counts.metadata);
    },
    influxRequest: (tenant) => influxRequests.inc({ user: tenant }),
    otlpRequest: (tenant) => otlpRequests.inc({ user: tenant }),
    inflight(pushes, sizeBytes) {
      inflightPushes.set(pushes);
      inflightBytes.set(sizeBytes);
    },
    shed: (reason) => rejected.inc({ reason }),
  };
}
