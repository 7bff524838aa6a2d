// Functions of one value: mathematics and calendar (UTC). Also the arithmetic of binary operators.
import type { ArithmeticOp, ComparisonOp } from '../parse/ast.ts';

const DAY_MS = 86_400_000;

/** The calendar date of seconds since the epoch, in UTC, without the process clock or time zone. */
function civil(seconds: number): { year: number; month: number; day: number } {
  // Howard Hinnant's algorithm "civil_from_days" (public domain).
  const days = Math.floor((seconds * 1000) / DAY_MS) + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1 };
}

/** As Go's math.Min: minus infinity is less than NaN, too. */
export function smaller(a: number, b: number): number {
  if (a === Number.NEGATIVE_INFINITY || b === Number.NEGATIVE_INFINITY) {
    return Number.NEGATIVE_INFINITY;
  }
  return Math.min(a, b);
}

/** As Go's math.Max. */
export function larger(a: number, b: number): number {
  return -smaller(-a, -b);
}

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysIn(year: number, month: number): number {
  return month === 2 && isLeap(year) ? 29 : DAYS_IN_MONTH[month - 1]!;
}

function dayOfYear(seconds: number): number {
  const { year, month, day } = civil(seconds);
  let days = day;
  for (let earlier = 1; earlier < month; earlier++) days += daysIn(year, earlier);
  return days;
}

const modulo = (value: number, by: number) => ((value % by) + by) % by;

/**
 * Calendar functions truncate to whole seconds. What doesn't fit an int64 becomes its least value, as Go
 * converts it, whose result is `beyond`.
 */
function calendar(beyond: number, of: (seconds: number) => number): (value: number) => number {
  return (value) => (Math.abs(value) < 2 ** 63 ? of(Math.trunc(value)) : beyond);
}

export const DATE_FUNCTIONS: Readonly<Record<string, (value: number) => number>> = {
  minute: calendar(30, (s) => Math.floor(modulo(s, 3600) / 60)),
  hour: calendar(15, (s) => Math.floor(modulo(s, 86_400) / 3600)),
  day_of_week: calendar(0, (s) => modulo(Math.floor(s / 86_400) + 4, 7)),
  day_of_month: calendar(4, (s) => civil(s).day),
  day_of_year: calendar(339, dayOfYear),
  days_in_month: calendar(31, (s) => daysIn(civil(s).year, civil(s).month)),
  month: calendar(12, (s) => civil(s).month),
  year: calendar(292_277_026_596, (s) => civil(s).year),
};

export const MATH_FUNCTIONS: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  exp: Math.exp,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sqrt: Math.sqrt,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  acos: Math.acos,
  acosh: Math.acosh,
  asin: Math.asin,
  asinh: Math.asinh,
  atan: Math.atan,
  atanh: Math.atanh,
  cos: Math.cos,
  cosh: Math.cosh,
  sin: Math.sin,
  sinh: Math.sinh,
  tan: Math.tan,
  tanh: Math.tanh,
  deg: (value) => (value * 180) / Math.PI,
  rad: (value) => (value * Math.PI) / 180,
};

/** Rounds half up to a multiple of `to`; via the inverse, so that 0.1 behaves. */
export function roundTo(value: number, to: number): number {
  const inverse = 1 / to;
  return Math.floor(value * inverse + 0.5) / inverse;
}

export function arithmetic(op: ArithmeticOp): (a: number, b: number) => number {
  switch (op) {
    case '+':
      return (a, b) => a + b;
    case '-':
      return (a, b) => a - b;
    case '*':
      return (a, b) => a * b;
    case '/':
      return (a, b) => a / b;
    case '%':
      return (a, b) => a % b;
    case '^':
      return power;
    case 'atan2':
      return Math.atan2;
  }
}

/** IEEE pow as in C and Go: 1 to any power is 1, and so is -1 to an infinite one. */
function power(base: number, exponent: number): number {
  if (base === 1) return 1;
  if (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) return 1;
  return base ** exponent;
}

export function comparison(op: ComparisonOp): (a: number, b: number) => boolean {
  switch (op) {
    case '==':
      return (a, b) => a === b;
    case '!=':
      return (a, b) => a !== b;
    case '<':
      return (a, b) => a < b;
    case '<=':
      return (a, b) => a <= b;
    case '>':
      return (a, b) => a > b;
    case '>=':
      return (a, b) => a >= b;
  }
}
