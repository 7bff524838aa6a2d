// Queries that an operator has forbidden: Mimir's `blocked_queries`. A rule compares the text of a query as it is
// printed when parsed, so that spaces and brackets don't matter; all conditions that it has must hold.
import { parseDuration } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createMatcher } from '@weir/model';

/** Of range queries, ms. */
export interface QueryRange {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

export interface BlockedQuery {
  readonly reason: string;
  matches(query: string, range: QueryRange | undefined): boolean;
}

const FIELDS: ReadonlySet<string> = new Set([
  ...['pattern', 'regex', 'reason', 'unaligned_range_queries'],
  ...['time_range_longer_than', 'step_size_shorter_than'],
]);

const compiled = new WeakMap<readonly unknown[], readonly BlockedQuery[]>();

/** Throws `invalid` where a rule makes no sense. */
export function blockedQueriesOf(rules: readonly unknown[]): readonly BlockedQuery[] {
  let queries = compiled.get(rules);
  if (queries === undefined) {
    queries = rules.map(readRule);
    compiled.set(rules, queries);
  }
  return queries;
}

function readRule(rule: unknown): BlockedQuery {
  if (typeof rule !== 'object' || rule === null) throw refused('a rule is no mapping');
  const unknown = Object.keys(rule).find((key) => !FIELDS.has(key));
  if (unknown !== undefined) throw refused(`unknown field ${unknown}`);
  const fields = rule as Readonly<Record<string, unknown>>;
  const { pattern, reason = '' } = fields;
  if (typeof pattern !== 'string' || pattern.trim() === '') {
    throw refused('a rule needs a pattern; use ".*" with regex: true for all queries');
  }
  if (typeof reason !== 'string') throw refused('reason is no text');
  const [isRegex, unaligned] = [flag(fields, 'regex'), flag(fields, 'unaligned_range_queries')];
  const longerThanMs = duration(fields, 'time_range_longer_than');
  const stepBelowMs = duration(fields, 'step_size_shorter_than');
  const matchesText = isRegex ? searching(pattern) : equalTo(pattern.trim());
  return {
    reason,
    matches(query, range) {
      if (!matchesText(query)) return false;
      if (!unaligned && longerThanMs === 0 && stepBelowMs === 0) return true;
      if (range === undefined) return false;
      const { startMs, endMs, stepMs } = range;
      if (unaligned && startMs % stepMs === 0 && endMs % stepMs === 0) return false;
      if (longerThanMs > 0 && endMs - startMs <= longerThanMs) return false;
      return stepBelowMs === 0 || stepMs < stepBelowMs;
    },
  };
}

const equalTo = (pattern: string) => (query: string) => query.trim() === pattern;

/** Anywhere in the query. */
function searching(pattern: string): (query: string) => boolean {
  const value = `(?s:.*)(?:${pattern})(?s:.*)`;
  try {
    const matcher = createMatcher({ name: 'query', op: '=~', value });
    return (query) => matcher.matches(query);
  } catch (error) {
    throw refused(`bad pattern '${pattern}'`, error);
  }
}

function flag(fields: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') throw refused(`${name} is neither true nor false`);
  return value;
}

function duration(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name] ?? 0;
  const ms = parseDuration(String(value));
  if (ms === undefined || ms < 0) throw refused(`${name}: '${String(value)}' is no duration`);
  return ms;
}

function refused(text: string, cause?: unknown): WeirError {
  return new WeirError('invalid', `blocked_queries: ${text}`, { cause });
}
