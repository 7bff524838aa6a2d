// rate, increase, delta, irate, idelta. Counter resets are summed once per series as a prefix, so that a
// step costs the same however long its window is. Extrapolation: Prometheus's documentation of rate().
import type { WindowKernel, Windows } from './window.ts';

export const rate: WindowKernel = (windows, out) => extrapolated(windows, out.v, out.p, true, true);
export const increase: WindowKernel = (windows, out) =>
  extrapolated(windows, out.v, out.p, true, false);
export const delta: WindowKernel = (windows, out) =>
  extrapolated(windows, out.v, out.p, false, false);

let resets = new Float64Array(1024);

/** resets[i]: what to add to v[i] so that the counter never falls. False when nothing was reset. */
function sumResets(v: Float64Array, count: number): boolean {
  if (resets.length < count) resets = new Float64Array(count * 2);
  let sum = 0;
  resets[0] = 0;
  for (let at = 1; at < count; at++) {
    const previous = v[at - 1]!;
    if (v[at]! < previous) sum += previous;
    resets[at] = sum;
  }
  return sum !== 0;
}

/** Resets within a window, added up; for series whose prefix sum isn't finite. */
function resetsWithin(v: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from + 1; at < to; at++) if (v[at]! < v[at - 1]!) sum += v[at - 1]!;
  return sum;
}

function extrapolated(
  windows: Windows,
  outV: Float64Array,
  outP: Uint8Array,
  counter: boolean,
  perSecond: boolean,
): void {
  const { t, v, from, to, rangeMs } = windows;
  const { startMs, stepMs } = windows.times;
  const corrected = counter && sumResets(v, windows.count);
  const finite = corrected && Number.isFinite(resets[windows.count - 1]!);
  const unit = perSecond ? rangeMs / 1000 : 1;
  for (let step = 0; step < from.length; step++) {
    const first = from[step]!;
    const last = to[step]! - 1;
    if (last - first < 1) {
      outP[step] = 0;
      continue;
    }
    let difference = v[last]! - v[first]!;
    if (corrected) {
      difference += finite ? resets[last]! - resets[first]! : resetsWithin(v, first, last + 1);
    }
    const end = startMs + step * stepMs;
    const sampled = t[last]! - t[first]!;
    const gap = sampled / (last - first);
    let toStart = t[first]! - (end - rangeMs);
    let toEnd = end - t[last]!;
    const near = gap * 1.1;
    if (toStart >= near) toStart = gap / 2;
    if (counter && difference > 0 && v[first]! >= 0) {
      // A counter can't have been below zero: no further back than where it would reach zero.
      if (sampled * v[first]! < toStart * difference) toStart = sampled * (v[first]! / difference);
    }
    if (toEnd >= near) toEnd = gap / 2;
    const factor = (sampled + toStart + toEnd) / (sampled * unit);
    outV[step] = difference * factor;
    outP[step] = 1;
  }
}

/**
 * The same extrapolation for one window of histograms: by what to multiply the growth between its samples.
 * `zeroShare`: after how many sampled intervals, going back, a counter would reach zero.
 */
export function extrapolation(
  samples: { first: number; last: number; gaps: number },
  window: { end: number; rangeMs: number },
  zeroShare: number,
): number {
  const sampled = samples.last - samples.first;
  const gap = sampled / samples.gaps;
  let toStart = samples.first - (window.end - window.rangeMs);
  let toEnd = window.end - samples.last;
  if (toStart >= gap * 1.1) toStart = gap / 2;
  if (toEnd >= gap * 1.1) toEnd = gap / 2;
  toStart = Math.min(toStart, sampled * zeroShare);
  return (sampled + toStart + toEnd) / sampled;
}

export const irate: WindowKernel = (windows, out) => lastTwo(windows, out.v, out.p, true);
export const idelta: WindowKernel = (windows, out) => lastTwo(windows, out.v, out.p, false);

function lastTwo(windows: Windows, outV: Float64Array, outP: Uint8Array, isRate: boolean): void {
  const { t, v, from, to } = windows;
  for (let step = 0; step < from.length; step++) {
    const last = to[step]! - 1;
    outP[step] = 0;
    if (last - from[step]! < 1) continue;
    const seconds = (t[last]! - t[last - 1]!) / 1000;
    if (seconds === 0) continue;
    const fell = isRate && v[last]! < v[last - 1]!;
    const difference = fell ? v[last]! : v[last]! - v[last - 1]!;
    outV[step] = isRate ? difference / seconds : difference;
    outP[step] = 1;
  }
}
