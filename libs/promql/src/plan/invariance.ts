// Which expressions have the same value at every step: those whose selectors are all pinned by `@` and
// that don't ask for the time.

import { DATE_FUNCTIONS } from '../functions/elementwise.ts';
import type { Expr } from '../parse/ast.ts';
import { unwrap } from '../parse/ast.ts';
import { infoTimes } from './info-times.ts';

export function isStepInvariant(expr: Expr): boolean {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return true;
    case 'vector-selector':
    case 'subquery':
      return expr.at !== undefined;
    case 'matrix-selector':
      return expr.selector.at !== undefined;
    case 'paren':
    case 'unary':
      return isStepInvariant(expr.expr);
    case 'aggregate':
      // Whatever its parameter is: Prometheus takes that of the first step then.
      return isStepInvariant(expr.expr);
    case 'binary':
      return isStepInvariant(expr.left) && isStepInvariant(expr.right);
    case 'call':
      return callIsInvariant(expr.name, expr.args);
  }
}

/** Of the query, whatever the step. */
const CONSTANTS: ReadonlySet<string> = new Set(['pi', 'start', 'end', 'step', 'range']);

function callIsInvariant(name: string, args: readonly Expr[]): boolean {
  if (CONSTANTS.has(name)) return true;
  if (name === 'time' || (args.length === 0 && name in DATE_FUNCTIONS)) return false;
  if (name === 'predict_linear') return false; // predicts from the evaluation time
  if (name === 'timestamp' && unwrap(args[0]!).kind !== 'vector-selector') return false;
  // info()'s second argument selects labels, not series; what it looks up changes unless its time is given.
  if (name === 'info') return isStepInvariant(args[0]!) && infoTimes(args[0]!).at !== undefined;
  return args.every(isStepInvariant);
}
