// Valid histograms for tests: every kind, built from buckets as a test (or a property test) likes them.
import { type NativeHistogram, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';

/** Pairs of an offset ≥ 0 and the counts of the buckets behind it. */
export type Buckets = readonly (readonly [number, readonly number[]])[];

export interface HistogramPlan {
  readonly isFloat?: boolean;
  readonly resetHint?: number;
  readonly schema?: number;
  readonly zeroThreshold?: number;
  readonly zeroCount?: number;
  readonly sum?: number;
  readonly positive?: Buckets;
  readonly negative?: Buckets;
  /** Added to the first offset of either side, but for custom buckets. */
  readonly firstOffset?: number;
}

/** The count is what the buckets hold; custom buckets get bounds to their reach, and no negative side. */
export function histogramOf(plan: HistogramPlan): NativeHistogram {
  const isCustom = plan.schema === SCHEMA_CUSTOM_BUCKETS;
  const firstOffset = isCustom ? 0 : (plan.firstOffset ?? 0);
  const positive = sideOf(plan.positive ?? [], firstOffset);
  const negative = sideOf((isCustom ? undefined : plan.negative) ?? [], firstOffset);
  const zeroCount = isCustom ? 0 : (plan.zeroCount ?? 0);
  const reach = positive.spans.reduce((sum, part) => sum + part, 0);
  let count = zeroCount;
  for (const bucket of [...positive.buckets, ...negative.buckets]) count += bucket;
  return {
    isFloat: plan.isFloat ?? false,
    resetHint: plan.resetHint ?? 0,
    schema: plan.schema ?? 0,
    zeroThreshold: isCustom ? 0 : (plan.zeroThreshold ?? 0),
    zeroCount,
    count,
    sum: plan.sum ?? 0,
    isStale: false,
    positiveSpans: positive.spans,
    negativeSpans: negative.spans,
    positiveBuckets: positive.buckets,
    negativeBuckets: negative.buckets,
    customValues: Float64Array.from({ length: isCustom ? reach : 0 }, (_, index) => index / 8),
  };
}

function sideOf(parts: Buckets, firstOffset: number) {
  const spans: number[] = [];
  const buckets: number[] = [];
  for (const [index, [offset, counts]] of parts.entries()) {
    spans.push(index === 0 ? offset + firstOffset : offset, counts.length);
    buckets.push(...counts);
  }
  return { spans: Int32Array.from(spans), buckets: Float64Array.from(buckets) };
}
