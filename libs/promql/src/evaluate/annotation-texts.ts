// The texts of warnings and infos, which are Prometheus's; positions are added where they are noted.
import { formatShortest, quote } from '../parse/literals.ts';

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
export const startOverlap = (name: string) =>
  `sample has start time that overlaps with previous sample timestamp for metric ${quote(name)}`;
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
/** What repairing cumulative buckets changed, over all samples that needed it. */
export interface ForcedBuckets {
  readonly from: number;
  readonly to: number;
  readonly maxDifference: number;
  readonly samples: bigint;
  readonly firstMs: number;
  readonly lastMs: number;
}

export const forcedMonotonicity = (change: ForcedBuckets, name: string) =>
  'input to histogram_quantile needed to be fixed for monotonicity (see ' +
  'https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)' +
  `${ofMetric(name)}, from buckets ${formatShortest(change.from)} to ${formatShortest(change.to)}, with a max diff of ` +
  `${twoDigits(change.maxDifference)}, over ${BigInt.asIntN(64, change.samples)} samples from ` +
  `${seconds(change.firstMs)} to ${seconds(change.lastMs)}`;

/** As Go's %.2g. */
function twoDigits(value: number): string {
  return formatShortest(Number(value.toPrecision(2)), 2);
}

/** RFC 3339 in UTC, without fractions. */
function seconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
