// Series as the model has them: what may stand, and what must stand, at each time.
import type { SampleValue } from './values.ts';

export const WINDOW_MS = 7_200_000;

export interface Candidate {
  readonly offset: number;
  readonly value: SampleValue;
  readonly must: boolean;
}

export interface Point {
  readonly t: number;
  readonly candidates: Candidate[];
  /** A whole block in the bucket holds a sample of this time. */
  shipped: boolean;
}

export interface ModelSeries {
  readonly tenant: string;
  readonly partition: number;
  /** Canonical label bytes as latin1. */
  readonly key: string;
  readonly points: Map<number, Point>;
  /** Times of samples that the log holds, refused ones too. */
  readonly logged: Set<number>;
  newestT: number;
}

export interface MustSample {
  readonly series: ModelSeries;
  readonly point: Point;
  readonly offset: number;
}

/** The values that an answer may hold at this point: those before the first one that must be kept. */
export function allowedValues(point: Point): SampleValue[] {
  const allowed: SampleValue[] = [];
  for (const { value, must } of point.candidates) {
    allowed.push(value);
    if (must) break;
  }
  return allowed;
}

export function isAllowed(point: Point, value: SampleValue): boolean {
  for (const candidate of point.candidates) {
    if (candidate.value === value) return true;
    if (candidate.must) return false;
  }
  return false;
}

export function firstMust(point: Point): Candidate | undefined {
  return point.candidates.find(({ must }) => must);
}
