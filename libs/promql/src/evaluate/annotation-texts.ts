// The texts of warnings and infos, which are Prometheus's; positions are added where they are noted.
import { formatNumber, quote } from '../parse/literals.ts';

export type HistogramOperation = 'aggregation' | 'addition' | 'subtraction';

/** Some texts name the metric even where it is empty, others leave it out then. */
const always = (name: string) => ` for metric name ${quote(name)}`;
export const ofMetric = (name: string) => (name === '' ? '' : always(name));

// Warnings.
export const mixedSamples = (name: string) =>
  `encountered a mix of histograms and floats${always(name)}`;
export const mixedInAggregation = 'encountered a mix of histograms and floats for aggregation';
export const mixedSchemas = (name: string) =>
  `vector contains a mix of histograms with exponential and custom buckets schemas${always(name)}`;
export const mixedKindsOfHistograms = (name: string) =>
  `vector contains a mix of classic and native histograms${ofMetric(name)}`;
export const notACounter = (name: string) =>
  `this native histogram metric is not a counter: ${quote(name)}`;
export const notAGauge = (name: string) =>
  `this native histogram metric is not a gauge: ${quote(name)}`;
export const badBucketLabel = (le: string, name: string) =>
  `bucket label "le" is missing or has a malformed value of ${quote(le)}${ofMetric(name)}`;
export const conflictingResets = (operation: HistogramOperation) =>
  `conflicting counter resets during histogram ${operation}`;
export const incompatibleBuckets = (op: string) =>
  `incompatible bucket layout encountered for binary operator ${op}`;

// Infos.
export const ignoredInRange = (name: string) =>
  `ignored histograms in a range containing both floats and histograms${always(name)}`;
export const ignoredInAggregation = (op: string) => `ignored histogram in ${op} aggregation`;
export const reconciledBounds = (operation: HistogramOperation) =>
  `mismatched custom buckets were reconciled during ${operation}`;
export const incompatibleTypes = (left: string, op: string, right: string) =>
  `incompatible sample types encountered for binary operator ${quote(op)}: ${left} ${op} ${right}`;
export const nanQuantile = (name: string) =>
  `input to histogram_quantile has NaN observations, result is NaN${ofMetric(name)}`;
export const skewedQuantile = (name: string) =>
  `input to histogram_quantile has NaN observations, result is skewed higher${ofMetric(name)}`;
export const nanFraction = (name: string) =>
  `input to histogram_fraction has NaN observations, which are excluded from all fractions${ofMetric(name)}`;
export const forcedMonotonicity = (
  { from, to, maxDifference }: { from: number; to: number; maxDifference: number },
  name: string,
) =>
  'input to histogram_quantile needed to be fixed for monotonicity (see ' +
  'https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), ' +
  `from buckets ${formatNumber(from)} to ${formatNumber(to)}, with a max diff of ` +
  `${maxDifference.toFixed(2)}${ofMetric(name)}`;
