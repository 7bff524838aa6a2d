// Walks over syntax trees: children, search, and change from the leaves up.
import type { Expr } from './ast.ts';

export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'paren':
    case 'unary':
    case 'subquery':
      return [expr.expr];
    case 'aggregate':
      return expr.param ? [expr.param, expr.expr] : [expr.expr];
    case 'binary':
      return [expr.left, expr.right];
    case 'call':
      return expr.args;
    default:
      return [];
  }
}

/** Whether the test holds anywhere in the tree. */
export function someExpr(expr: Expr, test: (node: Expr) => boolean): boolean {
  return test(expr) || childrenOf(expr).some((child) => someExpr(child, test));
}

/** A tree in which every node has been changed, its children before it. */
export function mapExpr(expr: Expr, change: (node: Expr) => Expr): Expr {
  const inner = (child: Expr) => mapExpr(child, change);
  switch (expr.kind) {
    case 'paren':
    case 'unary':
    case 'subquery':
      return change({ ...expr, expr: inner(expr.expr) });
    case 'aggregate':
      return change({ ...expr, expr: inner(expr.expr), param: expr.param && inner(expr.param) });
    case 'binary':
      return change({ ...expr, left: inner(expr.left), right: inner(expr.right) });
    case 'call':
      return change({ ...expr, args: expr.args.map(inner) });
    default:
      return change(expr);
  }
}
