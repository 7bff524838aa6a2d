// What Prometheus calls experimental, refused where it isn't enabled.
import { signatureOf } from '../functions/signatures.ts';
import type { Expr } from './ast.ts';
import { quote } from './literals.ts';
import { parseError } from './syntax-error.ts';
import { childrenOf } from './walk.ts';

const AGGREGATES: ReadonlySet<string> = new Set(['limitk', 'limit_ratio']);

/** Throws `invalid` at the first function, aggregation or modifier that is experimental. */
export function refuseExperimental(expr: Expr, query: string): void {
  const text = experimentalPart(expr);
  if (text !== undefined) throw parseError(query, expr.span.start, text);
  for (const child of childrenOf(expr)) refuseExperimental(child, query);
}

function experimentalPart(expr: Expr): string | undefined {
  switch (expr.kind) {
    case 'call':
      if (!signatureOf(expr.name)?.experimental) return undefined;
      return `function ${quote(expr.name)} is not enabled`;
    case 'aggregate':
      if (!AGGREGATES.has(expr.op)) return undefined;
      return `${expr.op}() is experimental and not enabled`;
    case 'binary': {
      const { fillLeft, fillRight } = expr.matching;
      if (fillLeft === undefined && fillRight === undefined) return undefined;
      return 'binop fill modifiers are experimental and not enabled';
    }
    case 'vector-selector':
    case 'matrix-selector': {
      const selector = expr.kind === 'vector-selector' ? expr : expr.selector;
      if (selector.extension === undefined) return undefined;
      return `${selector.extension} modifier is experimental and not enabled`;
    }
    default:
      return undefined;
  }
}
