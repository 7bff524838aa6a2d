// The head of a partition: port, and the state machine behind it. Stores are sub-path exports.
export type {
  ActiveCount,
  ActiveTracker,
  CutSource,
  Discard,
  DiscardedEntry,
  DiscardedReason,
  ExemplarSelect,
  HeadCardinality,
  HeadExemplar,
  HeadExemplars,
  HeadRecord,
  HeadSamples,
  HeadSelect,
  HeadSeries,
  HeadStore,
  HistogramMetric,
  HistogramMetricsRequest,
  IngestedSamples,
  JournalFiles,
  JournalState,
  LabelCardinality,
  LabelCardinalityRequest,
  ParkedTenant,
  PartitionHead,
  Pause,
  SeriesChanges,
  ShippedWindow,
  SlabFile,
  SlabFiles,
  StoreBatch,
  SymbolList,
  TenantActivity,
  TenantDiscards,
  TenantSettings,
  TenantStats,
  TenantWindow,
  Window,
} from './head.ts';
export {
  openPartitionHead,
  type PartitionHeadParts,
  type PartitionHeadSettings,
} from './open.ts';
export { NotPlain } from './reads/sample-stream.ts';
export { EXTENT_BYTES } from './slabs/extents.ts';
export type { SnapshotHeader } from './snapshot/frames.ts';
export {
  restoreSnapshot,
  type SnapshotExpected,
  type SnapshotRestore,
  snapshotHeader,
} from './snapshot/restore-snapshot.ts';
