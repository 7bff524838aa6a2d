// Native histograms as promtool prints them and as Prometheus's HTTP API answers them, read back for tests.
import type { Seen } from './histogram-data.ts';

/** A histogram as promtool prints it: {count:2, sum:3, (1,2]:2}. */
export function parseHistogram(printed: string): Seen {
  const [, count, sum] = /^\{count:(\S+?), sum:([^,}]+)/.exec(printed)!;
  const buckets = [...printed.matchAll(/[[(]([^,\]]+),([^\])]+)[\])]:([^,}]+)/g)].map(
    ([, lower, upper, inside]) =>
      [parseNumber(lower!), parseNumber(upper!), Number(inside)] as const,
  );
  return { count: Number(count), sum: parseNumber(sum!), buckets };
}

export function parseNumber(printed: string): number {
  return Number(printed.replace('Inf', 'Infinity'));
}

export interface ApiHistogram {
  readonly count: string;
  readonly sum: string;
  readonly buckets?: readonly (readonly [number, string, string, string])[];
}

export function parseApi({ count, sum, buckets = [] }: ApiHistogram): Seen {
  return {
    count: Number(count),
    sum: parseNumber(sum),
    buckets: buckets.map(([, lower, upper, inside]) => [
      parseNumber(lower),
      parseNumber(upper),
      Number(inside),
    ]),
  };
}
