// Parameters of the Prometheus HTTP API: times, durations, limits and selectors, with the texts of
// Prometheus's errors (web/api/v1), which clients show to their users.
import { WeirError } from '@weir/errors';

/**
 * "Since ever" and "until ever", ms, where start or end is absent. Prometheus has ±2^63 / 1000; these are
 * the furthest times that a number holds exactly, 285,000 years from now.
 */
export const TIME_MIN_MS = Number.MIN_SAFE_INTEGER;
export const TIME_MAX_MS = Number.MAX_SAFE_INTEGER;
const TIME_MIN_TEXT = '-292273086-05-16T16:47:06Z';
const TIME_MAX_TEXT = '292277025-08-18T07:12:54.999999999Z';

const FLOAT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const UNITS_MS = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1];
/** The range of Go's time.Duration, in seconds. */
const DURATION_MAX_SECONDS = 9_223_372_036;

export class Parameters {
  readonly #entries: readonly (readonly [string, string])[];

  constructor(entries: readonly (readonly [string, string])[]) {
    this.#entries = entries;
  }

  /** The first value, or '' as Go's FormValue. */
  get(name: string): string {
    return this.#entries.find(([key]) => key === name)?.[1] ?? '';
  }

  all(name: string): string[] {
    return this.#entries.filter(([key]) => key === name).map(([, value]) => value);
  }

  /** Milliseconds; required when no default is given. */
  time(name: string, defaultMs?: number): number {
    const text = this.get(name);
    if (text === '' && defaultMs !== undefined) return defaultMs;
    const ms = parseTime(text);
    if (ms !== undefined) return ms;
    // Prometheus says more of those that may be absent.
    const more = defaultMs === undefined ? '' : `invalid time value for '${name}': `;
    throw invalidParameter(name, `${more}cannot parse ${quoted(text)} to a valid timestamp`);
  }

  /** Milliseconds. */
  duration(name: string): number {
    const text = this.get(name);
    try {
      return parseDuration(text);
    } catch (error) {
      throw invalidParameter(name, (error as Error).message);
    }
  }

  /** 0 is no limit. */
  limit(): number {
    const text = this.get('limit');
    if (text === '') return 0;
    const limit = parseInteger(text);
    if (limit === undefined) {
      throw invalidParameter('limit', `strconv.Atoi: parsing ${quoted(text)}: invalid syntax`);
    }
    if (limit < 0) throw invalidParameter('limit', 'limit must be non-negative');
    return limit;
  }

  /** An integer of the metadata endpoint; undefined when absent. */
  number(name: string): number | undefined {
    const text = this.get(name);
    if (text === '') return undefined;
    const value = parseInteger(text);
    if (value === undefined) throw new WeirError('invalid', `${name} must be a number`);
    return value;
  }
}

export function invalidParameter(name: string, reason: string): WeirError {
  return new WeirError('invalid', `invalid parameter ${quoted(name)}: ${reason}`);
}

/** Close to Go's %q: exact for printable text. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function parseInteger(text: string): number | undefined {
  if (!/^[+-]?\d{1,19}$/.test(text)) return undefined;
  return Number(text);
}

/** Unix seconds or RFC 3339, to milliseconds. */
export function parseTime(text: string): number | undefined {
  if (FLOAT.test(text)) {
    const seconds = Number(text);
    if (!Number.isFinite(seconds)) return undefined;
    const whole = Math.trunc(seconds);
    return clampTime(whole * 1000 + Math.round((seconds - whole) * 1000));
  }
  if (text === TIME_MIN_TEXT) return TIME_MIN_MS;
  if (text === TIME_MAX_TEXT) return TIME_MAX_MS;
  return parseRfc3339(text);
}

function clampTime(ms: number): number {
  return Math.max(TIME_MIN_MS, Math.min(TIME_MAX_MS, ms)) + 0;
}

function parseRfc3339(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fractionMs = match[7] ? Math.floor(Number(match[7].slice(0, 5)) * 1000 + 1e-6) : 0;
  const offsetMinutes = Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0);
  const sign = match[8] === '-' ? -1 : 1;
  const minutes = daysSinceEpoch(year, month, day) * 1440 + hour * 60 + minute;
  return (minutes - sign * offsetMinutes) * 60_000 + second * 1000 + fractionMs;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the Gregorian calendar, years counted from March. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const monthFromMarch = (month + 9) % 12;
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}

/** Seconds as a float, or Prometheus's notation, to milliseconds. Throws with Prometheus's text. */
export function parseDuration(text: string): number {
  if (FLOAT.test(text)) {
    const seconds = Number(text);
    if (Math.abs(seconds) > DURATION_MAX_SECONDS) {
      throw new WeirError(
        'invalid',
        `cannot parse ${quoted(text)} to a valid duration. It overflows int64`,
      );
    }
    return seconds * 1000;
  }
  const match = text === '' ? null : DURATION.exec(text);
  if (!match) throw new WeirError('invalid', `cannot parse ${quoted(text)} to a valid duration`);
  let ms = 0;
  for (const [at, unit] of UNITS_MS.entries()) ms += Number(match[at + 1] ?? 0) * unit;
  if (ms / 1000 > DURATION_MAX_SECONDS) {
    throw new WeirError('invalid', `cannot parse ${quoted(text)} to a valid duration`);
  }
  return ms;
}
