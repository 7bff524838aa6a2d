// Settings of the distributor, named as Mimir's.
import { defineFlags, type SettingsOf } from '@weir/config';
import { influxFlags } from './influx/influx-flags.ts';
import { instanceLimitsFlags } from './instance-limits-flags.ts';
import { otlpFlags } from './otlp/otlp-flags.ts';

export const distributorFlags = defineFlags({
  ...otlpFlags,
  ...influxFlags,
  ...instanceLimitsFlags,
  ringInstanceId: {
    kind: 'string',
    flag: 'distributor.ring.instance-id',
    yaml: 'distributor.ring.instance_id',
    default: '',
    help: 'Name of this distributor at /distributor/ring, where it runs without an ingester. Empty: its address.',
  },
  haTrackerEnabled: {
    kind: 'bool',
    flag: 'distributor.ha-tracker.enable',
    yaml: 'distributor.ha_tracker.enable_ha_tracker',
    default: false,
    help: 'Whether replicas that send the same series are known by their labels, for tenants that accept them.',
  },
  recordVersion: {
    kind: 'int',
    flag: 'ingest-storage.kafka.producer-record-version',
    yaml: 'ingest_storage.kafka.producer_record_version',
    default: 1,
    help: 'Version of the records written: 1, or 2, which says each text once (smaller, more work for distributors and ingesters). Ingesters read 0, 1 and 2.',
  },
  skipLabelNamesEnabled: {
    kind: 'bool',
    flag: 'api.skip-label-name-validation-header-enabled',
    yaml: 'api.skip_label_name_validation_header_enabled',
    default: false,
    help: 'Whether the header X-Mimir-SkipLabelNameValidation: true lets a remote write have any UTF-8 name, whatever the name validation scheme.',
  },
  skipLabelCountEnabled: {
    kind: 'bool',
    flag: 'api.skip-label-count-validation-header-enabled',
    yaml: 'api.skip_label_count_validation_header_enabled',
    default: false,
    help: 'Whether the header X-Mimir-SkipLabelCountValidation: true lets series of a remote write have any number of labels.',
  },
  recvMessageBytesMax: {
    kind: 'int',
    flag: 'distributor.max-recv-msg-size',
    yaml: 'distributor.max_recv_msg_size',
    default: 104_857_600,
    help: 'The largest push, compressed or not, bytes.',
  },
  partitionDelayMaxMs: {
    kind: 'duration',
    flag: 'distributor.max-partition-delay',
    yaml: 'distributor.max_partition_delay',
    default: 0,
    help: 'How long what is pushed may have to wait until an ingester has applied it. Beyond, tenants that push more than their fair share to that partition get 503 with Retry-After. 0 is no limit: the log keeps what waits.',
  },
  retryAfterEnabled: {
    kind: 'bool',
    flag: 'distributor.retry-after-header.enabled',
    yaml: 'distributor.retry_after_header.enabled',
    default: true,
    help: 'Answer 429 and 5xx with a Retry-After header.',
  },
  retryAfterMinMs: {
    kind: 'duration',
    flag: 'distributor.retry-after-header.min-backoff',
    yaml: 'distributor.retry_after_header.min_backoff',
    default: 6_000,
    help: 'The shortest Retry-After, at least 1s.',
  },
  retryAfterMaxMs: {
    kind: 'duration',
    flag: 'distributor.retry-after-header.max-backoff',
    yaml: 'distributor.retry_after_header.max_backoff',
    default: 96_000,
    help: 'The longest Retry-After, at least 1s.',
  },
});

export type DistributorSettings = SettingsOf<typeof distributorFlags>;
