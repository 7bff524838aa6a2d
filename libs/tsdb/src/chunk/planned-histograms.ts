// Test support: histograms as a series may bring them, in every way that matters to a chunk: counters
// that grow, jump back or gain and lose buckets, gauges, custom buckets, floats, staleness markers.
import {
  type NativeHistogram,
  RESET_GAUGE,
  RESET_UNKNOWN,
  RESET_YES,
  SCHEMA_CUSTOM_BUCKETS,
} from '@weir/model';
import { spansOf } from './histogram-layout.ts';

export type TimedHistogram = readonly [t: number, h: NativeHistogram];

const NONE = new Int32Array(0);

export function staleHistogram(isFloat: boolean): NativeHistogram {
  return histogramOf({ isFloat, isStale: true });
}

/** A histogram with what is given; all else is zero or empty. */
export function histogramOf(parts: Partial<NativeHistogram>): NativeHistogram {
  return {
    isFloat: false,
    resetHint: RESET_UNKNOWN,
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    isStale: false,
    positiveSpans: NONE,
    negativeSpans: NONE,
    positiveBuckets: new Float64Array(0),
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
    ...parts,
  };
}

/** Buckets by index, as spans. */
function bucketsOf(counts: ReadonlyMap<number, number>): [Int32Array, Float64Array] {
  const indexes = [...counts.keys()].sort((a, b) => a - b);
  const buckets = indexes.map((index) => counts.get(index)!);
  return [spansOf(Int32Array.from(indexes)), Float64Array.from(buckets)];
}

export interface PlannedStep {
  readonly kind: 'grow' | 'reset' | 'stale' | 'scale' | 'lose' | 'hint' | 'huge';
  readonly gap: number;
  readonly adds: readonly (readonly [number, number])[];
  readonly sum: number;
}

export interface SeriesPlan {
  readonly isFloat: boolean;
  readonly isGauge: boolean;
  readonly isCustom: boolean;
  readonly start: number;
  /** Zero thresholds, one after the other at each change of scale. */
  readonly scales: readonly number[];
  readonly bounds: readonly number[];
  readonly steps: readonly PlannedStep[];
}

/** The plan's samples in time order; not all fit one chunk. */
export function plannedHistograms(plan: SeriesPlan): TimedHistogram[] {
  const positive = new Map<number, number>();
  const negative = new Map<number, number>();
  const bounds = Float64Array.from(plan.bounds).sort();
  const out: TimedHistogram[] = [];
  let t = plan.start;
  let scaleAt = 0;
  for (const { kind, gap, adds, sum } of plan.steps) {
    t += gap;
    if (kind === 'stale') {
      out.push([t, staleHistogram(plan.isFloat)]);
      continue;
    }
    if (kind === 'scale') scaleAt++;
    if (kind === 'reset') {
      positive.clear();
      negative.clear();
    }
    const first = [...positive.keys()][0];
    if (kind === 'lose' && first !== undefined) positive.delete(first);
    for (const [index, added] of adds) {
      const isNegative = !plan.isCustom && index < -1;
      const to = isNegative ? negative : positive;
      const at = plan.isCustom ? Math.abs(index) % (bounds.length + 1) : index;
      to.set(at, (to.get(at) ?? 0) + added * (plan.isFloat ? 0.25 : 1));
    }
    const [positiveSpans, positiveBuckets] = bucketsOf(positive);
    const [negativeSpans, negativeBuckets] = bucketsOf(negative);
    let count = kind === 'huge' ? 2 ** 52 + 1 : 0;
    for (const n of [...positiveBuckets, ...negativeBuckets]) count += n;
    out.push([
      t,
      histogramOf({
        isFloat: plan.isFloat,
        resetHint: plan.isGauge ? RESET_GAUGE : kind === 'hint' ? RESET_YES : RESET_UNKNOWN,
        schema: plan.isCustom ? SCHEMA_CUSTOM_BUCKETS : (scaleAt % 12) - 4,
        zeroThreshold: plan.isCustom ? 0 : plan.scales[scaleAt % plan.scales.length]!,
        count,
        sum,
        positiveSpans,
        positiveBuckets,
        negativeSpans,
        negativeBuckets,
        customValues: plan.isCustom ? bounds : new Float64Array(0),
      }),
    ]);
  }
  return out;
}

/** A sample as text, the same for equal histograms however their spans are written. */
export function printHistogram(h: NativeHistogram): string {
  if (h.isStale) return 'stale';
  const print = (spans: Int32Array, counts: Float64Array) => {
    let next = 0;
    let at = 0;
    const out: string[] = [];
    for (let span = 0; span < spans.length; span += 2) {
      next += spans[span]!;
      for (let n = spans[span + 1]!; n > 0; n--, next++, at++) {
        if (counts[at] !== 0) out.push(`${next}:${counts[at]}`);
      }
    }
    return out.join(' ');
  };
  return [
    h.isFloat ? 'float' : 'integer',
    h.resetHint === RESET_GAUGE ? 'gauge' : 'counter',
    `${h.schema}/${h.zeroThreshold}/${[...h.customValues]}`,
    `${h.count} ${Object.is(h.sum, -0) ? '-0' : h.sum} ${h.zeroCount}`,
    print(h.positiveSpans, h.positiveBuckets),
    print(h.negativeSpans, h.negativeBuckets),
  ].join(' | ');
}
