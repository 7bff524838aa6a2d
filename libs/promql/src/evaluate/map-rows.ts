// Functions of each value of a vector, and operators between a vector and a scalar: in place, row by row.
import {
  arithmetic,
  comparison,
  DATE_FUNCTIONS,
  MATH_FUNCTIONS,
  roundTo,
} from '../functions/elementwise.ts';
import { isComparison } from '../parse/ast.ts';
import type { MapNode, VectorScalarNode } from '../plan/nodes.ts';
import type { Row } from './rows.ts';

/** What a map function does to a row; false when nothing is left. */
export function valueChange(node: MapNode, params: readonly Float64Array[]): (row: Row) => boolean {
  const simple = MATH_FUNCTIONS[node.name] ?? DATE_FUNCTIONS[node.name];
  if (simple !== undefined) return everyValue((value) => simple(value));
  switch (node.name) {
    case 'negate':
      return everyValue((value) => -value);
    case 'timestamp':
      return everyValue((_, step) => (node.steps.startMs + step * node.steps.stepMs) / 1000);
    case 'round':
      return everyValue((value, step) => roundTo(value, params[0]?.[step] ?? 1));
    case 'clamp_min':
      return everyValue((value, step) => goMax(value, params[0]![step]!));
    case 'clamp_max':
      return everyValue((value, step) => goMin(value, params[0]![step]!));
    case 'clamp':
      return clamp(params[0]!, params[1]!);
    default:
      throw new TypeError(`no such function: ${node.name}`);
  }
}

function everyValue(change: (value: number, step: number) => number): (row: Row) => boolean {
  return ({ v, p }) => {
    for (let step = 0; step < p.length; step++) {
      if (p[step] === 1) v[step] = change(v[step]!, step);
    }
    return true;
  };
}

function goMax(a: number, b: number): number {
  return Math.max(a, b);
}

function goMin(a: number, b: number): number {
  return Math.min(a, b);
}

/** Steps at which the lower bound is above the upper one have no result. */
function clamp(low: Float64Array, high: Float64Array): (row: Row) => boolean {
  return (row) => {
    const { v, p } = row;
    for (let step = 0; step < p.length; step++) {
      if (low[step]! > high[step]!) p[step] = 0;
      v[step] = goMax(low[step]!, goMin(high[step]!, v[step]!));
    }
    return !row.isEmpty();
  };
}

export function scalarChange(node: VectorScalarNode, scalar: Float64Array): (row: Row) => boolean {
  const { op, scalarLeft, returnBool } = node;
  if (!isComparison(op)) {
    const compute = arithmetic(op);
    return scalarLeft
      ? everyValue((value, step) => compute(scalar[step]!, value))
      : everyValue((value, step) => compute(value, scalar[step]!));
  }
  const compare = comparison(op);
  const holds = (value: number, step: number) =>
    scalarLeft ? compare(scalar[step]!, value) : compare(value, scalar[step]!);
  if (returnBool) return everyValue((value, step) => (holds(value, step) ? 1 : 0));
  return (row) => {
    const { v, p } = row;
    let any = false;
    for (let step = 0; step < p.length; step++) {
      if (p[step] === 0) continue;
      if (holds(v[step]!, step)) any = true;
      else p[step] = 0;
    }
    return any;
  };
}
