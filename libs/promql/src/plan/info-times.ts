// At which times info() looks up info series: those at which its argument reads, so that labels and values
// belong together. Where two operands read at different times, those of the evaluation itself.
import type { Expr, VectorSelector } from '../parse/ast.ts';
import { typeOf } from '../parse/types.ts';

export type InfoTimes = Pick<VectorSelector, 'offsetMs' | 'at'>;

const UNMOVED: InfoTimes = { offsetMs: undefined, at: undefined };

export function infoTimes(expr: Expr): InfoTimes {
  switch (expr.kind) {
    case 'vector-selector':
      return { offsetMs: expr.offsetMs, at: expr.at };
    case 'matrix-selector':
      return infoTimes(expr.selector);
    case 'paren':
    case 'unary':
    case 'aggregate':
      return infoTimes(expr.expr);
    case 'subquery': {
      const inner = infoTimes(expr.expr);
      // A time is one whatever is around it.
      if (inner.at !== undefined) return inner;
      return { offsetMs: (inner.offsetMs ?? 0) + (expr.offsetMs ?? 0), at: expr.at };
    }
    case 'binary':
      return ofBoth(expr.left, expr.right);
    case 'call': {
      const series = expr.args.find((arg) => isSeries(arg));
      return series === undefined ? UNMOVED : infoTimes(series);
    }
    default:
      return UNMOVED;
  }
}

function ofBoth(left: Expr, right: Expr): InfoTimes {
  if (!isSeries(left)) return infoTimes(right);
  if (!isSeries(right)) return infoTimes(left);
  const [a, b] = [infoTimes(left), infoTimes(right)];
  return a.at === b.at && (a.offsetMs ?? 0) === (b.offsetMs ?? 0) ? a : UNMOVED;
}

function isSeries(expr: Expr): boolean {
  const type = typeOf(expr);
  return type === 'vector' || type === 'matrix';
}
