// Gives a flat run of operands, operators and postfixes its shape: PromQL's precedence (or < and,
// unless < comparisons < + - < * / % atan2 < ^, the last from the right; a sign binds like *).
import type { Binary, BinaryOp, DurationExpr, Expr, Extension, Matching, Span } from './ast.ts';
import { isSetOp } from './ast.ts';
import type { Duration } from './durations.ts';
import { parseError } from './syntax-error.ts';

export type Item =
  | { readonly kind: 'operand'; readonly expr: Expr }
  | { readonly kind: 'prefix'; readonly op: '+' | '-'; readonly at: number }
  | {
      readonly kind: 'binary';
      readonly op: BinaryOp;
      readonly returnBool: boolean;
      readonly matching: Matching | undefined;
      /** on() or ignoring() was written. */
      readonly explicitMatching: boolean;
      readonly span: Span;
    }
  | { readonly kind: 'offset'; readonly offset: Duration; readonly span: Span }
  | { readonly kind: 'extension'; readonly extension: Extension; readonly span: Span }
  | { readonly kind: 'at'; readonly at: number | 'start' | 'end'; readonly span: Span }
  | { readonly kind: 'range'; readonly range: Duration; readonly span: Span }
  | {
      readonly kind: 'subquery';
      readonly range: Duration;
      readonly step: Duration | undefined;
      readonly span: Span;
    };

type BinaryItem = Extract<Item, { kind: 'binary' }>;
type PostfixItem = Exclude<Item, { kind: 'operand' | 'prefix' | 'binary' }>;

const POWER = 6;
const LEVEL: Readonly<Record<BinaryOp, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '</': 3,
  '>/': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': POWER,
};

export function combine(items: readonly Item[], query: string): Expr {
  return new Combiner(items, query).expr(0);
}

class Combiner {
  readonly #items: readonly Item[];
  readonly #query: string;
  #at = 0;

  constructor(items: readonly Item[], query: string) {
    this.#items = items;
    this.#query = query;
  }

  expr(level: number): Expr {
    let left = this.#prefixed();
    for (;;) {
      const item = this.#items[this.#at];
      if (item?.kind !== 'binary' || LEVEL[item.op] < level) return left;
      this.#at++;
      const own = LEVEL[item.op];
      const right = this.expr(own === POWER ? own : own + 1);
      left = binary(item, left, right);
    }
  }

  #prefixed(): Expr {
    const item = this.#items[this.#at++]!;
    if (item.kind === 'operand') return this.#postfixed(item.expr);
    if (item.kind !== 'prefix') throw parseError(this.#query, 0, 'unexpected operator');
    const expr = this.expr(POWER);
    const span = { start: item.at, end: expr.span.end };
    if (expr.kind === 'number') {
      return { ...expr, value: item.op === '-' ? -expr.value : expr.value, span };
    }
    return { kind: 'unary', op: item.op, expr, span };
  }

  #postfixed(operand: Expr): Expr {
    let expr = operand;
    for (;;) {
      const item = this.#items[this.#at];
      if (item === undefined || item.kind === 'binary') return expr;
      if (item.kind === 'operand' || item.kind === 'prefix') return expr;
      this.#at++;
      expr = this.#apply(expr, item);
    }
  }

  #apply(expr: Expr, item: PostfixItem): Expr {
    const span = { start: expr.span.start, end: item.span.end };
    switch (item.kind) {
      case 'range':
        return this.#matrix(expr, item.range, span);
      case 'subquery': {
        const { range, step } = item;
        return {
          kind: 'subquery',
          expr,
          rangeMs: range.ms,
          rangeExpr: range.expr,
          stepMs: step?.ms ?? 0,
          stepExpr: step?.expr,
          offsetMs: undefined,
          at: undefined,
          span,
        };
      }
      case 'offset':
        return this.#modified(expr, 'offset', span, (old) => {
          if (old.offsetMs !== undefined) {
            throw parseError(this.#query, span.start, 'offset may not be set multiple times');
          }
          return { offsetMs: item.offset.ms, offsetExpr: item.offset.expr, at: old.at };
        });
      case 'extension':
        return this.#extended(expr, item.extension, span);
      default:
        return this.#modified(expr, '@', span, (old) => {
          if (old.at !== undefined) {
            throw parseError(
              this.#query,
              span.start,
              '@ <timestamp> may not be set multiple times',
            );
          }
          return { offsetMs: old.offsetMs, offsetExpr: old.offsetExpr, at: item.at };
        });
    }
  }

  #extended(expr: Expr, extension: Extension, span: Span): Expr {
    if (expr.kind === 'vector-selector') return { ...expr, extension, span };
    if (expr.kind === 'matrix-selector') {
      return { ...expr, selector: { ...expr.selector, extension }, span };
    }
    const what = expr.kind === 'subquery' ? 'a subquery' : 'this expression';
    throw parseError(this.#query, expr.span.start, `${extension} modifier not allowed on ${what}`);
  }

  #matrix(expr: Expr, { ms: rangeMs, expr: rangeExpr }: Duration, span: Span): Expr {
    const fail = (message: string) => parseError(this.#query, expr.span.start, message);
    if (expr.kind !== 'vector-selector') throw fail('ranges only allowed for vector selectors');
    if (expr.offsetMs !== undefined) throw fail('no offset modifiers allowed before range');
    if (expr.at !== undefined) throw fail('no @ modifiers allowed before range');
    return { kind: 'matrix-selector', selector: expr, rangeMs, rangeExpr, span };
  }

  #modified(
    expr: Expr,
    what: 'offset' | '@',
    span: Span,
    change: (old: ModifierValues) => ModifierValues,
  ): Expr {
    if (expr.kind === 'vector-selector' || expr.kind === 'subquery') {
      return { ...expr, ...change(expr), span };
    }
    if (expr.kind === 'matrix-selector') {
      return { ...expr, selector: { ...expr.selector, ...change(expr.selector) }, span };
    }
    const name = what === 'offset' ? 'offset modifier' : '@ modifier';
    const text = `${name} must be preceded by an instant vector selector or range vector selector or a subquery`;
    throw parseError(this.#query, expr.span.start, text);
  }
}

interface ModifierValues {
  readonly offsetMs: number | undefined;
  readonly offsetExpr?: DurationExpr | undefined;
  readonly at: number | 'start' | 'end' | undefined;
}

function binary(item: BinaryItem, left: Expr, right: Expr): Binary {
  const given: Matching = item.matching ?? {
    card: 'one-to-one',
    labels: [],
    on: false,
    include: [],
  };
  const matching: Matching =
    isSetOp(item.op) && given.card === 'one-to-one' ? { ...given, card: 'many-to-many' } : given;
  return {
    kind: 'binary',
    op: item.op,
    left,
    right,
    returnBool: item.returnBool,
    matching,
    explicitMatching: item.explicitMatching,
    opSpan: item.span,
    span: { start: left.span.start, end: right.span.end },
  };
}
