// Heads and blocks read as one: the internal read protocol, its two sides, and the queryable and the
// metadata reader built on it. Transports are sub-path exports (`/threads`, `/remote`).
export type { BlockCatalog, QueryBlock, QueryBlockReader } from './block-catalog.ts';
export { demandOf, type ReadDemand } from './demanding-owners.ts';
export { type EvaluateParts, evaluatePart } from './evaluate-part.ts';
export {
  createExemplarReader,
  type ExemplarReader,
  type ExemplarRequest,
  readExemplars,
} from './exemplar-reader.ts';
export { FetchBudget, type FetchLimits } from './fetch-budget.ts';
export {
  type LocalCardinality,
  type LocalPart,
  type LocalReader,
  type LocalSelection,
  serveRead,
} from './local-reader.ts';
export { mergeBatches } from './merge-series.ts';
export {
  createMetadataReader,
  type Limited,
  type MetadataReader,
  type MetadataReaderParts,
  type MetadataRequest,
} from './metadata-reader.ts';
export {
  type ChunkedQueryable,
  type ChunkedSeriesStream,
  createQueryable,
  mergeSources,
  type QueryableParts,
} from './queryable.ts';
export { decodeChunkedSeries, encodeChunkedSeries } from './read-message.ts';
export type {
  Exemplar,
  Owner,
  OwnerDirectory,
  ReadCardinality,
  ReadDiscards,
  ReadFreshness,
  ReadHeader,
  ReadHistogramMetric,
  ReadKind,
  ReadLabelValues,
  ReadPort,
  ReadRequest,
  ReadTenantStats,
  ReadTexts,
  ReadThread,
  SeriesExemplars,
} from './read-port.ts';
export { openCardinality } from './remote-cardinality.ts';
export { readHistogramMetrics } from './remote-histogram-metrics.ts';
export { endReads, followSignal, openRemoteSeries, type RemoteSeries } from './remote-series.ts';
export type { SeriesBatches, SeriesChunks, SeriesSelect } from './series-chunks.ts';
export { createTenantReader, type LabelCardinality, type TenantReader } from './tenant-reader.ts';
export { readTenantStats, type TenantTotals } from './tenant-stats.ts';
export { TextAnswers, type TextLists } from './text-answers.ts';
