// One row against another: float columns in one loop, steps with native histograms value by value.
import { arithmetic, comparison } from '../functions/elementwise.ts';
import { isComparison, isTrim, type ValueOp } from '../parse/ast.ts';
import type { VectorVectorNode } from '../plan/nodes.ts';
import { operatorOnValues, setValue, valueAt } from './binary-histograms.ts';
import { FLOAT, type Row } from './rows.ts';
import type { StepNotes } from './step-notes.ts';

/** Writes the result of "many" and "one" to `out`; false where no step has any. */
export type Apply = (many: Row, one: Row, out: Row) => boolean;

/** Filters, of which the left side's values come through, keep the metric name. */
export function dropsName(op: ValueOp, returnBool: boolean): boolean {
  return isComparison(op) ? returnBool : !isTrim(op);
}

/** `swapped`: "many" is the right side. */
export function operatorOver(node: VectorVectorNode, swapped: boolean, notes: StepNotes): Apply {
  const { op } = node;
  const mixed = valueByValue(node, swapped, notes);
  if (isTrim(op)) return mixed;
  const floats = isComparison(op)
    ? comparing(node, comparison(op), swapped)
    : computing(arithmetic(op), swapped);
  return (many, one, out) => {
    out.h = undefined;
    if (many.h !== undefined || one.h !== undefined) return mixed(many, one, out);
    return floats(many, one, out);
  };
}

function computing(compute: (a: number, b: number) => number, swapped: boolean): Apply {
  return (many, one, out) => {
    let any = false;
    for (let step = 0; step < out.p.length; step++) {
      out.p[step] = many.p[step]! & one.p[step]!;
      if (out.p[step] === 0) continue;
      const [a, b] = [many.v[step]!, one.v[step]!];
      out.v[step] = swapped ? compute(b, a) : compute(a, b);
      any = true;
    }
    return any;
  };
}

function comparing(
  { returnBool }: VectorVectorNode,
  holds: (a: number, b: number) => boolean,
  swapped: boolean,
): Apply {
  return (many, one, out) => {
    let any = false;
    for (let step = 0; step < out.p.length; step++) {
      out.p[step] = many.p[step]! & one.p[step]!;
      if (out.p[step] === 0) continue;
      const left = swapped ? one.v[step]! : many.v[step]!;
      const right = swapped ? many.v[step]! : one.v[step]!;
      const kept = holds(left, right);
      if (returnBool) out.v[step] = kept ? 1 : 0;
      else {
        out.v[step] = left;
        out.p[step] = kept ? FLOAT : 0;
      }
      if (out.p[step] === FLOAT) any = true;
    }
    return any;
  };
}

function valueByValue(node: VectorVectorNode, swapped: boolean, notes: StepNotes): Apply {
  const { op, returnBool } = node;
  const operate = operatorOnValues(op, returnBool, floatOperator(op, returnBool), notes);
  return (many, one, out) => {
    out.h = undefined;
    const [left, right] = swapped ? [one, many] : [many, one];
    for (let step = 0; step < out.p.length; step++) {
      notes.step = step;
      const [a, b] = [valueAt(left, step), valueAt(right, step)];
      setValue(out, step, a === undefined || b === undefined ? undefined : operate(a, b));
    }
    return !out.isEmpty();
  };
}

/** The operator between two floats, a filter giving its left side or nothing; trims have none. */
export function floatOperator(
  op: ValueOp,
  returnBool: boolean,
): ((left: number, right: number) => number | undefined) | undefined {
  if (isTrim(op)) return undefined;
  if (!isComparison(op)) return arithmetic(op);
  const holds = comparison(op);
  if (returnBool) return (left, right) => (holds(left, right) ? 1 : 0);
  return (left, right) => (holds(left, right) ? left : undefined);
}
