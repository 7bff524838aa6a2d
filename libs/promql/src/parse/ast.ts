// The typed syntax tree of PromQL. Positions are UTF-16 offsets into the query text; they end up in
// error texts and annotations. Nodes are data: nothing here evaluates.
import type { MatcherSpec } from '@weir/model';

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string' | 'none';

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface NumberLiteral {
  readonly kind: 'number';
  readonly value: number;
  /** True if written as a duration (`5m`), which printing keeps. */
  readonly duration: boolean;
  readonly span: Span;
}

/** A fixed time in ms, or the start or end of the query. */
export type AtModifier = number | 'start' | 'end';

export interface Modifiers {
  /** Milliseconds; undefined when not written (an offset of 0 may be written). */
  readonly offsetMs: number | undefined;
  readonly offsetExpr?: DurationExpr | undefined;
  readonly at: AtModifier | undefined;
}

/** A duration that is more than a literal; `at` is where it stands. */
export type DurationExpr = { readonly at: number } & (
  | {
      readonly kind: 'number';
      readonly seconds: number;
      readonly duration: boolean;
      readonly end: number;
    }
  | { readonly kind: 'step' | 'range'; readonly end: number }
  | { readonly kind: 'paren'; readonly of: DurationExpr }
  | { readonly kind: 'sign'; readonly op: '+' | '-'; readonly of: DurationExpr }
  | {
      readonly kind: 'extreme';
      readonly name: 'min_of' | 'max_of';
      readonly left: DurationExpr;
      readonly right: DurationExpr;
    }
  | {
      readonly kind: 'binary';
      readonly op: ArithmeticOp;
      readonly opAt: number;
      readonly left: DurationExpr;
      readonly right: DurationExpr;
    }
);

/** How a range treats its ends: sample to sample, or interpolated. */
export type Extension = 'anchored' | 'smoothed';

export interface StringLiteral {
  readonly kind: 'string';
  readonly value: string;
  readonly span: Span;
}

export interface VectorSelector extends Modifiers {
  readonly kind: 'vector-selector';
  readonly name: string;
  /** All matchers, that of the name included. */
  readonly matchers: readonly MatcherSpec[];
  readonly extension?: Extension | undefined;
  readonly span: Span;
}

export interface MatrixSelector {
  readonly kind: 'matrix-selector';
  readonly selector: VectorSelector;
  /** NaN while it waits for the query's times: see durations.ts. */
  readonly rangeMs: number;
  readonly rangeExpr?: DurationExpr | undefined;
  readonly span: Span;
}

export interface Subquery extends Modifiers {
  readonly kind: 'subquery';
  readonly expr: Expr;
  readonly rangeMs: number;
  readonly rangeExpr?: DurationExpr | undefined;
  /** 0: the engine's default. */
  readonly stepMs: number;
  readonly stepExpr?: DurationExpr | undefined;
  readonly span: Span;
}

export type AggregateOp =
  | 'sum'
  | 'avg'
  | 'count'
  | 'min'
  | 'max'
  | 'group'
  | 'stddev'
  | 'stdvar'
  | 'topk'
  | 'bottomk'
  | 'count_values'
  | 'quantile'
  | 'limitk'
  | 'limit_ratio';

export interface Aggregate {
  readonly kind: 'aggregate';
  readonly op: AggregateOp;
  readonly expr: Expr;
  readonly param: Expr | undefined;
  readonly grouping: readonly string[];
  readonly without: boolean;
  readonly span: Span;
}

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2';
export type ComparisonOp = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type SetOp = 'and' | 'or' | 'unless';
/** Cut a native histogram off: `</` what is above, `>/` what is below. */
export type TrimOp = '</' | '>/';
/** Operators that compute a value from two. */
export type ValueOp = ArithmeticOp | ComparisonOp | TrimOp;
export type BinaryOp = ValueOp | SetOp;

export interface Matching {
  readonly card: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many';
  readonly labels: readonly string[];
  readonly on: boolean;
  /** Labels that group_left/group_right copies from the "one" side. */
  readonly include: readonly string[];
  /** Values that stand in for series missing on a side. */
  readonly fillLeft?: number | undefined;
  readonly fillRight?: number | undefined;
}

export interface Binary {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly returnBool: boolean;
  readonly matching: Matching;
  /** True if on() or ignoring() was written, for printing. */
  readonly explicitMatching: boolean;
  readonly opSpan: Span;
  readonly span: Span;
}

export interface Call {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expr[];
  readonly span: Span;
}

export interface Paren {
  readonly kind: 'paren';
  readonly expr: Expr;
  readonly span: Span;
}

export interface Unary {
  readonly kind: 'unary';
  readonly op: '+' | '-';
  readonly expr: Expr;
  readonly span: Span;
}

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Aggregate
  | Binary
  | Call
  | Paren
  | Unary;

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const SETS: ReadonlySet<string> = new Set(['and', 'or', 'unless']);

export function isComparison(op: BinaryOp): op is ComparisonOp {
  return COMPARISONS.has(op);
}

export function isTrim(op: BinaryOp): op is TrimOp {
  return op === '</' || op === '>/';
}

export function isSetOp(op: BinaryOp): op is SetOp {
  return SETS.has(op);
}

/** The expression inside any parentheses. */
export function unwrap(expr: Expr): Expr {
  let inner = expr;
  while (inner.kind === 'paren') inner = inner.expr;
  return inner;
}
