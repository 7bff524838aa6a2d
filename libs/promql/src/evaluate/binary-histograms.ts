// Binary operators where at least one side is a native histogram, and the trim operators, which want one
// on their left. What has no meaning gives no result and a note.
import {
  addHistograms,
  divideHistogram,
  equalHistograms,
  scaleHistogram,
  subtractHistograms,
} from '../histogram/arithmetic.ts';
import type { Histogram } from '../histogram/histogram.ts';
import { trimHistogram } from '../histogram/trim.ts';
import type { ValueOp } from '../parse/ast.ts';
import * as texts from './annotation-texts.ts';
import { ABSENT, FLOAT, HISTOGRAM, type Row } from './rows.ts';
import type { ValueNotes } from './step-notes.ts';

export type Value = number | Histogram;

/** A result, or undefined where there is none. */
export type ValueOperator = (left: Value, right: Value) => Value | undefined;

/** `floats` does what the operator does between floats. */
export function operatorOnValues(
  op: ValueOp,
  returnBool: boolean,
  floats: ((left: number, right: number) => number | undefined) | undefined,
  notes: ValueNotes,
): ValueOperator {
  const incompatible = (left: Value, right: Value) => {
    notes.info(texts.incompatibleTypes(kindOf(left), op, kindOf(right)));
    return undefined;
  };
  return (left, right) => {
    if (typeof left === 'number') {
      if (typeof right === 'number')
        return floats ? floats(left, right) : incompatible(left, right);
      return op === '*' ? scaleHistogram(right, left) : incompatible(left, right);
    }
    if (typeof right === 'number') return withNumber(left, op, right) ?? incompatible(left, right);
    switch (op) {
      case '+':
      case '-':
        return combined(left, op, right, notes);
      case '==':
      case '!=': {
        const holds = equalHistograms(left, right) === (op === '==');
        if (returnBool) return holds ? 1 : 0;
        return holds ? left : undefined;
      }
      default:
        return incompatible(left, right);
    }
  };
}

function kindOf(value: Value): string {
  return typeof value === 'number' ? 'float' : 'histogram';
}

function withNumber(h: Histogram, op: ValueOp, by: number): Histogram | undefined {
  switch (op) {
    case '*':
      return scaleHistogram(h, by);
    case '/':
      return divideHistogram(h, by);
    case '</':
      return trimHistogram(h, 'upper', by);
    case '>/':
      return trimHistogram(h, 'lower', by);
    default:
      return undefined;
  }
}

function combined(
  left: Histogram,
  op: '+' | '-',
  right: Histogram,
  notes: ValueNotes,
): Histogram | undefined {
  const result = op === '+' ? addHistograms(left, right) : subtractHistograms(left, right);
  if (result === undefined) {
    notes.warn(texts.incompatibleBuckets(op));
    return undefined;
  }
  const operation = op === '+' ? 'addition' : 'subtraction';
  if (result.collision) notes.warn(texts.conflictingResets(operation));
  if (result.reconciled) notes.info(texts.reconciledBounds(operation));
  return result.histogram;
}

export function valueAt(row: Row, step: number): Value | undefined {
  if (row.p[step] === ABSENT) return undefined;
  return row.p[step] === HISTOGRAM ? row.h![step] : row.v[step];
}

export function setValue(row: Row, step: number, value: Value | undefined): void {
  if (value === undefined) row.p[step] = ABSENT;
  else if (typeof value === 'number') {
    row.v[step] = value;
    row.p[step] = FLOAT;
  } else row.setHistogram(step, value);
}
