// Range-vector functions where a window holds native histograms. The function of floats has filled the
// row before; what is here decides for the steps with histograms, alone or among floats.
import type { Row } from '../evaluate/rows.ts';
import { ABSENT, FLOAT } from '../evaluate/rows.ts';
import { HistogramTotal } from '../histogram/accumulate.ts';
import { equalHistograms } from '../histogram/arithmetic.ts';
import { type Histogram, isGauge } from '../histogram/histogram.ts';
import { type HistogramColumns, isFloatReset, isHistogramReset } from './counter-resets.ts';
import { isChange } from './extended.ts';
import { histogramDifference, histogramOfLastTwo } from './histogram-rate.ts';
import type { Windows } from './window.ts';
import type { WindowNotes } from './window-notes.ts';

/** Called for the steps whose window has at least one histogram. */
export type HistogramKernel = (
  windows: Windows,
  step: number,
  out: Row,
  notes: WindowNotes,
) => void;

const floatsAt = (w: Windows, step: number) => w.to[step]! - w.from[step]!;
const histogramsAt = ({ histograms }: Windows, step: number) =>
  histograms.to[step]! - histograms.from[step]!;

function setFloat(out: Row, step: number, value: number): void {
  out.v[step] = value;
  out.p[step] = FLOAT;
}

function setOrNone(out: Row, step: number, histogram: Histogram | undefined): void {
  if (histogram === undefined) out.p[step] = ABSENT;
  else out.setHistogram(step, histogram);
}

/** Functions of floats alone. */
const ignore: HistogramKernel = (w, step, _out, notes) => {
  if (floatsAt(w, step) > 0) notes.ignored();
};

/** Functions of either, never of both. */
function ofHistograms(
  compute: (w: Windows, step: number, notes: WindowNotes) => Histogram | undefined,
): HistogramKernel {
  return (w, step, out, notes) => {
    if (floatsAt(w, step) > 0) {
      notes.mixedSamples();
      out.p[step] = ABSENT;
    } else setOrNone(out, step, compute(w, step, notes));
  };
}

function totalOf(mean: boolean) {
  return ({ histograms }: Windows, step: number, notes: WindowNotes): Histogram | undefined => {
    const { h, from, to } = histograms;
    const total = new HistogramTotal(h[from[step]!]!);
    for (let at = from[step]! + 1; at < to[step]!; at++) {
      if (mean) total.addToMean(h[at]!);
      else total.addToSum(h[at]!);
    }
    if (total.incompatible) {
      notes.mixedSchemas();
      return undefined;
    }
    if (total.collision) notes.conflictingResets();
    if (total.reconciled) notes.reconciled('aggregation');
    return mean ? total.mean() : total.sum();
  };
}

/** Visits the samples of a window in the order of time, by their place in their column. */
function inOrder(
  w: Windows,
  step: number,
  onFloat: (at: number) => void,
  onHistogram: (at: number) => void,
): void {
  const { histograms: hs } = w;
  let float = w.from[step]!;
  let histogram = hs.from[step]!;
  while (float < w.to[step]! || histogram < hs.to[step]!) {
    const isFloat =
      histogram >= hs.to[step]! || (float < w.to[step]! && w.t[float]! < hs.t[histogram]!);
    if (isFloat) onFloat(float++);
    else onHistogram(histogram++);
  }
}

/** Counts neighbours of different kinds, and those of one kind that `differ`. */
function countNeighbours(
  floatsDiffer: (windows: Windows, at: number) => boolean,
  histogramsDiffer: (columns: HistogramColumns, at: number) => boolean,
): HistogramKernel {
  return (w, step, out) => {
    let count = -1;
    let last: 'none' | 'float' | 'histogram' = 'none';
    inOrder(
      w,
      step,
      (at) => {
        if (last !== 'float' || floatsDiffer(w, at)) count++;
        last = 'float';
      },
      (at) => {
        if (last !== 'histogram' || histogramsDiffer(w.histograms, at)) count++;
        last = 'histogram';
      },
    );
    setFloat(out, step, count);
  };
}

/** The first or last sample of the window, of either kind, or its time. */
function edge(which: 'first' | 'last', timestamp: boolean): HistogramKernel {
  return (w, step, out) => {
    const { histograms: hs } = w;
    const first = which === 'first';
    const float = first ? w.from[step]! : w.to[step]! - 1;
    const at = first ? hs.from[step]! : hs.to[step]! - 1;
    const hasFloats = floatsAt(w, step) > 0;
    const isFloat = hasFloats && (first ? w.t[float]! < hs.t[at]! : w.t[float]! > hs.t[at]!);
    if (timestamp) setFloat(out, step, (isFloat ? w.t[float]! : hs.t[at]!) / 1000);
    else if (isFloat) setFloat(out, step, w.v[float]!);
    else out.setHistogram(step, hs.h[at]!);
  };
}

/** The last two samples, of whichever kind. */
function lastTwo(isRate: boolean): HistogramKernel {
  return (w, step, out, notes) => {
    const { histograms: hs } = w;
    const [floats, histograms] = [floatsAt(w, step), histogramsAt(w, step)];
    const last = hs.to[step]! - 1;
    const float = w.to[step]! - 1;
    const floatsBetween = floats > 0 && (histograms < 2 || w.t[float]! > hs.t[last - 1]!);
    if (!floatsBetween) {
      const result = histograms < 2 ? undefined : histogramOfLastTwo(hs, last, isRate, notes);
      setOrNone(out, step, result);
      return;
    }
    // Two floats after the last histogram: the function of floats has done it.
    if (floats > 1 && w.t[float - 1]! > hs.t[last]!) return;
    notes.mixedSamples();
    out.p[step] = ABSENT;
  };
}

const difference = (isCounter: boolean, perSecond: boolean) =>
  ofHistograms((w, step, notes) => histogramDifference(w, step, { isCounter, perSecond }, notes));

const one: HistogramKernel = (_w, step, out) => setFloat(out, step, 1);

export const HISTOGRAM_KERNELS: Readonly<Record<string, HistogramKernel>> = {
  rate: difference(true, true),
  increase: difference(true, false),
  delta: difference(false, false),
  irate: lastTwo(true),
  idelta: lastTwo(false),
  changes: countNeighbours(isChange, ({ h }, at) => !equalHistograms(h[at - 1]!, h[at]!)),
  resets: countNeighbours(
    isFloatReset,
    (columns, at) =>
      isHistogramReset(columns, at) || isGauge(columns.h[at - 1]!) !== isGauge(columns.h[at]!),
  ),
  sum_over_time: ofHistograms(totalOf(false)),
  avg_over_time: ofHistograms(totalOf(true)),
  count_over_time: (w, step, out) => setFloat(out, step, floatsAt(w, step) + histogramsAt(w, step)),
  last_over_time: edge('last', false),
  first_over_time: edge('first', false),
  ts_of_last_over_time: edge('last', true),
  ts_of_first_over_time: edge('first', true),
  present_over_time: one,
  absent_over_time: one,
  deriv: ignore,
  predict_linear: ignore,
  double_exponential_smoothing: ignore,
  min_over_time: ignore,
  max_over_time: ignore,
  stdvar_over_time: ignore,
  stddev_over_time: ignore,
  quantile_over_time: ignore,
  mad_over_time: ignore,
  ts_of_max_over_time: ignore,
  ts_of_min_over_time: ignore,
};
