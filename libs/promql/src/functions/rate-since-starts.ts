// rate and increase of floats whose start timestamps are known: resets that values don't show, and a beginning
// within the window, which is where the counter was zero, so that nothing is guessed to the left of it.
import type { Row } from '../evaluate/rows.ts';
import { isFloatReset } from './counter-resets.ts';
import { extrapolation, extrapolationSince } from './extrapolation.ts';
import { isOverlap, startsWithin } from './start-times.ts';
import type { Windows } from './window.ts';

let resets = new Int32Array(1024);
let overlaps = new Int32Array(1024);

/** resets[i], overlaps[i]: how many there are up to sample i. */
function countPairs(windows: Windows, st: Float64Array): void {
  const { t, count } = windows;
  if (resets.length < count) {
    resets = new Int32Array(count * 2);
    overlaps = new Int32Array(count * 2);
  }
  resets[0] = 0;
  overlaps[0] = 0;
  for (let at = 1; at < count; at++) {
    const before = at - 1;
    resets[at] = resets[before]! + (isFloatReset(windows, at) ? 1 : 0);
    const overlapping = isOverlap(st[before]!, t[before]!, st[at]!);
    overlaps[at] = overlaps[before]! + (overlapping ? 1 : 0);
  }
}

/** The last value, less the first, and what was lost in resets, added in the order of time. */
function growth(v: Float64Array, first: number, last: number): number {
  let sum = v[last]! - v[first]!;
  for (let at = first + 1; at <= last; at++) {
    if (resets[at] !== resets[at - 1]) sum += v[at - 1]!;
  }
  return sum;
}

export function rateSinceStarts(
  windows: Windows,
  st: Float64Array,
  out: Row,
  perSecond: boolean,
): void {
  const { t, v, from, to, rangeMs, times } = windows;
  countPairs(windows, st);
  windows.overlaps ??= new Uint8Array(from.length);
  for (let step = 0; step < from.length; step++) {
    const first = from[step]!;
    const last = to[step]! - 1;
    out.p[step] = 0;
    windows.overlaps[step] = 0;
    if (last < first) continue;
    const end = times.startMs + step * times.stepMs;
    const begins = startsWithin(st[first]!, end - rangeMs, t[first]!);
    if (first === last && !begins) continue;
    if (overlaps[first] !== overlaps[last]) windows.overlaps[step] = 1;
    let grown = growth(v, first, last);
    const samples = { first: t[first]!, last: t[last]!, gaps: last - first };
    let factor: number;
    if (begins) {
      grown += v[first]!;
      factor = extrapolationSince(st[first]!, samples, end);
    } else {
      const toZero = grown > 0 && v[first]! >= 0 ? v[first]! / grown : Number.POSITIVE_INFINITY;
      factor = extrapolation(samples, { end, rangeMs }, toZero);
    }
    out.v[step] = grown * (perSecond ? factor / (rangeMs / 1000) : factor);
    out.p[step] = 1;
  }
}
