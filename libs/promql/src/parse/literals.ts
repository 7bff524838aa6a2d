// Numbers, durations and strings of PromQL as text and back. Durations follow Prometheus's model
// package (y w d h m s ms, in that order); numbers follow Go's strconv as far as PromQL's lexer lets
// them through. Bytes of a string escape that are not UTF-8 are kept as lone surrogates U+DC80…U+DCFF,
// so that a name holding one can be refused with the text that Prometheus prints.

const UNITS: readonly (readonly [string, number])[] = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];
const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
/** The longest duration in ms, that of a signed 64-bit count of nanoseconds. */
const DURATION_MAX_MS = 9_223_372_036_854;

/** A duration such as `1h30m` in ms, or undefined. */
export function parseDuration(text: string): number | undefined {
  const match = text === '' ? null : DURATION.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (let index = 0; index < UNITS.length; index++) {
    const digits = match[index + 1];
    if (digits !== undefined) total += Number(digits) * UNITS[index]![1];
  }
  return total <= DURATION_MAX_MS ? total : undefined;
}

/** Prints ms as Prometheus does: `1h30m`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  let rest = Math.abs(ms);
  let out = ms < 0 ? '-' : '';
  for (const [unit, size] of UNITS) {
    const exactOnly = unit === 'y' || unit === 'w' || unit === 'd';
    if (exactOnly && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) out += `${count}${unit}`;
    rest -= count * size;
  }
  return out;
}

/** A number literal without its sign; a duration counts in seconds. Undefined if it is none. */
export function parseNumber(text: string): { value: number; duration: boolean } | undefined {
  const lower = text.toLowerCase();
  if (lower === 'inf') return { value: Number.POSITIVE_INFINITY, duration: false };
  if (lower === 'nan') return { value: Number.NaN, duration: false };
  const ms = parseDuration(text);
  if (ms !== undefined) return { value: ms / 1000, duration: true };
  const plain = lower.replaceAll('_', '');
  if (/^0x[0-9a-f]+$/.test(plain)) return { value: Number(plain), duration: false };
  if (/^0[0-7]+$/.test(plain)) return { value: Number.parseInt(plain, 8), duration: false };
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(plain)) return undefined;
  return { value: Number(plain), duration: false };
}

/** Prints a number as Go's %g / FormatFloat('f', -1) does within PromQL: `+Inf`, `NaN`, `0.1`. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  if (Object.is(value, -0)) return '-0';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e21)) {
    const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
    const digits = exponent.slice(1).padStart(2, '0');
    return `${mantissa}e${exponent[0]}${digits}`;
  }
  return String(value);
}

/** Prints a number as Go's %g: with an exponent from a million on, or from so many digits on. */
export function formatShortest(value: number, digits = 6): string {
  if (!Number.isFinite(value) || value === 0) return formatNumber(value);
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < digits) return String(value);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
};

/** The value of a quoted literal, or an error message. */
export function unquote(literal: string): { value: string } | { error: string } {
  const quote = literal[0]!;
  if (literal.length < 2 || !literal.endsWith(quote)) {
    return { error: quote === '`' ? 'unterminated raw string' : 'unterminated quoted string' };
  }
  const body = literal.slice(1, -1);
  if (quote === '`') return { value: body.replaceAll('\r', '') };
  if (body.includes('\n')) return { error: 'unterminated quoted string' };
  if (!body.includes('\\')) return { value: body };
  return unescapeBody(body, quote);
}

function unescapeBody(body: string, quote: string): { value: string } | { error: string } {
  const parts: number[] = [];
  let out = '';
  const flush = () => {
    if (parts.length > 0) out += decodeKeepingBadBytes(parts);
    parts.length = 0;
  };
  let at = 0;
  while (at < body.length) {
    if (body[at] !== '\\') {
      flush();
      out += body[at++];
      continue;
    }
    const found = readEscape(body, at + 1, quote);
    if (found === undefined) return { error: 'invalid syntax' };
    if (found.byte) parts.push(found.code);
    else {
      flush();
      out += String.fromCodePoint(found.code);
    }
    at = found.next;
  }
  flush();
  return { value: out };
}

interface Escape {
  readonly code: number;
  /** A byte of UTF-8 (`\x`, octal) rather than a code point. */
  readonly byte: boolean;
  readonly next: number;
}

function readEscape(body: string, at: number, quote: string): Escape | undefined {
  const letter = body[at];
  if (letter === undefined) return undefined;
  if (letter === quote) return { code: letter.charCodeAt(0), byte: false, next: at + 1 };
  const simple = SIMPLE[letter];
  if (simple !== undefined) return { code: simple, byte: false, next: at + 1 };
  const width = letter === 'x' ? 2 : letter === 'u' ? 4 : letter === 'U' ? 8 : 0;
  if (width === 0) {
    const octal = body.slice(at, at + 3);
    if (!/^[0-3][0-7]{2}$/.test(octal)) return undefined;
    return { code: Number.parseInt(octal, 8), byte: true, next: at + 3 };
  }
  const digits = body.slice(at + 1, at + 1 + width);
  if (digits.length !== width || !/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  const code = Number.parseInt(digits, 16);
  if (width > 2 && (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))) return undefined;
  return { code, byte: width === 2, next: at + 1 + width };
}

/** UTF-8 to text; bytes that aren't UTF-8 become lone surrogates U+DC00 + byte. */
function decodeKeepingBadBytes(bytes: readonly number[]): string {
  let out = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    const decoded = length === 0 ? undefined : tryDecode(bytes.slice(at, at + length), length);
    out += decoded ?? String.fromCharCode(0xdc00 + first);
    at += decoded === undefined ? 1 : length;
  }
  return out;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function tryDecode(bytes: number[], length: number): string | undefined {
  if (bytes.length < length) return undefined;
  try {
    return strict.decode(Uint8Array.from(bytes));
  } catch {
    return undefined; // not UTF-8: the caller keeps the byte as it is
  }
}

/** Quotes as Go's %q does, for messages and printing. */
export function quote(value: string): string {
  let out = '"';
  for (const char of value) {
    const code = char.codePointAt(0)!;
    if (char === '"' || char === '\\') out += `\\${char}`;
    else if (char === '\n') out += '\\n';
    else if (char === '\t') out += '\\t';
    else if (char === '\r') out += '\\r';
    else if (code >= 0xdc80 && code <= 0xdcff) out += `\\x${(code - 0xdc00).toString(16)}`;
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += char;
  }
  return `${out}"`;
}

/** Any non-empty UTF-8 text names a label or metric in Prometheus 3. */
export function isValidName(name: string): boolean {
  return name !== '' && !/\p{Surrogate}/u.test(name);
}
