// Parsing: shapes, printing and back, positions and texts of errors, and text of any kind.
import { WeirError } from '@weir/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExpr } from './parser.ts';
import { printExpr } from './print.ts';

const QUERIES = [
  'a',
  '-a @ 100.000',
  'a + b offset 5m * c',
  '-1 ^ 2',
  '2 ^ -1 ^ 3',
  'a and b or c unless d',
  'sum by (a, "b.c") (x)',
  'sum without (a) (rate(x_total[5m]))',
  '{__name__="a.b",c="d"}',
  'a{b!="c",d=~"e|f",g!~"h.*"}[1h30m] @ end() offset -5m',
  'max_over_time(rate(a[5m])[1h:30s] @ start())',
  'a * on (x) group_left (y) b',
  'a == bool ignoring (z) c',
  'topk(3, a)',
  'count_values("v", a)',
  'label_replace(a, "dst", "$1", "src", "(.*)")',
  'histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))',
  '(a + (b))',
  'quantile_over_time(0.5, a[9d])',
  'vector(1e-05)',
  'a </ 5 >/ -1',
  'rate(a[5m * 2 + step()])',
  'a[min_of(5m, (1 + 2) * 1m):range() / -3] offset -step()',
  'a offset (1h / 2)',
  'rate(a[5m] anchored offset 1m)',
  'a smoothed @ end()',
  'a + fill (0) b',
  'a * on (x) group_left (y) fill_left (1) fill_right (-2) b',
  'info(a, {b=~".*"})',
  'max_of(start(), end() - step())',
];

describe('parseExpr', () => {
  it.each(QUERIES)('prints %s as it is and reads it again', (query) => {
    expect(printExpr(parseExpr(query))).toBe(query);
  });

  it('prints matchers in their order, and quoted names as conditions', () => {
    expect(printExpr(parseExpr('a{z="1",b=~"2"}'))).toBe('a{b=~"2",z="1"}');
    expect(printExpr(parseExpr('{"on", c="d"}'))).toBe('{__name__="on",c="d"}');
    expect(printExpr(parseExpr('{"b", "a"}'))).toBe('{__name__="a",__name__="b"}');
  });

  it('reads comments, hex, octal, underscores, trailing dots and raw strings', () => {
    expect(printExpr(parseExpr('a # x\n + # y\n 0x1F'))).toBe('a + 31');
    expect(printExpr(parseExpr('2. + 1_000 + 010'))).toBe('2 + 1000 + 8');
    expect(printExpr(parseExpr('count_values(`\\d`, a)'))).toBe('count_values("\\\\d", a)');
  });

  it('lets a postfix bind to the operand before it', () => {
    expect(parseExpr('a + b offset 5m * c')).toMatchObject({
      op: '+',
      right: { op: '*', left: { kind: 'vector-selector', offsetMs: 300_000 } },
    });
  });

  it.each([
    ['', 'unknown position: parse error: no expression found in input'],
    ['a[5m', '1:5: parse error: unclosed left bracket'],
    ['foo bar', '1:5: parse error: unexpected identifier "bar"'],
    ['a +\n b{c=}', '2:6: parse error: unexpected "}" in label matching, expected string'],
    ['nosuch(a)', '1:1: parse error: unknown function with name "nosuch"'],
    [
      'rate(a)',
      '1:6: parse error: expected type range vector in call to function "rate", got instant vector',
    ],
    ['1 > 2', '1:3: parse error: comparisons between scalars must use BOOL modifier'],
    ['a + bool b', '1:3: parse error: bool modifier can only be used on comparison operators'],
    ['a and 3', '1:1: parse error: set operator "and" not allowed in binary scalar expression'],
    ['{a=~".*"}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['rate(a[0s])', '1:8: parse error: duration must be greater than 0'],
    ['a offset 1m offset 2m', '1:1: parse error: offset may not be set multiple times'],
    ['(a + b)[5m]', '1:8: parse error: ranges only allowed for vector selectors'],
    ['clamp(a, 1)', '1:1: parse error: expected 3 argument(s) in call to "clamp", got 2'],
    ['a{__name__="b"}', '1:1: parse error: metric name must not be set twice: "a" or "b"'],
  ])('refuses %j', (query, message) => {
    expect(() => parseExpr(query)).toThrow(new WeirError('invalid', message));
  });

  it('refuses what nests too deep instead of overflowing the stack', () => {
    expect(() => parseExpr('('.repeat(50_000))).toThrow(/parse error/);
    expect(() => parseExpr(`${'-'.repeat(50_000)}a`)).toThrow(/parse error/);
    expect(() => parseExpr(`a${'+a'.repeat(20_000)}`)).not.toThrow(RangeError);
  });

  it('gives a tree that prints and reads back, or an invalid error, for any text', () => {
    const pieces = fc.constantFrom(
      ...'a b rate ( ) [ ] { } 5m 1 . , = =~ "x" \' ` + - * ^ by on sum offset @ : bool # \n \\ é'.split(
        ' ',
      ),
    );
    const mutated = fc
      .tuple(fc.constantFrom(...QUERIES), fc.nat(60), fc.nat(8), pieces)
      .map(([query, at, cut, piece]) => query.slice(0, at) + piece + query.slice(at + cut));
    const random = fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(fc.oneof(mutated, random, fc.string()), (query) => {
        try {
          const printed = printExpr(parseExpr(query));
          expect(printExpr(parseExpr(printed))).toBe(printed);
        } catch (error) {
          if (!(error instanceof WeirError)) throw error;
          expect(error.kind).toBe('invalid');
        }
      }),
      { numRuns: 3000 },
    );
  });
});
