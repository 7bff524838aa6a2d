// The ingester's metrics; Mimir's names where it has them, so that its dashboards and alerts work.
import type { ActiveCount, SeriesChanges, TenantActivity } from '@weir/head';
import {
  Counter,
  discardedMetadataCounter,
  discardedSamplesCounter,
  Gauge,
  Histogram,
  type Registry,
} from '@weir/telemetry';

import type { Lag } from './partition-lag.ts';

/** Figures that are asked for when metrics are scraped. */
export interface MeasuredNow {
  series(): number;
  partitions(): { readonly serving: number; readonly others: number };
  /** Of each partition, how far it is behind its log. */
  lags(): readonly (readonly [number, Lag])[];
  /** Of all partitions. */
  activity(): Promise<readonly TenantActivity[]>;
  shutdownPrepared(): boolean;
}

const PREFIX = 'cortex_ingest_storage_reader';
const ACTIVE = 'cortex_ingester_active';

export type IngesterMetrics = ReturnType<typeof createIngesterMetrics>;

export function createIngesterMetrics(registry: Registry, now: MeasuredNow) {
  const registers = [registry];
  return {
    ...activeSeriesMetrics(registry, now),
    seriesCreated: new Counter({
      name: 'cortex_ingester_memory_series_created_total',
      help: 'The total number of series that were created per user.',
      labelNames: ['user'],
      registers,
    }),
    seriesRemoved: new Counter({
      name: 'cortex_ingester_memory_series_removed_total',
      help: 'The total number of series that were removed per user.',
      labelNames: ['user'],
      registers,
    }),
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
      help: 'The total number of samples ingested per user.',
      labelNames: ['user'],
      registers,
    }),
    discardedSamples: discardedSamplesCounter(registry),
    discardedMetadata: discardedMetadataCounter(registry),
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
    replayedRecords: new Counter({
      name: 'weir_ingester_replayed_records_total',
      help: 'Records that were read from the log before the partition was served.',
      registers,
    }),
    lagRecords: new Gauge({
      name: 'weir_ingester_partition_lag_records',
      help: 'Records that the log has and the head has not applied, by partition.',
      labelNames: ['partition'],
      registers,
      collect() {
        this.reset();
        for (const [partition, { applied, end }] of now.lags()) {
          this.set({ partition }, end - applied);
        }
      },
    }),
    lagSeconds: new Gauge({
      name: 'weir_ingester_partition_lag_seconds',
      help: 'How long the oldest record that is not applied has waited at most, by partition.',
      labelNames: ['partition'],
      registers,
      collect() {
        this.reset();
        for (const [partition, { ms }] of now.lags()) {
          if (ms !== undefined) this.set({ partition }, ms / 1000);
        }
      },
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
    shutdownPrepared: new Gauge({
      name: 'cortex_ingester_prepare_shutdown_requested',
      help: '1 when the next stop is for good, 0 otherwise.',
      registers,
      collect() {
        this.set(now.shutdownPrepared() ? 1 : 0);
      },
    }),
    parkedTenants: new Gauge({
      name: 'weir_ingester_parked_tenants',
      help: 'Tenants of a partition whose records stay in the log, as one of them can not be applied.',
      labelNames: ['partition'],
      registers,
    }),
    partitionFailures: new Counter({
      name: 'weir_ingester_partition_failures_total',
      help: 'How often a partition was reopened from its last checkpoint after an error.',
      registers,
    }),
  };
}

export function countSeriesChanges(
  { seriesCreated, seriesRemoved }: Pick<IngesterMetrics, 'seriesCreated' | 'seriesRemoved'>,
  changes: readonly SeriesChanges[],
): void {
  for (const { tenant, created, removed } of changes) {
    seriesCreated.inc({ user: tenant }, created);
    seriesRemoved.inc({ user: tenant }, removed);
  }
}

/** Asked of the heads when metrics are scraped: once for all of these. */
function activeSeriesMetrics(registry: Registry, now: MeasuredNow) {
  const registers = [registry];
  let asking: Promise<readonly TenantActivity[]> | undefined;
  const ask = (): Promise<readonly TenantActivity[]> => {
    asking ??= now.activity().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  /** A gauge per user of a figure of its active series, and one per user and tracker. */
  const gauges = (stem: string, help: string, figure: keyof ActiveCount) => [
    new Gauge({
      name: stem,
      help: `Number of ${help} per user.`,
      labelNames: ['user'],
      registers,
      async collect() {
        const found = await ask();
        this.reset();
        for (const { tenant, [figure]: count } of found) this.inc({ user: tenant }, count);
      },
    }),
    new Gauge({
      name: `${stem}_custom_tracker`,
      help: `Number of ${help} matching a pre-configured selector per user.`,
      labelNames: ['user', 'name'],
      registers,
      async collect() {
        const found = await ask();
        this.reset();
        for (const { tenant, trackers } of found) {
          for (const { name, [figure]: count } of trackers) this.inc({ user: tenant, name }, count);
        }
      },
    }),
  ];
  return {
    active: [
      ...gauges(`${ACTIVE}_series`, 'currently active series', 'active'),
      ...gauges(
        `${ACTIVE}_native_histogram_series`,
        'currently active native histogram series',
        'histograms',
      ),
      ...gauges(
        `${ACTIVE}_native_histogram_buckets`,
        'buckets of currently active native histogram series',
        'buckets',
      ),
    ],
    memoryUsers: new Gauge({
      name: 'cortex_ingester_memory_users',
      help: 'The current number of users in memory.',
      registers,
      async collect() {
        this.set(new Set((await ask()).map(({ tenant }) => tenant)).size);
      },
    }),
  };
}
