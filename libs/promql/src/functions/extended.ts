// Range-vector functions over extended ranges (feature flag promql-extended-range-selectors), of floats;
// extended-histograms.ts has the others. `anchored` begins with the last sample before the range and ends with the last one in it;
// `smoothed` interpolates at both ends. Neither extrapolates.
import { ABSENT, FLOAT, type Row } from '../evaluate/rows.ts';
import type { Extension } from '../parse/ast.ts';
import { isFloatReset } from './counter-resets.ts';
import type { WindowKernel, Windows } from './window.ts';

/** Which functions take which extension, in the order of the error that says so. */
export const EXTENDED_FUNCTIONS: Readonly<Record<Extension, readonly string[]>> = {
  anchored: ['changes', 'delta', 'increase', 'rate', 'resets'],
  smoothed: ['delta', 'increase', 'rate'],
};

/** One window: samples of it are [from, to) of the columns, its time is (startMs, endMs]. */
interface Window {
  readonly from: number;
  readonly to: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** A result, or undefined where the window has none. */
type Compute = (windows: Windows, window: Window, lookbackMs: number) => number | undefined;

export function extendedKernel(
  name: string,
  extension: Extension,
  lookbackMs: number,
): WindowKernel {
  const compute = extension === 'anchored' ? ANCHORED[name]! : SMOOTHED[name]!;
  return (windows, out) => {
    const { from, to, rangeMs, times } = windows;
    for (let step = 0; step < from.length; step++) {
      const endMs = times.startMs + step * times.stepMs;
      const window = { from: from[step]!, to: to[step]!, startMs: endMs - rangeMs, endMs };
      put(out, step, compute(windows, window, lookbackMs));
    }
  };
}

function put(out: Row, step: number, value: number | undefined): void {
  out.p[step] = value === undefined ? ABSENT : FLOAT;
  if (value !== undefined) out.v[step] = value;
}

/** The sample at or before the start of the window is near enough to count. */
function hasBefore({ t }: Windows, { from, startMs }: Window, lookbackMs: number): boolean {
  return from > 0 && t[from - 1]! > startMs - lookbackMs;
}

function hasAfter({ t, count }: Windows, { to, endMs }: Window, lookbackMs: number): boolean {
  return to < count && t[to]! <= endMs + lookbackMs;
}

/** What counters lost in resets from `before` over v[from, to) to `after`. */
function lostInResets(
  v: Float64Array,
  { from, to }: Window,
  before: number,
  after: number,
): number {
  let lost = 0;
  let last = before;
  for (let at = from; at < to; at++) {
    if (v[at]! < last) lost += last;
    last = v[at]!;
  }
  return after < last ? lost + last : lost;
}

const anchoredGrowth =
  (isCounter: boolean): Compute =>
  (windows, window, lookbackMs) => {
    const { v } = windows;
    const { from, to } = window;
    if (from === to) return undefined;
    const first = v[hasBefore(windows, window, lookbackMs) ? from - 1 : from]!;
    const last = v[to - 1]!;
    return last - first + (isCounter ? lostInResets(v, window, first, last) : 0);
  };

const anchoredCount =
  (counts: (windows: Windows, at: number) => boolean): Compute =>
  (windows, window, lookbackMs) => {
    const { from, to } = window;
    if (from === to) return undefined;
    let count = 0;
    const first = hasBefore(windows, window, lookbackMs) ? from : from + 1;
    for (let at = first; at < to; at++) if (counts(windows, at)) count++;
    return count;
  };

const smoothedGrowth =
  (isCounter: boolean): Compute =>
  (windows, window, lookbackMs) => {
    const before = hasBefore(windows, window, lookbackMs);
    const after = hasAfter(windows, window, lookbackMs);
    const empty = window.from === window.to;
    if (empty && !(before && after)) return undefined;
    const left = leftEdge(windows, window, before, isCounter);
    const right = rightEdge(windows, window, after, isCounter);
    return right - left + (isCounter ? lostInResets(windows.v, window, left, right) : 0);
  };

/** Between the samples around the start; a counter that fell there began at zero. */
function leftEdge(
  { t, v }: Windows,
  { from, startMs }: Window,
  before: boolean,
  isCounter: boolean,
): number {
  if (!before) return v[from]!;
  const fell = isCounter && v[from]! < v[from - 1]!;
  if (t[from - 1] === startMs) return v[from - 1]!;
  return between(t[from - 1]!, fell ? 0 : v[from - 1]!, t[from]!, v[from]!, startMs);
}

/** Between the samples around the end; a counter that falls there begins anew at zero. */
function rightEdge(
  { t, v }: Windows,
  { to, endMs }: Window,
  after: boolean,
  isCounter: boolean,
): number {
  if (!after || t[to - 1] === endMs) return v[to - 1]!;
  if (to === 0) return v[0]!;
  const fell = isCounter && v[to]! < v[to - 1]!;
  return between(t[to - 1]!, fell ? 0 : v[to - 1]!, t[to]!, v[to]!, endMs);
}

/** The value at `t` on the line through two samples. */
export function between(t1: number, v1: number, t2: number, v2: number, t: number): number {
  return v1 + ((v2 - v1) * (t - t1)) / (t2 - t1);
}

const perSecond =
  (compute: Compute): Compute =>
  (windows, window, lookbackMs) => {
    const value = compute(windows, window, lookbackMs);
    return value === undefined ? undefined : value / (windows.rangeMs / 1000);
  };

/** Between the sample at `at` and the one before. */
export function isChange({ v }: Windows, at: number): boolean {
  const [before, value] = [v[at - 1]!, v[at]!];
  return before !== value && !(Number.isNaN(before) && Number.isNaN(value));
}

const ANCHORED: Readonly<Record<string, Compute>> = {
  rate: perSecond(anchoredGrowth(true)),
  increase: anchoredGrowth(true),
  delta: anchoredGrowth(false),
  changes: anchoredCount(isChange),
  resets: anchoredCount(isFloatReset),
};

const SMOOTHED: Readonly<Record<string, Compute>> = {
  rate: perSecond(smoothedGrowth(true)),
  increase: smoothedGrowth(true),
  delta: smoothedGrowth(false),
};
