// Range-vector functions see a series as columns and, for each step, the index range of its window.
// Windows slide: both ends only move forward, so finding them costs one pass over the samples.
import type { SampleColumns } from '@weir/model';
import type { HistogramSamples } from '../evaluate/histogram-samples.ts';
import type { Row } from '../evaluate/rows.ts';
import type { Histogram } from '../histogram/histogram.ts';

/** Times of the windows' ends: start + i × step, ms, after `@` and offset. A step of 0 repeats one. */
export interface WindowTimes {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

export class Windows {
  readonly times: WindowTimes;
  readonly rangeMs: number;
  /** Evaluation times, which differ from the windows' by `@` and offset; predict_linear needs them. */
  readonly evalStartMs: number;
  readonly evalStepMs: number;
  /** Samples of window i: [from[i], to[i]). */
  readonly from: Int32Array;
  readonly to: Int32Array;
  t: Float64Array = new Float64Array(0);
  v: Float64Array = new Float64Array(0);
  /** Start timestamps, where they count: see SampleColumns.st. */
  st: Float64Array | undefined;
  count = 0;
  /** Set by functions that see start timestamps: 1 where some sample of the window overlaps the one before. */
  overlaps: Uint8Array | undefined;
  /** The same for native histograms, where the series has any: see histograms(). */
  readonly histograms: HistogramWindows;
  /** Scalar arguments, a value per step. */
  readonly params: readonly Float64Array[];

  constructor(settings: {
    times: WindowTimes;
    rangeMs: number;
    evalStartMs: number;
    evalStepMs: number;
    params: readonly Float64Array[];
  }) {
    this.times = settings.times;
    this.rangeMs = settings.rangeMs;
    this.evalStartMs = settings.evalStartMs;
    this.evalStepMs = settings.evalStepMs;
    this.params = settings.params;
    this.from = new Int32Array(settings.times.count);
    this.to = new Int32Array(settings.times.count);
    this.histograms = new HistogramWindows();
  }

  /** Sets the windows of one series: left-open, right-closed. False when all are empty. */
  slideOver(samples: SampleColumns): boolean {
    this.t = samples.t;
    this.v = samples.v;
    this.st = samples.st;
    this.count = samples.count;
    return slide(this.times, this.rangeMs, samples.t, samples.count, this.from, this.to);
  }

  /** The same for the series' histograms; to be asked only where there are any. */
  slideOverHistograms(samples: HistogramSamples): boolean {
    const { histograms, times } = this;
    if (histograms.from.length !== times.count) histograms.make(times.count);
    histograms.t = samples.t;
    histograms.st = samples.st;
    // Markers of staleness were dropped.
    histograms.h = samples.h as readonly Histogram[];
    return slide(times, this.rangeMs, samples.t, samples.count, histograms.from, histograms.to);
  }
}

/** Histograms of window i: h[from[i], to[i]). */
export class HistogramWindows {
  from = new Int32Array(0);
  to = new Int32Array(0);
  t: Float64Array = new Float64Array(0);
  st: Float64Array | undefined;
  h: readonly Histogram[] = [];

  make(count: number): void {
    this.from = new Int32Array(count);
    this.to = new Int32Array(count);
  }
}

function slide(
  times: WindowTimes,
  rangeMs: number,
  t: Float64Array,
  count: number,
  from: Int32Array,
  to: Int32Array,
): boolean {
  let low = 0;
  let high = 0;
  let lowStride = 0;
  let highStride = 0;
  let any = false;
  for (let step = 0; step < times.count; step++) {
    const end = times.startMs + step * times.stepMs;
    const start = end - rangeMs;
    // Regular scrapes move both ends by the same number of samples each step: try that first.
    const highGuess = high + highStride;
    if (isFirstAfter(t, count, highGuess, end)) high = highGuess;
    else {
      const before = high;
      while (high < count && t[high]! <= end) high++;
      highStride = high - before;
    }
    const lowGuess = low + lowStride;
    if (lowGuess <= high && isFirstAfter(t, count, lowGuess, start)) low = lowGuess;
    else {
      const before = low;
      while (low < high && t[low]! <= start) low++;
      lowStride = low - before;
    }
    from[step] = low;
    to[step] = high;
    if (low < high) any = true;
  }
  return any;
}

function isFirstAfter(t: Float64Array, count: number, index: number, time: number): boolean {
  if (index > count) return false;
  return (index === 0 || t[index - 1]! <= time) && (index === count || t[index]! > time);
}

/** Computes one row from the windows of one series. */
export type WindowKernel = (windows: Windows, out: Row) => void;

/** A kernel that looks at each window on its own; windows shorter than `least` give nothing. */
export function eachWindow(
  least: number,
  value: (windows: Windows, from: number, to: number, step: number) => number,
): WindowKernel {
  return (windows, out) => {
    const { from, to } = windows;
    for (let step = 0; step < from.length; step++) {
      const low = from[step]!;
      const high = to[step]!;
      if (high - low < least) {
        out.p[step] = 0;
        continue;
      }
      out.v[step] = value(windows, low, high, step);
      out.p[step] = 1;
    }
  };
}
