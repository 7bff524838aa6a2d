// Folding of scalar expressions over literals.
import { arithmetic, comparison } from '../functions/elementwise.ts';
import type { ArithmeticOp, ComparisonOp } from '../parse/ast.ts';
import { isComparison } from '../parse/ast.ts';
import type { ScalarNode } from './nodes.ts';

/** The operator on two numbers; comparisons give 0 or 1. */
export function scalarOperator(op: ArithmeticOp | ComparisonOp): (a: number, b: number) => number {
  if (!isComparison(op)) return arithmetic(op);
  const holds = comparison(op);
  return (a, b) => (holds(a, b) ? 1 : 0);
}

export function foldScalar(node: ScalarNode): ScalarNode {
  const { steps } = node;
  if (node.kind === 'negate' && node.input.kind === 'number') {
    return { kind: 'number', value: -node.input.value, steps };
  }
  if (node.kind !== 'scalar-scalar') return node;
  const { left, right, op } = node;
  if (left.kind !== 'number' || right.kind !== 'number') return node;
  return { kind: 'number', value: scalarOperator(op)(left.value, right.value), steps };
}
