// Characters of queries, and where a quoted text ends, with the words of Prometheus's lexer for what is wrong.

export function isSpace(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\n' || char === '\r';
}

export function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}

export function isLetter(char: string | undefined): boolean {
  return char !== undefined && /^[a-zA-Z_]$/.test(char);
}

/** A character in single quotes, as Go's %q writes it; what is behind the end is U+FFFD. */
export function characterOf(query: string, at: number): string {
  const code = query.codePointAt(at);
  if (code === undefined) return "'\ufffd'";
  return `'${escaped(code)}'`;
}

const NAMED: Readonly<Record<number, string>> = {
  ...{ 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r' },
  ...{ 39: "\\'", 92: '\\\\' },
};

function escaped(code: number): string {
  const named = NAMED[code];
  if (named !== undefined) return named;
  const char = String.fromCodePoint(code);
  if (code === 0x20 || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(char)) return char;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code >= 0xd800 && code < 0xe000) return '\ufffd';
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** The position behind a quoted text that begins at `at`, or what is wrong with it. */
export function stringEnd(query: string, at: number): number | string {
  const quote = query[at]!;
  if (quote === '`') {
    const end = query.indexOf('`', at + 1);
    return end < 0 ? 'unterminated raw string' : end + 1;
  }
  for (let next = at + 1; ; ) {
    const char = query[next];
    if (char === undefined || char === '\n') return 'unterminated quoted string';
    if (char === quote) return next + 1;
    if (char !== '\\') next++;
    else {
      const end = escapeEnd(query, next + 1, quote);
      if (typeof end === 'string') return end;
      next = end;
    }
  }
}

/** Letter, digits, base, largest value. */
const ESCAPES: Readonly<Record<string, readonly [number, number, number]>> = {
  x: [2, 16, 255],
  u: [4, 16, 0x10ffff],
  U: [8, 16, 0x10ffff],
};

function escapeEnd(query: string, at: number, quote: string): number | string {
  const letter = query[at];
  if (letter === undefined) return 'escape sequence not terminated';
  if (letter === quote || 'abfnrtv\\'.includes(letter)) return at + 1;
  const isOctal = letter >= '0' && letter <= '7';
  const shape = isOctal ? ([3, 8, 255] as const) : ESCAPES[letter];
  if (shape === undefined) return `unknown escape sequence ${codeOf(query, at)}`;
  const [digits, base, max] = shape;
  const from = isOctal ? at : at + 1;
  let value = 0;
  for (let next = from; next < from + digits; next++) {
    const digit = Number.parseInt(query[next] ?? '', base);
    if (query[next] === undefined) return 'escape sequence not terminated';
    if (Number.isNaN(digit)) return `illegal character ${codeOf(query, next)} in escape sequence`;
    value = value * base + digit;
  }
  if (value > max || (value >= 0xd800 && value < 0xe000)) {
    return 'escape sequence is an invalid Unicode code point';
  }
  return from + digits;
}

/** As Go's %#U. */
function codeOf(query: string, at: number): string {
  const code = query.codePointAt(at)!;
  const number = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const char = String.fromCodePoint(code);
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char) ? `${number} '${char}'` : number;
}
