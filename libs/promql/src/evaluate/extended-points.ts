// A range vector with anchored or smoothed asked for as such: the samples of the range between a point at its
// start and one at its end. Of floats alone.
import type { SampleColumns } from '@weir/model';
import { between } from '../functions/extended.ts';
import type { Extension } from '../parse/ast.ts';

export interface PointRange {
  readonly extension: Extension;
  readonly startMs: number;
  readonly endMs: number;
  readonly lookbackMs: number;
}

/** The first `count` of both columns; no points where the range has no samples to begin or end with. */
export function extendedPoints(
  { t, v, count }: SampleColumns,
  { extension, startMs, endMs, lookbackMs }: PointRange,
): { t: Float64Array; v: Float64Array; count: number } {
  let from = 0;
  while (from < count && t[from]! <= startMs) from++;
  let to = from;
  while (to < count && t[to]! <= endMs) to++;
  const isSmoothed = extension === 'smoothed';
  const hasBefore = from > 0 && t[from - 1]! > startMs - lookbackMs;
  const hasAfter = isSmoothed && to < count && t[to]! <= endMs + lookbackMs;
  const times: number[] = [];
  const values: number[] = [];
  const push = (time: number, value: number) => {
    times.push(time);
    values.push(value);
  };
  const lineAt = (at: number, time: number) =>
    between(t[at]!, v[at]!, t[at + 1]!, v[at + 1]!, time);
  if (from < to || (isSmoothed && hasBefore && hasAfter)) {
    const canInterpolate = isSmoothed && hasBefore && t[from - 1] !== startMs;
    if (canInterpolate) push(startMs, lineAt(from - 1, startMs));
    else push(startMs, v[hasBefore ? from - 1 : from]!);
    for (let at = from; at < to; at++) push(t[at]!, v[at]!);
    if (hasAfter && t[to - 1] !== endMs) push(endMs, lineAt(to - 1, endMs));
    else if (times.at(-1) !== endMs) push(endMs, v[to - 1]!);
  }
  return { t: Float64Array.from(times), v: Float64Array.from(values), count: times.length };
}
