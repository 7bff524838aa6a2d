// Durations of ranges, subquery steps and offsets: a literal as a rule, or arithmetic over literals,
// step() and range(). What doesn't ask for the query's times is computed at once; resolveDurations()
// computes the rest when they are known.
import type { SyntaxNode } from '@lezer/common';
import { WeirError } from '@weir/errors';
import { arithmetic } from '../functions/elementwise.ts';
import type { ArithmeticOp, DurationExpr, Expr, VectorSelector } from './ast.ts';
import { parseNumber, quote } from './literals.ts';
import { parseError } from './syntax-error.ts';
import { mapExpr, someExpr } from './walk.ts';

/** `ms` is NaN until the query's times are known; `expr` is undefined for a plain literal. */
export interface Duration {
  readonly ms: number;
  readonly expr: DurationExpr | undefined;
}

/** Of the query as a whole, ms; a step and a range of 0 for an instant query. */
export interface QueryTimes {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

const MS_MAX = 9_223_372_036_854;

/** Reads a DurationExpr or OffsetDurationExpr of the grammar. */
export function readDuration(node: SyntaxNode, query: string, positive: boolean): Duration {
  const expr = read(node, query);
  if (!isLiteral(expr)) checkNumbers(expr, query);
  if (asksForTimes(expr)) return { ms: Number.NaN, expr };
  const ms = millisecondsOf(expr, undefined, query, positive);
  return { ms, expr: isLiteral(expr) ? undefined : expr };
}

function read(node: SyntaxNode, query: string): DurationExpr {
  const at = node.from;
  const children = childrenOf(node);
  const [first, second, third] = children;
  const inner = children.filter(({ name }) => name.endsWith('DurationExpr'));
  switch (first?.name) {
    case 'NumberDurationLiteralInDurationContext': {
      const text = query.slice(first.from, first.to);
      const number = parseNumber(text);
      if (number === undefined) {
        throw parseError(query, at, `bad number or duration syntax: ${quote(text)}`);
      }
      return {
        kind: 'number',
        seconds: number.value,
        duration: number.duration,
        at,
        end: first.to,
      };
    }
    case 'UnaryOp': {
      const op = query[first.from] as '+' | '-';
      return { kind: 'sign', op, of: read(inner[0]!, query), at };
    }
    case 'DurationStep':
      return { kind: 'step', at, end: node.to };
    case 'DurationRange':
      return { kind: 'range', at, end: node.to };
    case 'DurationMinOf':
    case 'DurationMaxOf': {
      const name = first.name === 'DurationMinOf' ? 'min_of' : 'max_of';
      const [left, right] = [read(inner[0]!, query), read(inner[1]!, query)];
      return { kind: 'extreme', name, left, right, at };
    }
    default:
      break;
  }
  if (inner.length === 1) return { kind: 'paren', of: read(inner[0]!, query), at };
  const op = query.slice(second!.from, second!.to) as ArithmeticOp;
  const [left, right] = [read(first!, query), read(third!, query)];
  return { kind: 'binary', op, left, right, at, opAt: second!.from };
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'LineComment') found.push(child);
  }
  return found;
}

function isLiteral(expr: DurationExpr): boolean {
  return expr.kind === 'sign' ? isLiteral(expr.of) : expr.kind === 'number';
}

/** Each number is a duration of its own to Prometheus, whatever is made of it. */
function checkNumbers(expr: DurationExpr, query: string): void {
  if (expr.kind === 'number') {
    const fits = Math.abs(expr.seconds) * 1000 <= MS_MAX;
    if (!fits) throw parseError(query, expr.at, 'duration out of range');
  } else if (expr.kind === 'sign' || expr.kind === 'paren') checkNumbers(expr.of, query);
  else if (expr.kind === 'binary' || expr.kind === 'extreme') {
    checkNumbers(expr.left, query);
    checkNumbers(expr.right, query);
  }
}

function asksForTimes(expr: DurationExpr): boolean {
  switch (expr.kind) {
    case 'step':
    case 'range':
      return true;
    case 'number':
      return false;
    case 'sign':
    case 'paren':
      return asksForTimes(expr.of);
    default:
      return asksForTimes(expr.left) || asksForTimes(expr.right);
  }
}

function millisecondsOf(
  expr: DurationExpr,
  times: QueryTimes | undefined,
  query: string,
  positive: boolean,
): number {
  const ms = Math.round(secondsOf(expr, times, query) * 1000);
  if (positive && ms <= 0) throw refused(expr, query, 'duration must be greater than 0');
  if (!(Math.abs(ms) <= MS_MAX)) {
    throw refused(
      expr,
      query,
      isLiteral(expr) ? 'duration out of range' : 'duration is out of range',
    );
  }
  return ms;
}

/** Computed durations are refused with their place in bytes, literals like any parse error. */
function refused(expr: DurationExpr, query: string, text: string): Error {
  if (isLiteral(expr)) return parseError(query, expr.at, text);
  const { start, end } = extentOf(expr);
  const bytes = (to: number) => Buffer.byteLength(query.slice(0, to));
  return new WeirError('invalid', `${bytes(start)}:${bytes(end)}: ${text}`);
}

/** Where an expression stands as Prometheus sees it: without parentheses but around a number. */
function extentOf(expr: DurationExpr): { start: number; end: number } {
  switch (expr.kind) {
    case 'paren': {
      const { start, end } = extentOf(expr.of);
      return { start: expr.of.kind === 'number' ? expr.at : start, end };
    }
    case 'sign':
      return { start: expr.at, end: extentOf(expr.of).end };
    case 'extreme':
    case 'binary':
      return { start: extentOf(expr.left).start, end: extentOf(expr.right).end };
    default:
      return { start: expr.at, end: expr.end };
  }
}

function secondsOf(expr: DurationExpr, times: QueryTimes | undefined, query: string): number {
  const of = (part: DurationExpr) => secondsOf(part, times, query);
  switch (expr.kind) {
    case 'number':
      return expr.seconds;
    case 'step':
      return times!.stepMs / 1000;
    case 'range':
      return (times!.endMs - times!.startMs) / 1000;
    case 'paren':
      return of(expr.of);
    case 'sign':
      return expr.op === '-' ? -of(expr.of) : of(expr.of);
    case 'extreme':
      return (expr.name === 'min_of' ? Math.min : Math.max)(of(expr.left), of(expr.right));
    case 'binary': {
      const right = of(expr.right);
      if (right === 0 && expr.op === '/') throw parseError(query, expr.opAt, 'division by zero');
      if (right === 0 && expr.op === '%') throw parseError(query, expr.opAt, 'modulo by zero');
      return arithmetic(expr.op)(of(expr.left), right);
    }
  }
}

/** The expression with every duration in ms. Throws `invalid` where one has no meaning. */
export function resolveDurations(expr: Expr, query: string, times: QueryTimes): Expr {
  if (!someExpr(expr, hasOpenDuration)) return expr;
  const ms = (given: number, part: DurationExpr | undefined, positive: boolean) =>
    part !== undefined && Number.isNaN(given)
      ? millisecondsOf(part, times, query, positive)
      : given;
  const offset = <
    T extends { offsetMs: number | undefined; offsetExpr?: DurationExpr | undefined },
  >(
    node: T,
  ): T => {
    if (node.offsetMs === undefined) return node;
    return { ...node, offsetMs: ms(node.offsetMs, node.offsetExpr, false) };
  };
  return mapExpr(expr, (node): Expr => {
    switch (node.kind) {
      case 'vector-selector':
        return offset(node);
      case 'matrix-selector': {
        const rangeMs = ms(node.rangeMs, node.rangeExpr, true);
        return { ...node, rangeMs, selector: offset<VectorSelector>(node.selector) };
      }
      case 'subquery': {
        const rangeMs = ms(node.rangeMs, node.rangeExpr, true);
        return offset({ ...node, rangeMs, stepMs: ms(node.stepMs, node.stepExpr, true) });
      }
      default:
        return node;
    }
  });
}

function hasOpenDuration(node: Expr): boolean {
  switch (node.kind) {
    case 'vector-selector':
      return Number.isNaN(node.offsetMs);
    case 'matrix-selector':
      return Number.isNaN(node.rangeMs) || Number.isNaN(node.selector.offsetMs);
    case 'subquery':
      return [node.rangeMs, node.stepMs, node.offsetMs].some(Number.isNaN);
    default:
      return false;
  }
}
