// What a tenant's limits make of a query before it runs: refusals, and a later start.
import { WeirError } from '@weir/errors';
import { blockedQueriesOf, type QueryRange, type TenantLimits } from '@weir/limits';
import {
  type Expr,
  experimentalPartsOf,
  parseExpr,
  printExpr,
  type SelectRequest,
} from '@weir/promql';
import type { ChunkedQueryable } from '@weir/query';
import { withLimit } from '@weir/wire';
import { blockedQuery } from './blocked-query.ts';

/** Throws `invalid` where the expression is longer than the tenant may send. */
export function checkExpressionSize(query: string, limits: TenantLimits | undefined): void {
  const max = limits?.queryExpressionMaxBytes ?? 0;
  const size = Buffer.byteLength(query);
  if (max === 0 || size <= max) return;
  const text = `the raw query size in bytes exceeds the limit (query size: ${size}, limit: ${max})`;
  const flag = 'query-frontend.max-query-expression-size-bytes';
  throw new WeirError('invalid', withLimit(text, 'max-query-expression-size-bytes', flag));
}

/** Whether there is a rule that a query may break. */
export function blocksQueries(limits: TenantLimits | undefined): boolean {
  return limits !== undefined && limits.blockedQueries.length > 0;
}

/** Throws `invalid` where the operator has forbidden the query, as it is or as it is printed. */
export function checkBlocked(
  query: string,
  limits: TenantLimits | undefined,
  range?: QueryRange,
): void {
  const rules = blockedQueriesOf(limits?.blockedQueries ?? []);
  if (rules.length === 0) return;
  const texts = [query, printed(query)];
  const rule = rules.find(({ matches }) => texts.some((text) => matches(text, range)));
  if (rule !== undefined) throw blockedQuery(rule.reason);
}

/** Throws `invalid` where the query uses something experimental that the tenant may not. */
export function checkExperimental(
  query: string,
  limits: TenantLimits | undefined,
  tenant: string,
): void {
  const functions = limits?.experimentalFunctions ?? ALL;
  const modifiers = limits?.extendedRangeSelectors ?? ALL;
  if (functions.includes('all') && modifiers.includes('all')) return;
  const expr = parsed(query);
  if (expr === undefined) return;
  for (const { kind, name } of experimentalPartsOf(expr)) {
    const enabled = kind === 'range modifier' ? modifiers : functions;
    if (enabled.includes('all') || enabled.includes(name)) continue;
    const what = kind === 'range modifier' ? 'extended range selector modifier' : kind;
    throw new WeirError('invalid', `${what} "${name}" is not enabled for tenant ${tenant}`);
  }
}

const ALL: readonly string[] = ['all'];

function printed(query: string): string {
  const expr = parsed(query);
  return expr === undefined ? query : printExpr(expr);
}

/** What can't be parsed will be refused for that. */
function parsed(query: string): Expr | undefined {
  try {
    return parseExpr(query);
  } catch (error) {
    if (error instanceof WeirError && error.kind === 'invalid') return undefined;
    throw error;
  }
}

/**
 * The first time that the query may see, on the grid of its steps; undefined where all of it is too old. Throws
 * `invalid` where what is left is too long.
 */
export function allowedStart(
  { startMs, endMs, stepMs }: { startMs: number; endMs: number; stepMs: number },
  limits: TenantLimits | undefined,
  nowMs: number,
): number | undefined {
  const { queryLookbackMaxMs = 0, queryLengthMaxMs = 0 } = limits ?? {};
  const oldestMs = queryLookbackMaxMs === 0 ? Number.NEGATIVE_INFINITY : nowMs - queryLookbackMaxMs;
  if (endMs < oldestMs) return undefined;
  const skipped = Math.max(0, Math.ceil((oldestMs - startMs) / stepMs));
  const fromMs = skipped === 0 ? startMs : startMs + skipped * stepMs;
  if (fromMs > endMs) return undefined;
  if (queryLengthMaxMs > 0 && endMs - fromMs > queryLengthMaxMs) {
    const lengths = `query length: ${goDuration(endMs - fromMs)}, limit: ${goDuration(queryLengthMaxMs)}`;
    const text = `the total query time range exceeds the limit (${lengths})`;
    const flag = 'query-frontend.max-total-query-length';
    throw new WeirError('invalid', withLimit(text, 'max-total-query-length', flag));
  }
  return fromMs;
}

/** Selectors that would read samples of a longer time than the tenant's queries may end the query: `invalid`, 422. */
export function withReadLength(
  queryable: ChunkedQueryable,
  { readLengthMaxMs }: TenantLimits,
): ChunkedQueryable {
  if (readLengthMaxMs === 0) return queryable;
  const check = ({ minT, maxT }: SelectRequest) => {
    if (maxT - minT <= readLengthMaxMs) return;
    const lengths = `query length: ${goDuration(maxT - minT)}, limit: ${goDuration(readLengthMaxMs)}`;
    const text = `the query time range exceeds the limit (${lengths})`;
    const flag = 'querier.max-partial-query-length';
    throw new WeirError('invalid', withLimit(text, 'max-query-length', flag), { status: 422 });
  };
  const { evaluate } = queryable;
  return {
    async select(request, signal) {
      check(request);
      return queryable.select(request, signal);
    },
    ...(evaluate !== undefined && {
      async evaluate(request, part, signal) {
        check(request);
        return evaluate(request, part, signal);
      },
    }),
  };
}

/** As Go prints a time.Duration of at least a second: `25h0m1.5s`. */
function goDuration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
