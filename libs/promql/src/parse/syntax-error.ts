// Parse errors with Prometheus's position prefix: `line:col: parse error: …`.
import { WeirError } from '@weir/errors';
import { quote } from './literals.ts';

/** The `invalid` error of a query text; the position counts lines and UTF-8 columns from 1. */
export function parseError(query: string, at: number, message: string): WeirError {
  return new WeirError('invalid', `${position(query, at)}: parse error: ${message}`);
}

/** `line:col` of an offset into the query. */
export function position(query: string, at: number): string {
  const before = query.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (const char of before) if (char === '\n') line++;
  return `${line}:${Buffer.byteLength(before.slice(lineStart)) + 1}`;
}

/** What stands at an offset where the grammar wanted something else. */
export function unexpectedAt(query: string, from: number, context: string): WeirError {
  const at = skipBlank(query, from);
  const where = context === '' ? '' : ` in ${context}`;
  if (at >= query.length) {
    return parseError(query, query.length, `unexpected end of input${where}`);
  }
  const word = /^[a-zA-Z_:][\w:]*/.exec(query.slice(at))?.[0];
  if (word !== undefined) {
    return parseError(query, at, `unexpected identifier ${quote(word)}${where}`);
  }
  const number = /^\d[\w.]*/.exec(query.slice(at))?.[0];
  if (number !== undefined) {
    return parseError(query, at, `unexpected number ${quote(number)}${where}`);
  }
  const char = String.fromCodePoint(query.codePointAt(at)!);
  if (char === '"' || char === "'" || char === '`') {
    return parseError(query, at, `unexpected string${where}`);
  }
  const known = '(){}[],=!<>+-*/%^@:'.includes(char);
  if (!known) return parseError(query, at, `unexpected character: '${char}'`);
  return parseError(query, at, `unexpected ${quote(char)}${where}`);
}

function skipBlank(query: string, from: number): number {
  let at = from;
  for (;;) {
    while (at < query.length && /\s/.test(query[at]!)) at++;
    if (query[at] !== '#') return at;
    while (at < query.length && query[at] !== '\n') at++;
  }
}
