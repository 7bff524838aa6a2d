// The units that a write's timestamps may have, by the names of InfluxDB's first and second API.
import { WeirError } from '@weir/errors';

/** Milliseconds are what stands before the last `digits` digits, times `factorMs`. */
export interface InfluxPrecision {
  readonly digits: number;
  readonly factorMs: number;
}

const NANOSECONDS: InfluxPrecision = { digits: 6, factorMs: 1 };
const MICROSECONDS: InfluxPrecision = { digits: 3, factorMs: 1 };

const PRECISIONS = new Map<string, InfluxPrecision>([
  ['', NANOSECONDS],
  ['n', NANOSECONDS],
  ['ns', NANOSECONDS],
  ['u', MICROSECONDS],
  ['µ', MICROSECONDS],
  ['us', MICROSECONDS],
  ['ms', { digits: 0, factorMs: 1 }],
  ['s', { digits: 0, factorMs: 1000 }],
  ['m', { digits: 0, factorMs: 60_000 }],
  ['h', { digits: 0, factorMs: 3_600_000 }],
]);

/** Throws `invalid` for a name that is none. */
export function influxPrecision(name: string): InfluxPrecision {
  const precision = PRECISIONS.get(name);
  if (precision === undefined) {
    throw new WeirError('invalid', `precision supplied is not valid: ${name}`);
  }
  return precision;
}
