// The *_over_time family and its neighbours: each looks at the samples of one window.
import { isFloatReset } from './counter-resets.ts';
import { Kahan, meanOf } from './kahan.ts';
import { quantileOf } from './quantile.ts';
import { delta, idelta, increase, irate, rate } from './rate.ts';
import { eachWindow, type WindowKernel, type Windows } from './window.ts';

const kahan = new Kahan();

function sum({ v }: Windows, from: number, to: number): number {
  kahan.reset(0, 0);
  for (let at = from; at < to; at++) kahan.add(v[at]!);
  return kahan.total;
}

function extreme(sign: 1 | -1, timestamp: boolean) {
  return ({ v, t }: Windows, from: number, to: number): number => {
    let best = from;
    for (let at = from + 1; at < to; at++) {
      const value = v[at]!;
      const kept = v[best]!;
      const better = timestamp ? sign * value >= sign * kept : sign * value > sign * kept;
      if (better || Number.isNaN(kept)) best = at;
    }
    return timestamp ? t[best]! / 1000 : v[best]!;
  };
}

function variance({ v }: Windows, from: number, to: number): number {
  let count = 0;
  const mean = new Kahan();
  const squares = new Kahan();
  for (let at = from; at < to; at++) {
    count++;
    const before = v[at]! - (mean.sum + mean.c);
    mean.add(before / count);
    squares.add(before * (v[at]! - (mean.sum + mean.c)));
  }
  return (squares.sum + squares.c) / count;
}

function quantile({ v, params }: Windows, from: number, to: number, step: number): number {
  return quantileOf(params[0]![step]!, v.slice(from, to));
}

/** Median absolute deviation; NaN if any sample is. */
function mad({ v }: Windows, from: number, to: number): number {
  const values = v.slice(from, to);
  if (values.some(Number.isNaN)) return Number.NaN;
  const median = quantileOf(0.5, values);
  for (let at = 0; at < values.length; at++) values[at] = Math.abs(values[at]! - median);
  return quantileOf(0.5, values);
}

function changes({ v }: Windows, from: number, to: number): number {
  let count = 0;
  for (let at = from + 1; at < to; at++) {
    const same = v[at] === v[at - 1] || (Number.isNaN(v[at]!) && Number.isNaN(v[at - 1]!));
    if (!same) count++;
  }
  return count;
}

function resets(windows: Windows, from: number, to: number): number {
  const { v, st } = windows;
  let count = 0;
  if (st !== undefined) {
    for (let at = from + 1; at < to; at++) if (isFloatReset(windows, at)) count++;
    return count;
  }
  for (let at = from + 1; at < to; at++) if (v[at]! < v[at - 1]!) count++;
  return count;
}

interface Line {
  slope: number;
  intercept: number;
}

/** Least squares over v[from, to); x in seconds from `originMs`. */
function regression(windows: Windows, from: number, to: number, originMs: number): Line {
  const { t, v } = windows;
  const first = v[from]!;
  let constant = true;
  const n = to - from;
  const [sumX, sumY, sumXY, sumX2] = [new Kahan(), new Kahan(), new Kahan(), new Kahan()];
  for (let at = from; at < to; at++) {
    const y = v[at]!;
    if (at > from && y !== first) constant = false;
    const x = (t[at]! - originMs) / 1000;
    sumX.add(x);
    sumY.add(y);
    sumXY.add(x * y);
    sumX2.add(x * x);
  }
  if (constant) {
    const slope = Number.isFinite(first) ? 0 : Number.NaN;
    return { slope, intercept: Number.isFinite(first) ? first : Number.NaN };
  }
  const [x, y, xy, x2] = [sumX.total, sumY.total, sumXY.total, sumX2.total];
  const slope = (xy - (x * y) / n) / (x2 - (x * x) / n);
  return { slope, intercept: y / n - (slope * x) / n };
}

function deriv(windows: Windows, from: number, to: number): number {
  return regression(windows, from, to, windows.t[from]!).slope;
}

function predictLinear(windows: Windows, from: number, to: number, step: number): number {
  const now = windows.evalStartMs + step * windows.evalStepMs;
  const { slope, intercept } = regression(windows, from, to, now);
  return slope * windows.params[0]![step]! + intercept;
}

/** Holt's linear method with smoothing and trend factors. */
function doubleExponential({ v, params }: Windows, from: number, to: number, step: number): number {
  const [smoothing, trending] = [params[0]![step]!, params[1]![step]!];
  let level = v[from]!;
  let trend = v[from + 1]! - v[from]!;
  let previous = 0;
  for (let at = from + 1; at < to; at++) {
    const scaled = smoothing * v[at]!;
    if (at > from + 1) trend = trending * (level - previous) + (1 - trending) * trend;
    const next = scaled + (1 - smoothing) * (level + trend);
    previous = level;
    level = next;
  }
  return level;
}

export const WINDOW_KERNELS: Readonly<Record<string, WindowKernel>> = {
  rate,
  increase,
  delta,
  irate,
  idelta,
  deriv: eachWindow(2, deriv),
  predict_linear: eachWindow(2, predictLinear),
  double_exponential_smoothing: eachWindow(2, doubleExponential),
  changes: eachWindow(1, changes),
  resets: eachWindow(1, resets),
  sum_over_time: eachWindow(1, sum),
  avg_over_time: eachWindow(1, ({ v }, from, to) => meanOf(v, from, to, kahan)),
  min_over_time: eachWindow(1, extreme(-1, false)),
  max_over_time: eachWindow(1, extreme(1, false)),
  count_over_time: eachWindow(1, (_, from, to) => to - from),
  stdvar_over_time: eachWindow(1, variance),
  stddev_over_time: eachWindow(1, (w, from, to) => Math.sqrt(variance(w, from, to))),
  quantile_over_time: eachWindow(1, quantile),
  mad_over_time: eachWindow(1, mad),
  last_over_time: eachWindow(1, ({ v }, _, to) => v[to - 1]!),
  first_over_time: eachWindow(1, ({ v }, from) => v[from]!),
  present_over_time: eachWindow(1, () => 1),
  absent_over_time: eachWindow(1, () => 1),
  ts_of_first_over_time: eachWindow(1, ({ t }, from) => t[from]! / 1000),
  ts_of_last_over_time: eachWindow(1, ({ t }, _, to) => t[to - 1]! / 1000),
  ts_of_max_over_time: eachWindow(1, extreme(1, true)),
  ts_of_min_over_time: eachWindow(1, extreme(-1, true)),
};
