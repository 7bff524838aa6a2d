// What Prometheus calls experimental: refused where it isn't enabled, or told to who enables some of it.
import { signatureOf } from '../functions/signatures.ts';
import type { Expr } from './ast.ts';
import { quote } from './literals.ts';
import { parseError } from './syntax-error.ts';
import { childrenOf } from './walk.ts';

const AGGREGATIONS: ReadonlySet<string> = new Set(['limitk', 'limit_ratio']);

export interface ExperimentalPart {
  readonly kind: 'function' | 'aggregation' | 'range modifier' | 'fill modifier';
  /** As it is written: `limitk`, `anchored`. */
  readonly name: string;
}

/** Throws `invalid` at the first function, aggregation or modifier that is experimental. */
export function refuseExperimental(expr: Expr, query: string): void {
  const found = experimentalPart(expr);
  if (found !== undefined) throw parseError(query, expr.span.start, refusalOf(found));
  for (const child of childrenOf(expr)) refuseExperimental(child, query);
}

/** All there is of it, from the outside to the inside. */
export function* experimentalPartsOf(expr: Expr): Generator<ExperimentalPart> {
  const found = experimentalPart(expr);
  if (found !== undefined) yield found;
  for (const child of childrenOf(expr)) yield* experimentalPartsOf(child);
}

function refusalOf({ kind, name }: ExperimentalPart): string {
  switch (kind) {
    case 'function':
      return `function ${quote(name)} is not enabled`;
    case 'aggregation':
      return `${name}() is experimental and not enabled`;
    case 'range modifier':
      return `${name} modifier is experimental and not enabled`;
    case 'fill modifier':
      return 'binop fill modifiers are experimental and not enabled';
  }
}

function experimentalPart(expr: Expr): ExperimentalPart | undefined {
  switch (expr.kind) {
    case 'call': {
      const { name } = expr;
      return signatureOf(name)?.experimental ? { kind: 'function', name } : undefined;
    }
    case 'aggregate':
      return AGGREGATIONS.has(expr.op) ? { kind: 'aggregation', name: expr.op } : undefined;
    case 'binary': {
      const { fillLeft, fillRight } = expr.matching;
      if (fillLeft === undefined && fillRight === undefined) return undefined;
      return { kind: 'fill modifier', name: 'fill' };
    }
    case 'vector-selector':
    case 'matrix-selector': {
      const selector = expr.kind === 'vector-selector' ? expr : expr.selector;
      if (selector.extension === undefined) return undefined;
      return { kind: 'range modifier', name: selector.extension };
    }
    default:
      return undefined;
  }
}
