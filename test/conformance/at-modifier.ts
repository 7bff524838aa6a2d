// The hidden re-run with `@ <time>`: every selector and outermost subquery that has no `@` gets one. The
// value must not change at that time, nor at any other if nothing else asks for the time.
import { type Expr, parseExpr, printExpr } from '@weir/promql';

const OF_TIME =
  /\b(time|minute|hour|day_of_week|day_of_month|day_of_year|days_in_month|month|year|start|end)\s*\(\s*\)|predict_linear|timestamp/;

export function pinned(query: string, timeMs: number): { query: string; timeMs: number }[] {
  const text = printExpr(pin(parseExpr(query), timeMs));
  const runs = [{ query: text, timeMs }];
  // Subqueries are pinned as a whole: what is inside follows them.
  if (!OF_TIME.test(query)) runs.push({ query: text, timeMs: timeMs + 3_600_000 });
  return runs;
}

function pin(expr: Expr, timeMs: number): Expr {
  switch (expr.kind) {
    case 'vector-selector':
    case 'subquery':
      return { ...expr, at: expr.at ?? timeMs };
    case 'matrix-selector':
      return { ...expr, selector: { ...expr.selector, at: expr.selector.at ?? timeMs } };
    case 'paren':
    case 'unary':
      return { ...expr, expr: pin(expr.expr, timeMs) };
    case 'aggregate':
      return {
        ...expr,
        expr: pin(expr.expr, timeMs),
        param: expr.param && pin(expr.param, timeMs),
      };
    case 'binary':
      return { ...expr, left: pin(expr.left, timeMs), right: pin(expr.right, timeMs) };
    case 'call':
      return { ...expr, args: pinnedArgs(expr, timeMs) };
    default:
      return expr;
  }
}

/** The second argument of info() selects labels, at no time. */
function pinnedArgs({ name, args }: Extract<Expr, { kind: 'call' }>, timeMs: number): Expr[] {
  return args.map((arg, at) => (name === 'info' && at === 1 ? arg : pin(arg, timeMs)));
}
