// The trees that a real Prometheus 3.15 answered.
import { describe, expect, it } from 'vitest';
import { parseExpr } from './parser.ts';
import { treeOf } from './tree.ts';

const PLAIN = { offset: 0, offsetExpr: null, startOrEnd: null, timestamp: null };
const FOO = {
  anchored: false,
  matchers: [{ name: '__name__', type: '=', value: 'foo' }],
  name: 'foo',
  ...PLAIN,
  smoothed: false,
  type: 'vectorSelector',
};
const number = (val: string) => ({ type: 'numberLiteral', val });
const part = (val: string, duration: boolean) => ({ duration, ...number(val) });
const duration = (lhs: unknown, op: string, rhs: unknown, wrapped = false) => ({
  ...{ lhs, op, rhs, type: 'durationExpr', wrapped },
});
const STEP = duration(null, 'step', null);
const range = (rangeExpr: unknown) => ({
  ...FOO,
  range: 0,
  rangeExpr,
  type: 'matrixSelector',
});

const TREES: readonly (readonly [query: string, tree: unknown])[] = [
  ['1e9', number('1000000000')],
  ['1e-7', number('0.0000001')],
  ['1e21', number('1000000000000000000000')],
  ['Inf', number('+Inf')],
  ['"a"', { type: 'stringLiteral', val: 'a' }],
  ['-(foo)', { expr: { expr: FOO, type: 'parenExpr' }, op: '-', type: 'unaryExpr' }],
  ['{"foo"}', { ...FOO, name: '' }],
  ['foo @ start() offset -3m', { ...FOO, offset: -180_000, startOrEnd: 'start' }],
  ['foo @ 1e3 smoothed', { ...FOO, timestamp: 1_000_000, smoothed: true }],
  ['foo[90]', { ...range(null), range: 90_000 }],
  ['foo[5m * 2]', range(duration(part('300', true), '*', part('2', false)))],
  ['foo[-5m + 6m]', range(duration(part('-300', true), '+', part('360', true)))],
  ['foo[(5m)]', range(duration(null, '+', part('300', true), true))],
  ['foo[min_of(5m, step())]', range(duration(part('300', true), 'min_of', STEP))],
  ['foo offset (step()+1)', { ...FOO, offsetExpr: duration(STEP, '+', part('1', false), true) }],
  [
    'foo[5m:]',
    {
      ...PLAIN,
      ...{ expr: FOO, range: 300_000, rangeExpr: null, step: 0, stepExpr: null, type: 'subquery' },
    },
  ],
  [
    'topk without (a) (3, foo)',
    {
      ...{ expr: FOO, grouping: ['a'], op: 'topk', param: number('3') },
      ...{ type: 'aggregation', without: true },
    },
  ],
  [
    'foo == bool on (x) group_left (y) fill_right (2) foo',
    {
      bool: true,
      lhs: FOO,
      matching: {
        card: 'many-to-one',
        fillValues: { lhs: null, rhs: 2 },
        ...{ include: ['y'], labels: ['x'], on: true },
      },
      ...{ op: '==', rhs: FOO, type: 'binaryExpr' },
    },
  ],
  [
    'time() + 5m',
    {
      bool: false,
      lhs: {
        args: [],
        func: { argTypes: [], name: 'time', returnType: 'scalar', variadic: 0 },
        type: 'call',
      },
      ...{ matching: null, op: '+', rhs: number('300'), type: 'binaryExpr' },
    },
  ],
];

describe('treeOf()', () => {
  it.each(TREES)('shows %s', (query, tree) => {
    expect(treeOf(parseExpr(query))).toEqual(tree);
  });

  it('shows set operators as many to many', () => {
    expect(treeOf(parseExpr('foo and foo'))).toMatchObject({ matching: { card: 'many-to-many' } });
  });
});
