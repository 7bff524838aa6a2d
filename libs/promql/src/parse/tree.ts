// The syntax tree as Prometheus's parse_query shows it: objects with its names for kinds and fields, each field
// always there. Durations that are computed are shown as they are written, and count as 0.
import { signatureOf } from '../functions/signatures.ts';
import type { Binary, DurationExpr, Expr, Modifiers, VectorSelector } from './ast.ts';
import { formatNumber } from './literals.ts';
import { typeOf } from './types.ts';

export type TreeNode = Readonly<Record<string, unknown>>;

export function treeOf(expr: Expr): TreeNode {
  switch (expr.kind) {
    case 'number':
      return { type: 'numberLiteral', val: plainNumber(expr.value) };
    case 'string':
      return { type: 'stringLiteral', val: expr.value };
    case 'paren':
      return { expr: treeOf(expr.expr), type: 'parenExpr' };
    case 'unary':
      return { expr: treeOf(expr.expr), op: expr.op, type: 'unaryExpr' };
    case 'vector-selector':
      return { ...selectorTree(expr), type: 'vectorSelector' };
    case 'matrix-selector': {
      const { selector, rangeMs, rangeExpr } = expr;
      const range = { range: literal(rangeMs, rangeExpr), rangeExpr: durationTree(rangeExpr) };
      return { ...selectorTree(selector), ...range, type: 'matrixSelector' };
    }
    case 'subquery':
      return {
        expr: treeOf(expr.expr),
        ...modifiersTree(expr),
        range: literal(expr.rangeMs, expr.rangeExpr),
        rangeExpr: durationTree(expr.rangeExpr),
        step: literal(expr.stepMs, expr.stepExpr),
        stepExpr: durationTree(expr.stepExpr),
        type: 'subquery',
      };
    case 'aggregate':
      return {
        expr: treeOf(expr.expr),
        grouping: expr.grouping,
        op: expr.op,
        param: expr.param === undefined ? null : treeOf(expr.param),
        type: 'aggregation',
        without: expr.without,
      };
    case 'binary':
      return {
        bool: expr.returnBool,
        lhs: treeOf(expr.left),
        matching: matchingTree(expr),
        op: expr.op,
        rhs: treeOf(expr.right),
        type: 'binaryExpr',
      };
    case 'call': {
      const { args, variadic, returns } = signatureOf(expr.name)!;
      const func = { argTypes: args, name: expr.name, returnType: returns, variadic };
      return { args: expr.args.map(treeOf), func, type: 'call' };
    }
  }
}

function selectorTree(selector: VectorSelector): TreeNode {
  return {
    anchored: selector.extension === 'anchored',
    matchers: selector.matchers.map(({ name, op, value }) => ({ name, type: op, value })),
    name: selector.name,
    ...modifiersTree(selector),
    smoothed: selector.extension === 'smoothed',
  };
}

function modifiersTree({ offsetMs = 0, offsetExpr, at }: Modifiers): TreeNode {
  return {
    offset: literal(offsetMs, offsetExpr),
    offsetExpr: durationTree(offsetExpr),
    startOrEnd: typeof at === 'string' ? at : null,
    timestamp: typeof at === 'number' ? at : null,
  };
}

/** Only vectors are matched. */
function matchingTree({ left, right, matching }: Binary): TreeNode | null {
  if (typeOf(left) !== 'vector' || typeOf(right) !== 'vector') return null;
  const { card, fillLeft, fillRight, include, labels, on } = matching;
  const fillValues = { lhs: fillLeft ?? null, rhs: fillRight ?? null };
  return { card, fillValues, include, labels, on };
}

function numberTree(
  { duration, seconds }: Extract<DurationExpr, { kind: 'number' }>,
  sign: number,
): TreeNode {
  return { duration, type: 'numberLiteral', val: plainNumber(seconds * sign) };
}

/** All digits, without an exponent. */
function plainNumber(value: number): string {
  const text = formatNumber(value);
  const [mantissa, exponent] = text.split('e') as [string, string | undefined];
  if (exponent === undefined) return text;
  if (Number(exponent) > 0) return String(BigInt(value));
  const digits = mantissa.replace(/[-.]/g, '');
  return `${value < 0 ? '-' : ''}0.${'0'.repeat(-Number(exponent) - 1)}${digits}`;
}

const literal = (ms: number, expr: DurationExpr | undefined) => (expr === undefined ? ms : 0);

function durationTree(expr: DurationExpr | undefined, wrapped = false): TreeNode | null {
  const node = (op: string, lhs: DurationExpr | undefined, rhs: DurationExpr | undefined) => ({
    lhs: durationTree(lhs),
    op,
    rhs: durationTree(rhs),
    type: 'durationExpr',
    wrapped,
  });
  switch (expr?.kind) {
    case undefined:
      return null;
    case 'number': {
      const number = numberTree(expr, 1);
      return wrapped ? { lhs: null, op: '+', rhs: number, type: 'durationExpr', wrapped } : number;
    }
    case 'step':
    case 'range':
      return node(expr.kind, undefined, undefined);
    case 'sign':
      // The sign of a number is part of it.
      if (expr.of.kind === 'number') return numberTree(expr.of, expr.op === '-' ? -1 : 1);
      return node(expr.op, undefined, expr.of);
    case 'extreme':
      return node(expr.name, expr.left, expr.right);
    case 'binary':
      return node(expr.op, expr.left, expr.right);
    case 'paren':
      return durationTree(expr.of, true);
  }
}
