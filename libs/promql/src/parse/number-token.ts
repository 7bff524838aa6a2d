// Where a number or duration ends, and what is wrong with it, in the words of Prometheus.
import { parseDuration, parseNumber, quote } from './literals.ts';
import { isDigit } from './string-token.ts';

export interface NumberEnd {
  readonly kind: 'number' | 'duration' | 'bad';
  /** Of what is neither: behind the character that it could not be with. */
  readonly end: number;
}

const isWordChar = (char: string | undefined) => char !== undefined && /^\w$/.test(char);
const UNITS = 'smhdwy';

export function numberEnd(query: string, from: number): NumberEnd {
  const number = plainEnd(query, from);
  if (number.isNumber) return { kind: 'number', end: number.end };
  return durationEnd(query, number.end);
}

/** Reads as far as a number may go; a character that can't follow, but is one of a number's, is read, too. */
function plainEnd(query: string, from: number): { end: number; isNumber: boolean } {
  const isHex = /^0x/i.test(query.slice(from, from + 2));
  const belongs = isHex ? /^[0-9a-f_]$/i : /^[0-9_.e]$/i;
  let at = isHex ? from + 2 : from + (query[from] === '.' ? 1 : 0);
  let [hasDot, hasExponent] = [isHex, isHex];
  // What stands before decides what may follow.
  let before = at > from ? '.' : '';
  for (; belongs.test(query[at] ?? ''); at++) {
    const char = query[at]!.toLowerCase();
    const isNumeral = isHex ? char !== '_' : isDigit(char);
    if (!isNumeral) {
      const follows = char === '_' ? isHex || isDigit(before) : isDigit(before) || before === '.';
      const repeated = char === '.' ? hasDot || hasExponent : char === 'e' && hasExponent;
      if (!follows || repeated) return { end: at + 1, isNumber: false };
      if (char === '.') hasDot = true;
      if (char === 'e') {
        hasExponent = true;
        if (/^[+-]$/.test(query[at + 1] ?? '')) at++;
      }
    }
    before = char;
  }
  const isOpen = before === '_' || (!isHex && before === 'e');
  return { end: at, isNumber: !isOpen && !isWordChar(query[at]) };
}

/** The unit of the digits before `from`, and more digits with theirs. */
function durationEnd(query: string, from: number): NumberEnd {
  let at = from;
  for (;;) {
    if (!UNITS.includes(query[at] ?? ' ')) return { kind: 'bad', end: at };
    at++;
    if (query[at] === 's') at++;
    if (!isDigit(query[at])) break;
    while (isDigit(query[at])) at++;
  }
  return isWordChar(query[at]) ? { kind: 'bad', end: at + 1 } : { kind: 'duration', end: at };
}

export function faultOfNumber(kind: NumberEnd['kind'], text: string): string | undefined {
  if (kind === 'bad') return `bad number or duration syntax: ${quote(text)}`;
  if (kind === 'duration') return faultOfDuration(text);
  const number = parseNumber(text);
  const of = `error parsing number: strconv.ParseFloat: parsing ${quote(text)}:`;
  if (number === undefined) return `${of} invalid syntax`;
  return Number.isFinite(number.value) ? undefined : `${of} value out of range`;
}

function faultOfDuration(text: string): string | undefined {
  if (parseDuration(text) !== undefined) return undefined;
  const unit = /^\d+(\D+)/.exec(text)?.[1] ?? '';
  if (!['ms', ...UNITS].includes(unit)) {
    return `unknown unit ${quote(unit)} in duration ${quote(text)}`;
  }
  const isOrdered = /^(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/.test(text);
  return isOrdered ? 'duration out of range' : `not a valid duration string: ${quote(text)}`;
}
