// Label matchers with Prometheus's meaning: a missing label has the empty value, regular expressions are
// RE2, anchored at both ends, and `.` matches a newline. Literals, alternations and prefixes are
// recognised, so that an index answers them without running an expression over every value.
import { WeirError } from '@weir/errors';
import { RE2JS } from 're2js';

export type MatcherOp = '=' | '!=' | '=~' | '!~';

/** A matcher as data: what crosses threads and processes. */
export interface MatcherSpec {
  readonly name: string;
  readonly op: MatcherOp;
  readonly value: string;
}

export interface Matcher extends MatcherSpec {
  matches(value: string): boolean;
  /** The only values that can match (`=`, or `=~` of a literal alternation), else undefined. */
  readonly values: readonly string[] | undefined;
  /** A prefix of every value that can match, for `=~` of the form `literal.*`, else ''. */
  readonly prefix: string;
}

const LITERAL = /^[^\\^$.|?*+()[\]{}]*$/;

/** Compiles a matcher; a regular expression that RE2 refuses is an `invalid` error. */
export function createMatcher(spec: MatcherSpec): Matcher {
  const { name, op, value } = spec;
  if (op === '=')
    return { name, op, value, matches: (v) => v === value, values: [value], prefix: value };
  if (op === '!=') {
    return { name, op, value, matches: (v) => v !== value, values: undefined, prefix: '' };
  }
  const test = compileAnchored(value);
  if (op === '!~') {
    return { name, op, value, matches: (v) => !test(v), values: undefined, prefix: '' };
  }
  const values = literalAlternatives(value);
  return { name, op, value, matches: test, values, prefix: values ? '' : literalPrefix(value) };
}

/** RE2, anchored, dot matches newline. Exported for relabelling and label_replace, which share it. */
export function compileAnchored(pattern: string): (value: string) => boolean {
  const alternatives = literalAlternatives(pattern);
  if (alternatives !== undefined) {
    if (alternatives.length === 1) return (value) => value === alternatives[0];
    const set = new Set(alternatives);
    return (value) => set.has(value);
  }
  if (pattern === '.*') return () => true;
  if (pattern === '.+') return (value) => value !== '';
  const prefix = literalPrefix(pattern);
  if (prefix !== '' && pattern === `${prefix.replaceAll('.', '\\.')}.*`) {
    return (value) => value.startsWith(prefix);
  }
  const compiled = compileRegex(pattern);
  return (value) => compiled.matches(value);
}

export function compileRegex(pattern: string): RE2JS {
  try {
    // Alone first: in the group that anchors it, `a)(b` would be an expression.
    RE2JS.compile(pattern);
    return RE2JS.compile(`^(?s:${pattern})$`);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const reason = text.replace(/^error parsing regexp: /, '');
    throw new WeirError('invalid', `error parsing regexp: ${reason}`, { cause: error });
  }
}

/** The alternatives of `a|b|(c|d)`-free literal alternations, else undefined. */
function literalAlternatives(pattern: string): string[] | undefined {
  const inner = pattern.startsWith('(?:') && pattern.endsWith(')') ? pattern.slice(3, -1) : pattern;
  const parts = inner.split('|').map(unescapeDots);
  return parts.every((part) => part !== undefined) ? (parts as string[]) : undefined;
}

function unescapeDots(part: string): string | undefined {
  const plain = part.replaceAll('\\.', '\u0000');
  return LITERAL.test(plain) ? plain.replaceAll('\u0000', '.') : undefined;
}

function literalPrefix(pattern: string): string {
  if (pattern.includes('|')) return '';
  const match = /^((?:[^\\^$.|?*+()[\]{}]|\\\.)+)(?=[.(\\[]|$)/.exec(pattern);
  return match ? match[1]!.replaceAll('\\.', '.') : '';
}
