// rate, increase, delta, irate and idelta of native histograms. As for floats, with the count of
// observations deciding how far to extrapolate; the result is a gauge.
import { RESET_GAUGE } from '@weir/model';
import {
  addHistograms,
  divideHistogram,
  scaleHistogram,
  subtractHistograms,
} from '../histogram/arithmetic.ts';
import {
  EMPTY_HISTOGRAM,
  type Histogram,
  hasCustomBuckets,
  isGauge,
  withResetHint,
} from '../histogram/histogram.ts';
import { withSchema } from '../histogram/shape.ts';
import { isHistogramReset, isToldByStarts } from './counter-resets.ts';
import { extrapolation, extrapolationSince } from './extrapolation.ts';
import { isOverlap, startsWithin } from './start-times.ts';
import type { HistogramWindows, Windows } from './window.ts';
import type { WindowNotes } from './window-notes.ts';

export interface Difference {
  readonly isCounter: boolean;
  readonly perSecond: boolean;
}

/**
 * Undefined where fewer than two samples, or kinds of buckets that don't mix, allow none. Of a counter that is
 * known to begin within the window one sample will do.
 */
export function histogramDifference(
  windows: Windows,
  step: number,
  { isCounter, perSecond }: Difference,
  notes: WindowNotes,
): Histogram | undefined {
  const { t, h, st, from, to } = windows.histograms;
  const first = from[step]!;
  const last = to[step]! - 1;
  const { rangeMs } = windows;
  const end = windows.times.startMs + step * windows.times.stepMs;
  const samples = { first: t[first]!, last: t[last]!, gaps: last - first };
  const scaled = (grown: Histogram, factor: number) =>
    scaleHistogram(grown, perSecond ? factor / (rangeMs / 1000) : factor);
  const begins = st !== undefined && startsWithin(st[first]!, end - rangeMs, t[first]!);
  if (last === first) {
    return begins ? scaled(h[first]!, extrapolationSince(st[first]!, samples, end)) : undefined;
  }
  const span = { h, t, st, first, last };
  const grown = isCounter ? counterGrowth(span, notes) : gaugeGrowth(span, notes);
  if (grown === undefined) return undefined;
  if (begins) {
    const whole = sinceZero(grown, h[first]!, notes);
    if (whole === undefined) return undefined;
    const result = scaled(whole, extrapolationSince(st[first]!, samples, end));
    return withResetHint(result, RESET_GAUGE);
  }
  const toZero = isCounter ? zeroShare(h[first]!.count, grown.count) : Number.POSITIVE_INFINITY;
  const result = scaled(grown, extrapolation(samples, { end, rangeMs }, toZero));
  return withResetHint(result, RESET_GAUGE);
}

/** The growth between the samples, and what the first one has counted. */
function sinceZero(grown: Histogram, first: Histogram, notes: WindowNotes): Histogram | undefined {
  if (hasCustomBuckets(grown) === hasCustomBuckets(first)) return added(grown, first, notes);
  notes.mixedSchemas();
  return undefined;
}

/** How many times the sampled interval a counter would have needed to grow to its first value. */
function zeroShare(first: number, grown: number): number {
  return grown > 0 && first >= 0 ? first / grown : Number.POSITIVE_INFINITY;
}

interface Span {
  readonly h: readonly Histogram[];
  readonly t: Float64Array;
  readonly st: Float64Array | undefined;
  readonly first: number;
  readonly last: number;
}

function gaugeGrowth(
  { h, first, last }: Pick<Span, 'h' | 'first' | 'last'>,
  notes: WindowNotes,
): Histogram | undefined {
  const [before, after] = [h[first]!, h[last]!];
  if (hasCustomBuckets(before) !== hasCustomBuckets(after)) {
    notes.mixedSchemas();
    return undefined;
  }
  if (!isGauge(before) || !isGauge(after)) notes.notAGauge();
  return subtracted(after, before, notes);
}

/**
 * The last sample, less the first, plus what was lost in resets. After a reset at once the first sample
 * counts for nothing, and neither does the kind of its buckets.
 */
function counterGrowth(span: Span, notes: WindowNotes): Histogram | undefined {
  const { h, first, last } = span;
  const startsAnew = isHistogramReset(span, first + 1);
  const counted = startsAnew ? first + 1 : first;
  let schema = h[last]!.schema;
  if (isGauge(h[first]!) || isGauge(h[last]!)) notes.notACounter();
  let anyGauge = false;
  for (let at = first; at <= last; at++) {
    if (isGauge(h[at]!)) anyGauge = true;
    if (at < counted) continue;
    if (hasCustomBuckets(h[at]!) !== hasCustomBuckets(h[last]!)) {
      notes.mixedSchemas();
      return undefined;
    }
    schema = Math.min(schema, h[at]!.schema);
  }
  // Those in between are told of only where they were of one kind.
  if (anyGauge) notes.notACounter();
  let grown = withSchema(h[last]!, schema);
  if (!startsAnew) grown = subtracted(grown, h[first]!, notes);
  else if (hasCustomBuckets(grown)) grown = withBoundsOf(span, grown, notes);
  noteOverlap(span, notes);
  for (let at = counted + 1; at <= last; at++) {
    if (isHistogramReset(span, at)) grown = added(grown, h[at - 1]!, notes);
  }
  return grown;
}

/** After a reset at once the first sample is an empty one that has the bounds of the second. */
function withBoundsOf(span: Span, grown: Histogram, notes: WindowNotes): Histogram {
  const second = span.first + 1;
  const { schema, customValues } = span.h[second]!;
  const empty = { ...EMPTY_HISTOGRAM, schema, customValues };
  const result = subtracted(grown, empty, notes);
  return isToldByStarts(span, second) ? added(result, empty, notes) : result;
}

/** Once for all samples of the window. */
function noteOverlap({ t, st, first, last }: Span, notes: WindowNotes): void {
  if (st === undefined) return;
  for (let at = first + 1; at <= last; at++) {
    if (!isOverlap(st[at - 1]!, t[at - 1]!, st[at]!)) continue;
    notes.overlap();
    return;
  }
}

/** Both have buckets of one kind. */
function subtracted(a: Histogram, b: Histogram, notes: WindowNotes): Histogram {
  const { histogram, reconciled } = subtractHistograms(a, b)!;
  if (reconciled) notes.reconciled('subtraction');
  return histogram;
}

function added(a: Histogram, b: Histogram, notes: WindowNotes): Histogram {
  const { histogram, reconciled } = addHistograms(a, b)!;
  if (reconciled) notes.reconciled('addition');
  return histogram;
}

/** irate (per second) or idelta of the samples at `last` − 1 and `last`. */
export function histogramOfLastTwo(
  columns: HistogramWindows,
  last: number,
  isRate: boolean,
  notes: WindowNotes,
): Histogram | undefined {
  const { t, h } = columns;
  const [before, after] = [h[last - 1]!, h[last]!];
  if (t[last] === t[last - 1]) return undefined;
  if (!isRate) {
    if (!isGauge(before) || !isGauge(after)) notes.notAGauge();
    return gaugeGrowth({ h, first: last - 1, last }, notes);
  }
  if (isGauge(before) || isGauge(after)) notes.notACounter();
  const grown = isHistogramReset(columns, last) ? after : subtracted(after, before, notes);
  const perSecond = divideHistogram(grown, (t[last]! - t[last - 1]!) / 1000);
  return withResetHint(perSecond, RESET_GAUGE);
}
