// The ingester's metrics; Mimir's names where it has them, so that its dashboards and alerts work.
import { Counter, discardedSamplesCounter, Gauge, Histogram, type Registry } from '@weir/telemetry';

/** Figures that are asked for when metrics are scraped. */
export interface MeasuredNow {
  series(): number;
  partitions(): { readonly serving: number; readonly others: number };
}

const PREFIX = 'cortex_ingest_storage_reader';

export type IngesterMetrics = ReturnType<typeof createIngesterMetrics>;

export function createIngesterMetrics(registry: Registry, now: MeasuredNow) {
  const registers = [registry];
  return {
    memorySeries: new Gauge({
      name: 'cortex_ingester_memory_series',
      help: 'The current number of series in memory.',
      registers,
      collect() {
        this.set(now.series());
      },
    }),
    ingestedSamples: new Counter({
      name: 'cortex_ingester_ingested_samples_total',
      help: 'The total number of samples ingested.',
      registers,
    }),
    discardedSamples: discardedSamplesCounter(registry),
    lastConsumedOffset: new Gauge({
      name: `${PREFIX}_last_consumed_offset`,
      help: 'The last offset applied, by partition.',
      labelNames: ['partition'],
      registers,
    }),
    lastCommittedOffset: new Gauge({
      name: `${PREFIX}_last_committed_offset`,
      help: 'The last offset below the committed group offset, by partition.',
      labelNames: ['partition'],
      registers,
    }),
    receiveDelay: new Histogram({
      name: `${PREFIX}_receive_delay_seconds`,
      help: 'Delay between producing a record and receiving it.',
      labelNames: ['phase'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
      registers,
    }),
    missedRecords: new Counter({
      name: `${PREFIX}_missed_records_total`,
      help: 'Offsets that were truncated away before they could be applied.',
      registers,
    }),
    uploads: new Counter({
      name: 'cortex_ingester_shipper_uploads_total',
      help: 'Total number of uploaded blocks.',
      registers,
    }),
    uploadFailures: new Counter({
      name: 'cortex_ingester_shipper_upload_failures_total',
      help: 'Total number of attempts to ship blocks that failed.',
      registers,
    }),
    checkpointDuration: new Histogram({
      name: 'weir_ingester_checkpoint_duration_seconds',
      help: 'How long checkpoints of heads took.',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    snapshots: new Counter({
      name: 'weir_ingester_snapshots_total',
      help: 'Snapshots of heads that were uploaded.',
      registers,
    }),
    snapshotFailures: new Counter({
      name: 'weir_ingester_snapshot_failures_total',
      help: 'Attempts to upload a snapshot that failed.',
      registers,
    }),
    snapshotBytes: new Counter({
      name: 'weir_ingester_snapshot_bytes_total',
      help: 'Bytes of the snapshots that were uploaded.',
      registers,
    }),
    snapshotDuration: new Histogram({
      name: 'weir_ingester_snapshot_duration_seconds',
      help: 'How long uploading a snapshot took.',
      buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
      registers,
    }),
    snapshotRestores: new Counter({
      name: 'weir_ingester_snapshot_restores_total',
      help: 'Snapshots that an empty disk was to be filled from: restored, or refused as unsound.',
      labelNames: ['outcome'],
      registers,
    }),
    quarantined: new Counter({
      name: 'weir_ingester_quarantined_total',
      help: 'Local heads and blocks that were damaged or of another log and were put aside.',
      labelNames: ['what'],
      registers,
    }),
    retentionHeadroom: new Gauge({
      name: 'weir_ingester_retention_headroom_seconds',
      help: 'How long until the log drops (or, embedded, refuses) data because the oldest that is not shipped is still needed.',
      labelNames: ['partition'],
      registers,
    }),
    ownedPartitions: new Gauge({
      name: 'weir_ingester_owned_partitions',
      help: 'Partitions owned, by whether they have caught up and answer reads.',
      labelNames: ['serving'],
      registers,
      collect() {
        const { serving, others } = now.partitions();
        this.set({ serving: 'true' }, serving);
        this.set({ serving: 'false' }, others);
      },
    }),
    partitionFailures: new Counter({
      name: 'weir_ingester_partition_failures_total',
      help: 'How often a partition was reopened from its last checkpoint after an error.',
      registers,
    }),
  };
}
