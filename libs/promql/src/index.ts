// PromQL: text to syntax tree, and evaluation over a Queryable.
export {
  createEngine,
  type Engine,
  type HistogramPoint,
  type InstantQuery,
  type QueryResult,
  type RangeQuery,
  type SampleStats,
  type SeriesColumns,
  type VectorSample,
} from './engine.ts';
export type { Note } from './evaluate/annotations.ts';
export { PartDeclined } from './evaluate/part-declined.ts';
export type { EngineSettings } from './evaluate/settings.ts';
export { addHistograms, equalHistograms, subtractHistograms } from './histogram/arithmetic.ts';
export { fromNative, type Histogram, toNative } from './histogram/histogram.ts';
export { bucketsOf, type PrintedBucket, printHistogram } from './histogram/print.ts';
export type { Expr, VectorSelector } from './parse/ast.ts';
export { type ExperimentalPart, experimentalPartsOf } from './parse/experimental.ts';
export { formatDuration, formatNumber, parseDuration } from './parse/literals.ts';
export { parseExpr } from './parse/parser.ts';
export { printExpr } from './parse/print.ts';
export { selectorsOf } from './parse/selectors.ts';
export { treeOf } from './parse/tree.ts';
export { childrenOf } from './parse/walk.ts';
export { answerPart } from './push/answer.ts';
export { readsInOrder } from './push/part.ts';
export type { PlanPart } from './push/plan-part.ts';
export type { PartMessage, RowBatch } from './push/row-batch.ts';
export type { Queryable, SelectRequest, SeriesStream } from './queryable.ts';
