// rate, increase, delta, irate, idelta. Counter resets are counted once per series as a prefix, so that
// only windows that have any cost more. Extrapolation: Prometheus's documentation of rate().
import { isFloatReset } from './counter-resets.ts';
import { rateSinceStarts } from './rate-since-starts.ts';
import type { WindowKernel, Windows } from './window.ts';

export const rate: WindowKernel = (windows, out) => {
  if (windows.st !== undefined) rateSinceStarts(windows, windows.st, out, true);
  else extrapolated(windows, out.v, out.p, true, true);
};
export const increase: WindowKernel = (windows, out) => {
  if (windows.st !== undefined) rateSinceStarts(windows, windows.st, out, false);
  else extrapolated(windows, out.v, out.p, true, false);
};
export const delta: WindowKernel = (windows, out) =>
  extrapolated(windows, out.v, out.p, false, false);

let resets = new Int32Array(1024);

/** resets[i]: how often the counter fell up to sample i. False when it never did. */
function countResets(v: Float64Array, count: number): boolean {
  if (resets.length < count) resets = new Int32Array(count * 2);
  let fallen = 0;
  resets[0] = 0;
  for (let at = 1; at < count; at++) {
    if (v[at]! < v[at - 1]!) fallen++;
    resets[at] = fallen;
  }
  return fallen !== 0;
}

/** `difference` and what was lost in resets within a window, added in the order of time. */
function plusResets(difference: number, v: Float64Array, first: number, last: number): number {
  let sum = difference;
  for (let at = first + 1; at <= last; at++) if (v[at]! < v[at - 1]!) sum += v[at - 1]!;
  return sum;
}

// Times in seconds, in the order of operations of Prometheus, so that ties stay ties.
function extrapolated(
  windows: Windows,
  outV: Float64Array,
  outP: Uint8Array,
  counter: boolean,
  perSecond: boolean,
): void {
  const { t, v, from, to, rangeMs } = windows;
  const { startMs, stepMs } = windows.times;
  const corrected = counter && countResets(v, windows.count);
  const rangeSeconds = rangeMs / 1000;
  for (let step = 0; step < from.length; step++) {
    const first = from[step]!;
    const last = to[step]! - 1;
    if (last - first < 1) {
      outP[step] = 0;
      continue;
    }
    let difference = v[last]! - v[first]!;
    if (corrected && resets[last] !== resets[first]) {
      difference = plusResets(difference, v, first, last);
    }
    const end = startMs + step * stepMs;
    const sampled = (t[last]! - t[first]!) / 1000;
    const gap = sampled / (last - first);
    let toStart = (t[first]! - (end - rangeMs)) / 1000;
    let toEnd = (end - t[last]!) / 1000;
    const near = gap * 1.1;
    if (toStart >= near) toStart = gap / 2;
    if (counter && difference > 0 && v[first]! >= 0) {
      // A counter can't have been below zero: no further back than where it would reach zero.
      const toZero = sampled * (v[first]! / difference);
      if (toZero < toStart) toStart = toZero;
    }
    if (toEnd >= near) toEnd = gap / 2;
    let factor = (sampled + toStart + toEnd) / sampled;
    if (perSecond) factor /= rangeSeconds;
    outV[step] = difference * factor;
    outP[step] = 1;
  }
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
    const isReset = isRate && isFloatReset(windows, last);
    const difference = isReset ? v[last]! : v[last]! - v[last - 1]!;
    outV[step] = isRate ? difference / seconds : difference;
    outP[step] = 1;
  }
}
