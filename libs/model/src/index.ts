// The words of the field: labels, matchers, samples, metadata, tenants. No I/O.
export {
  decodeLabels,
  encodeLabels,
  type Label,
  type LabelBytes,
  LabelReader,
  labelSize,
  labelsOf,
  labelValue,
  printLabels,
  writeLabel,
} from './label-bytes.ts';
export { compareLabels, equalLabels, sharedSize } from './label-order.ts';
export {
  compileAnchored,
  compileRegex,
  createMatcher,
  type Matcher,
  type MatcherOp,
  type MatcherSpec,
  matchersKey,
} from './matcher.ts';
export { METRIC_TYPES, type MetricMetadata, type MetricType } from './metadata.ts';
export {
  HistogramColumns,
  type NativeHistogram,
  RESET_GAUGE,
  RESET_NO,
  RESET_UNKNOWN,
  RESET_YES,
  SCHEMA_CUSTOM_BUCKETS,
} from './native-histogram.ts';
export { compileRelabel, type Relabel } from './relabel/relabel.ts';
export { parseRelabelConfig, type RelabelConfig } from './relabel/relabel-config.ts';
export { isStaleNaN, SampleColumns, STALE_NAN } from './samples.ts';
export { SeriesLeaders, SeriesMemo } from './series-memo.ts';
export { parseTenantId, TENANT_ID_LENGTH_MAX } from './tenant.ts';
