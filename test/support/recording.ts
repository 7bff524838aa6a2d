// What OpenTelemetry's SDKs record in tests, in whatever language, and the series that have to come out of
// it. Numbers are sums of powers of two, so that no order of adding them makes a difference.
import { expect } from 'vitest';
import type { Seen } from './histogram-data.ts';

export type Temporality = 'cumulative' | 'delta';

/** What is recorded before one export. */
export interface Round {
  /** A counter, by `http.route`. */
  readonly requests: Readonly<Record<string, number>>;
  /** An up-down counter. */
  readonly queue: number;
  /** A histogram with BOUNDS. */
  readonly seconds: readonly number[];
  /** An exponential histogram. */
  readonly bytes: readonly number[];
  /** An observable gauge. */
  readonly fill: number;
}

export const BOUNDS = [0.5, 1];

export const ROUNDS: readonly Round[] = [
  {
    ...{ requests: { '/a': 5, '/b': 2 }, queue: -3, fill: 0.25 },
    ...{ seconds: [0.125, 0.75, 0.875, 4], bytes: [0, 100, 1000, 1000] },
  },
  {
    ...{ requests: { '/a': 1, '/b': 8 }, queue: 7, fill: 0.5 },
    ...{ seconds: [0.25, 0.25, 2], bytes: [1, 1000] },
  },
];

/** Instruments' names, units and descriptions are the senders' (node-sdk.ts, python_sdk.py). */
export const EXPONENTIAL = 'request_size_bytes';

/** Labels that all series have, and those that only `target_info` has. */
export const identityOf = (job: string) => ({ instance: '1', job });
const INFO = { host_name: 'here' };

/** Values of every float series, in the order of rounds, by name and labels; under UnderscoreEscapingWithSuffixes. */
export function expectedSeries(
  temporality: Temporality,
  rounds: readonly Round[] = ROUNDS,
): Record<string, number[]> {
  const sinceStart = (from: (round: Round) => number) => running(rounds.map(from));
  const told = (from: (round: Round) => number) =>
    temporality === 'delta' ? rounds.map(from) : sinceStart(from);
  const below = (bound: number) => told(({ seconds }) => seconds.filter((s) => s <= bound).length);
  return {
    [seriesKey('requests_total', { http_route: '/a' })]: told(({ requests }) => requests['/a']!),
    [seriesKey('requests_total', { http_route: '/b' })]: told(({ requests }) => requests['/b']!),
    // Up-down counters stay cumulative when delta is preferred.
    [seriesKey('queue_length', {})]: sinceStart(({ queue }) => queue),
    [seriesKey('request_duration_seconds_bucket', { le: '0.5' })]: below(0.5),
    [seriesKey('request_duration_seconds_bucket', { le: '1' })]: below(1),
    [seriesKey('request_duration_seconds_bucket', { le: '+Inf' })]: below(Number.POSITIVE_INFINITY),
    [seriesKey('request_duration_seconds_count', {})]: below(Number.POSITIVE_INFINITY),
    [seriesKey('request_duration_seconds_sum', {})]: told(({ seconds }) => total(seconds)),
    [seriesKey('fill_ratio', { disk: 'wörk' })]: rounds.map(({ fill }) => fill),
    [seriesKey('target_info', INFO)]: rounds.map(() => 1),
  };
}

/** What each round's exponential histogram has seen. */
export function expectedBytes(
  temporality: Temporality,
  rounds: readonly Round[] = ROUNDS,
): readonly (readonly number[])[] {
  if (temporality === 'delta') return rounds.map(({ bytes }) => bytes);
  return rounds.map((_, last) => rounds.slice(0, last + 1).flatMap(({ bytes }) => bytes));
}

export const EXPECTED_METADATA = {
  requests_total: { type: 'counter', unit: '', help: 'Requests.' },
  queue_length: { type: 'gauge', unit: '', help: '' },
  request_duration_seconds: { type: 'histogram', unit: 'seconds', help: '' },
  [EXPONENTIAL]: { type: 'histogram', unit: 'bytes', help: '' },
  fill_ratio: { type: 'gauge', unit: '', help: '' },
};

/** Its buckets must hold exactly these values, and tell 100 from 110. */
export function expectHistogram(seen: Seen, values: readonly number[]): void {
  expect([seen.count, seen.sum]).toEqual([values.length, total(values)]);
  const counted = seen.buckets.filter(([, , inside]) => inside > 0);
  expect(counted).toEqual(
    counted.map(([lower, upper]) => [
      lower,
      upper,
      values.filter((value) => value > lower && value <= upper).length,
    ]),
  );
  expect(total(counted.map(([, , inside]) => inside))).toBe(values.length);
  for (const [lower, upper] of counted) {
    if (lower > 0) expect(upper / lower).toBeLessThan(1.1);
  }
}

export function seriesKey(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name}${JSON.stringify(Object.entries(labels).sort())}`;
}

function running(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => (sum += value));
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
