// Label matchers with Prometheus's meaning: a missing label has the empty value, regular expressions are
// RE2, anchored at both ends, and `.` matches a newline. What is no more than texts and gaps is
// recognised (plain-pattern.ts), so that an index answers it without running RE2 over every value.
import { WeirError } from '@weir/errors';
import { RE2JS } from 're2js';
import { type PlainPattern, plainPattern } from './plain-pattern.ts';

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

/** Compiles a matcher; a regular expression that RE2 refuses is an `invalid` error. */
export function createMatcher(spec: MatcherSpec): Matcher {
  const { name, op, value } = spec;
  if (op === '=')
    return { name, op, value, matches: (v) => v === value, values: [value], prefix: value };
  if (op === '!=') {
    return { name, op, value, matches: (v) => v !== value, values: undefined, prefix: '' };
  }
  const pattern = patternOf(value);
  const { matches } = pattern;
  if (op === '!~') {
    return { name, op, value, matches: (v) => !matches(v), values: undefined, prefix: '' };
  }
  const { values, prefix } = pattern;
  return { name, op, value, matches, values, prefix: values ? '' : prefix };
}

/** What a list of matchers is known by; the same ones in another order are others. */
export function matchersKey(matchers: readonly MatcherSpec[]): string {
  return JSON.stringify(matchers.map(({ name, op, value }) => [name, op, value]));
}

/** RE2, anchored, dot matches newline. Exported for relabelling and label_replace, which share it. */
export function compileAnchored(pattern: string): (value: string) => boolean {
  return patternOf(pattern).matches;
}

function patternOf(expression: string): PlainPattern {
  const plain = plainPattern(expression);
  if (plain !== undefined) return plain;
  const compiled = compileRegex(expression);
  return {
    matches: (value) => compiled.matches(value),
    values: undefined,
    prefix: literalPrefix(expression),
  };
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

/** Up to what is surely not a quantifier of its last character: behind `(?i)` or `\Q\E` one may stand. */
function literalPrefix(pattern: string): string {
  if (pattern.includes('|')) return '';
  const match = /^((?:[^\\^$.|?*+()[\]{}]|\\\.)+)(?=\.|\[|\\[dDsSwW]|\((?!\?)|\(\?:|$)/.exec(
    pattern,
  );
  return match ? match[1]!.replaceAll('\\.', '.') : '';
}
