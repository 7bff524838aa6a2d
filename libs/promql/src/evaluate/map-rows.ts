// Functions of each value of a vector, and operators between a vector and a scalar: in place, row by row.
// Functions of floats leave native histograms out, those of histograms leave out floats.
import {
  arithmetic,
  comparison,
  DATE_FUNCTIONS,
  larger,
  MATH_FUNCTIONS,
  roundTo,
  smaller,
} from '../functions/elementwise.ts';
import { scaleHistogram } from '../histogram/arithmetic.ts';
import type { Histogram } from '../histogram/histogram.ts';
import { averageOf, varianceOf } from '../histogram/spread.ts';
import { isComparison, isTrim } from '../parse/ast.ts';
import type { MapNode, VectorScalarNode } from '../plan/nodes.ts';
import { operatorOnValues, setValue } from './binary-histograms.ts';
import { floatOperator } from './binary-rows.ts';
import type { Context } from './context.ts';
import { ABSENT, FLOAT, HISTOGRAM, type Row } from './rows.ts';

type RowChange = (row: Row) => boolean;

const HISTOGRAM_FUNCTIONS: Readonly<Record<string, (h: Histogram) => number>> = {
  histogram_count: (h) => h.count,
  histogram_sum: (h) => h.sum,
  histogram_avg: averageOf,
  histogram_stdvar: varianceOf,
  histogram_stddev: (h) => Math.sqrt(varianceOf(h)),
};

/** What a map function does to a row; false when nothing is left. */
export function valueChange(node: MapNode, params: readonly Float64Array[]): RowChange {
  // Of samples of storage alone: see the plan. What is computed has no start.
  if (node.name === 'start_timestamp') return () => false;
  const ofHistogram = HISTOGRAM_FUNCTIONS[node.name];
  if (ofHistogram !== undefined) return everyHistogram(ofHistogram);
  const floats = floatChange(node, params);
  return (row) => {
    if (row.h !== undefined) changeHistograms(node, row);
    return floats(row);
  };
}

function changeHistograms({ name, steps }: MapNode, row: Row): void {
  if (name === 'negate') mapHistograms(row, (h) => scaleHistogram(h, -1));
  else if (name === 'timestamp') {
    mapHistograms(row, (_, step) => (steps.startMs + step * steps.stepMs) / 1000);
  } else row.dropHistograms();
}

function mapHistograms(row: Row, change: (h: Histogram, step: number) => Histogram | number): void {
  for (let step = 0; step < row.p.length; step++) {
    if (row.p[step] === HISTOGRAM) setValue(row, step, change(row.h![step]!, step));
  }
}

function everyHistogram(of: (h: Histogram) => number): RowChange {
  return (row) => {
    if (row.h === undefined) return false;
    const { h, p, v } = row;
    for (let step = 0; step < p.length; step++) {
      if (p[step] !== HISTOGRAM) p[step] = ABSENT;
      else {
        v[step] = of(h[step]!);
        p[step] = FLOAT;
      }
    }
    row.h = undefined;
    return !row.isEmpty();
  };
}

function floatChange(node: MapNode, params: readonly Float64Array[]): RowChange {
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
      return everyValue((value, step) => larger(value, params[0]![step]!));
    case 'clamp_max':
      return everyValue((value, step) => smaller(value, params[0]![step]!));
    case 'clamp':
      return clamp(params[0]!, params[1]!);
    default:
      throw new TypeError(`no such function: ${node.name}`);
  }
}

function everyValue(change: (value: number, step: number) => number): RowChange {
  return (row) => {
    const { v, p } = row;
    for (let step = 0; step < p.length; step++) {
      if (p[step] === FLOAT) v[step] = change(v[step]!, step);
    }
    return !row.isEmpty();
  };
}

/** Steps at which the lower bound is above the upper one have no result. */
function clamp(low: Float64Array, high: Float64Array): RowChange {
  return (row) => {
    const { v, p } = row;
    for (let step = 0; step < p.length; step++) {
      if (low[step]! > high[step]!) p[step] = ABSENT;
      v[step] = larger(low[step]!, smaller(high[step]!, v[step]!));
    }
    return !row.isEmpty();
  };
}

export function scalarChange(
  node: VectorScalarNode,
  scalar: Float64Array,
  context: Context,
): RowChange {
  const mixed = mixedChange(node, scalar, context);
  if (isTrim(node.op)) return mixed;
  const floats = floatScalarChange(node, scalar);
  return (row) => (row.h === undefined ? floats(row) : mixed(row));
}

/** Rows with native histograms, and all rows of trims. */
function mixedChange(node: VectorScalarNode, scalar: Float64Array, context: Context): RowChange {
  const { op, scalarLeft, returnBool, span } = node;
  const operator = floatOperator(op, returnBool);
  // Of a filter the vector's value comes through, on whichever side it stands.
  const floats =
    operator && scalarLeft && isComparison(op) && !returnBool
      ? (left: number, right: number) => (operator(left, right) === undefined ? undefined : right)
      : operator;
  const { annotations } = context;
  const operate = operatorOnValues(op, returnBool, floats, {
    warn: (text) => annotations.warn(text, span),
    info: (text) => annotations.info(text, span),
  });
  return (row) => {
    const { p, v, h } = row;
    for (let step = 0; step < p.length; step++) {
      if (p[step] === ABSENT) continue;
      const value = p[step] === HISTOGRAM ? h![step]! : v[step]!;
      const other = scalar[step]!;
      setValue(row, step, scalarLeft ? operate(other, value) : operate(value, other));
    }
    return !row.isEmpty();
  };
}

function floatScalarChange(node: VectorScalarNode, scalar: Float64Array): RowChange {
  const { op, scalarLeft, returnBool } = node;
  if (isTrim(op)) throw new TypeError(`no such operator of floats: ${op}`);
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
      if (p[step] === ABSENT) continue;
      if (holds(v[step]!, step)) any = true;
      else p[step] = ABSENT;
    }
    return any;
  };
}
