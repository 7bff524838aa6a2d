// The ingester's flags, and the settings that follow from them and from what only the composition root
// knows (the data directory, this host's name and address).
import { defineFlags, type SettingsOf } from '@weir/config';

export const ingesterFlags = defineFlags({
  dir: {
    kind: 'string',
    flag: 'blocks-storage.tsdb.dir',
    yaml: 'blocks_storage.tsdb.dir',
    default: '',
    help: 'Directory of the heads and of local blocks. Empty: tsdb below the data directory.',
  },
  shipIntervalMs: {
    kind: 'duration',
    flag: 'blocks-storage.tsdb.ship-interval',
    yaml: 'blocks_storage.tsdb.ship_interval',
    default: 60_000,
    help: 'How often blocks are shipped, and how soon a failed upload is tried again.',
  },
  headCompactionIntervalMs: {
    kind: 'duration',
    flag: 'blocks-storage.tsdb.head-compaction-interval',
    yaml: 'blocks_storage.tsdb.head_compaction_interval',
    default: 60_000,
    help: 'How often heads are searched for windows that are due for a block.',
  },
  retentionPeriodMs: {
    kind: 'duration',
    flag: 'blocks-storage.tsdb.retention-period',
    yaml: 'blocks_storage.tsdb.retention_period',
    default: 13 * 3_600_000,
    help: 'How long shipped blocks stay readable here. Longer than queriers ask ingesters for.',
  },
  closeIdleMs: {
    kind: 'duration',
    flag: 'blocks-storage.tsdb.close-idle-tsdb-timeout',
    yaml: 'blocks_storage.tsdb.close_idle_tsdb_timeout',
    default: 13 * 3_600_000,
    help: 'A tenant that has sent nothing for this long is cut and leaves memory. 0: never.',
  },
  earlySeriesMin: {
    kind: 'int',
    flag: 'blocks-storage.tsdb.early-head-compaction-min-in-memory-series',
    yaml: 'blocks_storage.tsdb.early_head_compaction_min_in_memory_series',
    default: 0,
    help: 'Series of a partition from which on those without samples are cut early. 0: never.',
  },
  earlyReductionPercentMin: {
    kind: 'int',
    flag: 'blocks-storage.tsdb.early-head-compaction-min-estimated-series-reduction-percentage',
    yaml: 'blocks_storage.tsdb.early_head_compaction_min_estimated_series_reduction_percentage',
    default: 15,
    help: 'A tenant is cut early only where this percentage of its series would leave memory.',
  },
  instanceId: {
    kind: 'string',
    flag: 'ingester.ring.instance-id',
    yaml: 'ingester.ring.instance_id',
    default: '',
    help: 'Identity of this instance in the cluster. Empty: the host name.',
  },
  zone: {
    kind: 'string',
    flag: 'ingester.ring.instance-availability-zone',
    yaml: 'ingester.ring.instance_availability_zone',
    default: '',
    help: 'Availability zone of this instance. Each zone keeps one copy of every partition.',
  },
  unregisterOnShutdown: {
    kind: 'bool',
    flag: 'ingester.ring.unregister-on-shutdown',
    yaml: 'ingester.ring.unregister_on_shutdown',
    default: true,
    help: 'A stop leaves the consumer group, so that partitions move at once. Off: they move only when it does not come back within the session time-out.',
  },
  flushOnShutdown: {
    kind: 'bool',
    flag: 'blocks-storage.tsdb.flush-blocks-on-shutdown',
    yaml: 'blocks_storage.tsdb.flush_blocks_on_shutdown',
    default: false,
    help: 'A stop cuts and ships all that the heads hold; the log has it in any case.',
  },
  consumerGroup: {
    kind: 'string',
    flag: 'ingest-storage.kafka.consumer-group',
    yaml: 'ingest_storage.kafka.consumer_group',
    default: '',
    help: 'Consumer group that shares the partitions of a zone. Empty: weir-<zone>.',
  },
  consumeBytesMax: {
    kind: 'int',
    flag: 'ingester.partition-consume-bytes-max',
    yaml: 'ingester.partition_consume_bytes_max',
    default: 4 * 1024 * 1024,
    help: 'Bytes of records that one partition takes from the log at once; two such batches are under way.',
  },
  consumeBytesAllMax: {
    kind: 'int',
    flag: 'ingester.consume-bytes-max',
    yaml: 'ingester.consume_bytes_max',
    default: 256 * 1024 * 1024,
    help: 'Bytes of records of all partitions together that are being applied; each takes at least a record, and 64 KiB, at once. 0: as much as each may.',
  },
  snapshotIntervalMs: {
    kind: 'duration',
    flag: 'ingester.snapshot-interval',
    yaml: 'ingester.snapshot_interval',
    default: 15 * 60_000,
    help: 'How often a snapshot of each partition that moved is put into the bucket; 0 for never, and older ones are not used.',
  },
  snapshotLogBytes: {
    kind: 'int',
    flag: 'ingester.snapshot-log-bytes',
    yaml: 'ingester.snapshot_log_bytes',
    default: 1024 * 1024 * 1024,
    help: 'Bytes of log after which a snapshot is taken before its time.',
  },
  activeSeriesIdleMs: {
    kind: 'duration',
    flag: 'ingester.active-series-metrics-idle-timeout',
    yaml: 'ingester.active_series_metrics_idle_timeout',
    default: 20 * 60_000,
    help: 'After how long without a sample a series is no longer active; to the minute, at most 7 days.',
  },
  ownersMin: {
    kind: 'int',
    flag: 'ingester.partition-ring.min-partition-owners-count',
    yaml: 'ingester.partition_ring.min_partition_owners_count',
    default: 1,
    help: 'Owners, one a zone, that must serve a new partition before it is written.',
  },
  ownersMinMs: {
    kind: 'duration',
    flag: 'ingester.partition-ring.min-partition-owners-duration',
    yaml: 'ingester.partition_ring.min_partition_owners_duration',
    default: 0,
    help: 'How long they must have served a new partition before it is written.',
  },
  deleteInactiveMs: {
    kind: 'duration',
    flag: 'ingester.partition-ring.delete-inactive-partition-after',
    yaml: 'ingester.partition_ring.delete_inactive_partition_after',
    default: 13 * 3_600_000,
    help: 'A partition INACTIVE for longer is forgotten once all it holds is in the bucket. 0: never.',
  },
  forgetInstanceMs: {
    kind: 'duration',
    flag: 'ingester.ring.forget-unhealthy-after',
    yaml: 'ingester.ring.forget_unhealthy_after',
    default: 10 * 60_000,
    help: 'An instance without a heartbeat for longer is forgotten.',
  },
  strongReadWaitMs: {
    kind: 'duration',
    flag: 'ingest-storage.kafka.wait-strong-read-consistency-timeout',
    yaml: 'ingest_storage.kafka.wait_strong_read_consistency_timeout',
    default: 20_000,
    help: 'How long a strong read waits for records to be applied before it fails. 0: as long as the query may take.',
  },
  endsPollMs: {
    kind: 'duration',
    flag: 'ingest-storage.kafka.last-produced-offset-poll-interval',
    yaml: 'ingest_storage.kafka.last_produced_offset_poll_interval',
    default: 1_000,
    help: 'How often the log is asked how far it goes, for the lag of partitions.',
  },
  heartbeatPeriodMs: {
    kind: 'duration',
    flag: 'ingester.ring.heartbeat-period',
    yaml: 'ingester.ring.heartbeat_period',
    default: 5_000,
    help: 'How often this instance tells the cluster that it is alive.',
  },
});

export type IngesterFlagSettings = SettingsOf<typeof ingesterFlags>;

export interface IngesterSettings extends IngesterFlagSettings {
  /** host:port at which other processes reach this one. */
  readonly address: string;
  readonly targets: readonly ('distributor' | 'ingester' | 'querier')[];
  /** An instance whose heartbeat is older is gone. */
  readonly heartbeatTimeoutMs: number;
}

/** What the composition root knows and the flags don't. */
export interface IngesterPlace {
  readonly dataDir: string;
  readonly hostName: string;
  readonly address: string;
  readonly targets: IngesterSettings['targets'];
  /** Default 60 s. */
  readonly heartbeatTimeoutMs?: number;
}

const HEARTBEAT_TIMEOUT_MS = 60_000;

/** Fills in the defaults that depend on the place. */
export function ingesterSettings(
  flags: IngesterFlagSettings,
  place: IngesterPlace,
): IngesterSettings {
  return Object.freeze({
    ...flags,
    dir: flags.dir === '' ? `${place.dataDir}/tsdb` : flags.dir,
    instanceId: flags.instanceId === '' ? place.hostName : flags.instanceId,
    consumerGroup:
      flags.consumerGroup === '' ? `weir-${flags.zone || 'default'}` : flags.consumerGroup,
    address: place.address,
    targets: place.targets,
    heartbeatTimeoutMs: place.heartbeatTimeoutMs ?? HEARTBEAT_TIMEOUT_MS,
  });
}
