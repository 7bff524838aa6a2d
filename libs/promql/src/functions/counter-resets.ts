// Whether a counter was reset between a sample and the one before it in its column: seen in its value or its
// buckets, or told by start timestamps where they count.
import type { Histogram } from '../histogram/histogram.ts';
import { isReset } from '../histogram/resets.ts';
import { isRestart } from './start-times.ts';

interface Starts {
  readonly t: ArrayLike<number>;
  readonly st: ArrayLike<number> | undefined;
}

export interface FloatColumns extends Starts {
  readonly v: Float64Array;
}

export interface HistogramColumns extends Starts {
  readonly h: readonly Histogram[];
}

export function isFloatReset(columns: FloatColumns, at: number): boolean {
  return columns.v[at]! < columns.v[at - 1]! || isToldByStarts(columns, at);
}

export function isHistogramReset(columns: HistogramColumns, at: number): boolean {
  return isToldByStarts(columns, at) || isReset(columns.h[at - 1]!, columns.h[at]!);
}

export function isToldByStarts({ t, st }: Starts, at: number): boolean {
  return st !== undefined && isRestart(st[at - 1]!, t[at - 1]!, st[at]!, t[at]!);
}
