// anchored and smoothed ranges of native histograms: as for floats (extended.ts), with interpolation bucket by
// bucket. What is kept of floats and of histograms never mixes in one result.
import { RESET_GAUGE } from '@weir/model';
import {
  addHistograms,
  equalHistograms,
  scaleHistogram,
  subtractHistograms,
} from '../histogram/arithmetic.ts';
import {
  type Histogram,
  hasCustomBuckets,
  isGauge,
  withResetHint,
} from '../histogram/histogram.ts';
import { isReset } from '../histogram/resets.ts';
import type { Extension } from '../parse/ast.ts';
import { type HistogramColumns, isFloatReset, isHistogramReset } from './counter-resets.ts';
import { isChange } from './extended.ts';
import type { Windows } from './window.ts';
import type { WindowNotes } from './window-notes.ts';

export interface ExtendedRange {
  readonly name: string;
  readonly extension: Extension;
  readonly lookbackMs: number;
}

/** What a step comes to: a result, none, or 'floats' where histograms have no part in it. */
export type ExtendedResult = Histogram | number | 'none' | 'floats';

export function extendedHistogram(
  windows: Windows,
  step: number,
  range: ExtendedRange,
  notes: WindowNotes,
): ExtendedResult {
  const endMs = windows.times.startMs + step * windows.times.stepMs;
  const window = { startMs: endMs - windows.rangeMs, endMs };
  if (hasBothKinds(windows, window, range)) {
    const differ = DIFFER[range.name];
    if (differ !== undefined) return countMixed(windows, step, window, range, differ);
    notes.mixedSamples();
    return 'none';
  }
  const parts = partsOf(windows, step, window, range);
  if (parts.h.length === 0) return 'floats';
  if (!mayMix(parts.h, range.name, notes)) return 'none';
  const points =
    range.extension === 'anchored' ? parts : smoothed(parts, window, range.name, notes);
  const result = compute(range.name, points, notes);
  if (result === undefined) return 'none';
  if (typeof result === 'number' || range.name !== 'rate') return result;
  return scaleHistogram(result, 1 / (windows.rangeMs / 1000));
}

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

/** What is read for a window, its look-back included, has to be of one kind. */
function hasBothKinds(
  { t, count, histograms }: Windows,
  { startMs, endMs }: Range,
  { extension, lookbackMs }: ExtendedRange,
): boolean {
  const after = startMs - lookbackMs;
  const last = endMs + (extension === 'smoothed' ? lookbackMs : 0);
  const isRead = (time: number) => time > after && time <= last;
  return (
    t.subarray(0, count).some(isRead) && histograms.t.subarray(0, histograms.h.length).some(isRead)
  );
}

interface Differ {
  readonly floats: (windows: Windows, at: number) => boolean;
  readonly histograms: (columns: HistogramColumns, at: number) => boolean;
}

/** What is counted between neighbours of one kind; a change of the kind always is. */
const DIFFER: Readonly<Record<string, Differ>> = {
  changes: {
    floats: isChange,
    histograms: ({ h }, at) => !equalHistograms(h[at - 1]!, h[at]!),
  },
  resets: { floats: isFloatReset, histograms: isHistogramReset },
};

function countMixed(
  windows: Windows,
  step: number,
  { startMs }: Range,
  { lookbackMs }: ExtendedRange,
  differ: Differ,
): number | 'none' {
  const { t, from, to, histograms } = windows;
  const { t: ht, from: hFrom, to: hTo } = histograms;
  let [float, histogram] = [from[step]!, hFrom[step]!];
  const [floatEnd, histogramEnd] = [to[step]!, hTo[step]!];
  if (float === floatEnd && histogram === histogramEnd) return 'none';
  // The last sample before, of whichever kind, is counted from.
  const floatBefore = float > 0 ? t[float - 1]! : Number.NEGATIVE_INFINITY;
  const histogramBefore = histogram > 0 ? ht[histogram - 1]! : Number.NEGATIVE_INFINITY;
  if (Math.max(floatBefore, histogramBefore) > startMs - lookbackMs) {
    if (floatBefore > histogramBefore) float--;
    else histogram--;
  }
  let count = -1;
  let last: 'none' | 'float' | 'histogram' = 'none';
  while (float < floatEnd || histogram < histogramEnd) {
    if (histogram >= histogramEnd || (float < floatEnd && t[float]! < ht[histogram]!)) {
      if (last !== 'float' || differ.floats(windows, float)) count++;
      last = 'float';
      float++;
    } else {
      if (last !== 'histogram' || differ.histograms(histograms, histogram)) count++;
      last = 'histogram';
      histogram++;
    }
  }
  return count;
}

interface Parts {
  readonly t: number[];
  readonly h: Histogram[];
  readonly st: Float64Array | undefined;
}

/** The histograms of the window, the last before it, and the first after a smoothed one. */
function partsOf(
  { histograms: { t, h, st, from, to } }: Windows,
  step: number,
  { startMs, endMs }: Range,
  { extension, lookbackMs }: ExtendedRange,
): Parts {
  const [first, end] = [from[step]!, to[step]!];
  const hasBefore = first > 0 && t[first - 1]! > startMs - lookbackMs;
  const isSmoothed = extension === 'smoothed';
  const hasAfter = isSmoothed && end < h.length && t[end]! <= endMs + lookbackMs;
  if (first === end && !(hasBefore && hasAfter)) return { t: [], h: [], st: undefined };
  const [low, high] = [hasBefore ? first - 1 : first, hasAfter ? end + 1 : end];
  return {
    t: Array.from(t.subarray(low, high)),
    h: h.slice(low, high),
    st: st?.subarray(low, high),
  };
}

/** The same with the points at the ends of the range in place of those outside. */
function smoothed(
  { t, h, st }: Parts,
  { startMs, endMs }: Range,
  name: string,
  notes: WindowNotes,
): Parts {
  const points = { t: [...t], h: [...h], st };
  const isCounter = name !== 'delta';
  const last = t.length - 1;
  const at = (index: number, time: number): Histogram => {
    const share = (time - t[index]!) / (t[index + 1]! - t[index]!);
    return betweenHistograms(h[index]!, h[index + 1]!, { share, isCounter }, notes);
  };
  if (last > 0 && t[last]! > endMs && t[last - 1]! < endMs) {
    points.h[last] = at(last - 1, endMs);
    points.t[last] = endMs;
  } else if (t[last]! > endMs && last > 0) {
    points.h.pop();
    points.t.pop();
  }
  if (last > 0 && t[0]! < startMs && t[1]! > startMs) {
    points.h[0] = at(0, startMs);
    points.t[0] = startMs;
  }
  return points;
}

/** `a` at share 0, `b` at share 1; `a` where their buckets don't mix. A counter that fell began anew at zero. */
export function betweenHistograms(
  a: Histogram,
  b: Histogram,
  { share, isCounter }: { readonly share: number; readonly isCounter: boolean },
  notes: WindowNotes,
): Histogram {
  if (isCounter && isReset(a, b)) return scaleHistogram(b, share);
  const grown = subtractHistograms(b, a);
  if (grown === undefined) return a;
  if (grown.reconciled) notes.reconciled('subtraction');
  const sum = addHistograms(a, scaleHistogram(grown.histogram, share))!;
  if (sum.reconciled) notes.reconciled('addition');
  return sum.histogram;
}

function compute(name: string, points: Parts, notes: WindowNotes): Histogram | number | undefined {
  const differ = DIFFER[name];
  if (differ === undefined) return growth(points.h, name !== 'delta', notes);
  let count = 0;
  for (let at = 1; at < points.h.length; at++) if (differ.histograms(points, at)) count++;
  return count;
}

function growth(points: readonly Histogram[], isCounter: boolean, notes: WindowNotes): Histogram {
  const grown = subtractHistograms(points.at(-1)!, points[0]!)!;
  if (grown.reconciled) notes.reconciled('subtraction');
  let sum = grown.histogram;
  for (let at = 1; isCounter && at < points.length; at++) {
    if (!isReset(points[at - 1]!, points[at]!)) continue;
    const added = addHistograms(sum, points[at - 1]!)!;
    if (added.reconciled) notes.reconciled('addition');
    sum = added.histogram;
  }
  return withResetHint(sum, RESET_GAUGE);
}

/** Whether what counts has buckets of one kind; notes what it calls itself. */
function mayMix(samples: readonly Histogram[], name: string, notes: WindowNotes): boolean {
  if (name === 'changes' || name === 'resets') return true;
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const kinds = name === 'delta' ? [first, last] : samples;
  if (kinds.some((h) => hasCustomBuckets(h) !== hasCustomBuckets(last))) {
    notes.mixedSchemas();
    return false;
  }
  if (name === 'delta') {
    if (!kinds.every(isGauge)) notes.notAGauge();
  } else if (samples.some(isGauge)) notes.notACounter();
  return true;
}
