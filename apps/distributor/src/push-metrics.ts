// The distributor's metrics, under Mimir's names: its dashboards and alerts read them.
import { Counter, discardedSamplesCounter, Gauge, type Telemetry } from '@weir/telemetry';
import type { AcceptedWrite } from '@weir/wire';
import type { RemoteWriteVersion } from './negotiation.ts';

export interface PushMetrics {
  /** What came in, before validation. */
  received(tenant: string, version: RemoteWriteVersion, accepted: AcceptedWrite): void;
  /** What validation refused. */
  discarded(tenant: string, accepted: AcceptedWrite): void;
  /** What passed validation but not the rate limit. */
  rateLimited(tenant: string, accepted: AcceptedWrite): void;
  /** What the log has acknowledged. */
  logged(tenant: string, sampleCount: number, metadataCount: number): void;
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
    'Samples that came in, refused ones included.',
    ['user'],
  );
  const exemplarsIn = counter(
    'cortex_distributor_exemplars_in_total',
    'Exemplars that came in. None is kept yet.',
    ['user'],
  );
  const metadataIn = counter(
    'cortex_distributor_metadata_in_total',
    'Metadata entries that came in, refused ones included.',
    ['user'],
  );
  const requests = counter(
    'cortex_distributor_received_requests_total',
    'Pushes that were logged, whole or in part.',
    ['user'],
  );
  const samples = counter(
    'cortex_distributor_received_samples_total',
    'Samples that were logged.',
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
  const discardedMetadata = counter(
    'cortex_discarded_metadata_total',
    'Metadata entries that were refused.',
    ['user', 'reason'],
  );
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
    received(tenant, version, accepted) {
      requestsIn.inc({ user: tenant, version: `${version}.0` });
      samplesIn.inc({ user: tenant }, accepted.samplesIn + accepted.histogramsIn);
      if (accepted.exemplarsIn > 0) {
        exemplarsIn.inc({ user: tenant }, accepted.exemplarsIn);
        discardedExemplars.inc(
          { user: tenant, reason: 'exemplars_disabled' },
          accepted.exemplarsIn,
        );
      }
      if (accepted.metadataIn > 0) metadataIn.inc({ user: tenant }, accepted.metadataIn);
    },
    discarded(tenant, accepted) {
      for (const [reason, count] of accepted.discardedSamples) {
        discardedSamples.inc({ user: tenant, group: '', reason }, count);
      }
      for (const [reason, count] of accepted.discardedMetadata) {
        discardedMetadata.inc({ user: tenant, reason }, count);
      }
    },
    rateLimited(tenant, accepted) {
      const reason = 'rate_limited';
      discardedSamples.inc({ user: tenant, group: '', reason }, accepted.samplesOk);
      if (accepted.metadataOk > 0) {
        discardedMetadata.inc({ user: tenant, reason }, accepted.metadataOk);
      }
    },
    logged(tenant, sampleCount, metadataCount) {
      requests.inc({ user: tenant });
      samples.inc({ user: tenant }, sampleCount);
      if (metadataCount > 0) metadata.inc({ user: tenant }, metadataCount);
    },
    inflight(pushes, sizeBytes) {
      inflightPushes.set(pushes);
      inflightBytes.set(sizeBytes);
    },
    shed: (reason) => rejected.inc({ reason }),
  };
}
