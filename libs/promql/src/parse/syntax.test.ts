// Refusals of the parser, in Prometheus's words: a table of its own answers, and what a table line can't hold.
import { WeirError } from '@weir/errors';
import { describe, expect, it } from 'vitest';
import { parseExpr } from './parser.ts';
import { REFUSED, TAKEN } from './refused-fixture.ts';

function refusalOf(query: string): string {
  try {
    parseExpr(query);
  } catch (error) {
    if (!(error instanceof WeirError) || error.kind !== 'invalid') throw error;
    return error.message;
  }
  return 'taken';
}

describe('the parser', () => {
  it(`refuses ${REFUSED.length} expressions as Prometheus does`, () => {
    expect(REFUSED.length).toBeGreaterThan(300);
    const answers = REFUSED.map(({ query }) => ({ query, message: refusalOf(query) }));
    expect(answers).toEqual(REFUSED);
  });

  it('takes what Prometheus takes', () => {
    expect(TAKEN.filter((query) => refusalOf(query) !== 'taken')).toEqual([]);
  });

  it.each([
    ['', 'unknown position: parse error: no expression found in input'],
    [' ', '1:1: parse error: no expression found in input'],
    ['# only a comment', '1:1: parse error: no expression found in input'],
    ['1 +', '1:4: parse error: unexpected end of input'],
    ['a +\n\n  \nb{c=}', '4:5: parse error: unexpected "}" in label matching, expected string'],
    ['a + # x\n', '2:1: parse error: unexpected end of input'],
    ['"a\nb"', '1:1: parse error: unterminated quoted string'],
    ['`abc', '1:1: parse error: unterminated raw string'],
    ['a\u00a0b', "1:2: parse error: unexpected character: '\\u00a0'"],
    ['a\u0000b', "1:2: parse error: unexpected character: '\\x00'"],
    ['ü', "1:1: parse error: unexpected character: 'ü'"],
    ['{a="ü"} b', '1:10: parse error: unexpected identifier "b"'],
    ['{a="😀"} b', '1:12: parse error: unexpected identifier "b"'],
    ['{a=~"("}', '1:2: parse error: error parsing regexp: missing closing ): `(`'],
    ['a "abcdefghijklmnop"', '1:3: parse error: unexpected string "\\"abcdefghi"...'],
    ['a 12345678901234', '1:3: parse error: unexpected number "1234567890"...'],
    ['a BY (b)', '1:3: parse error: unexpected <BY>'],
    ['5.5m', '1:1: parse error: unknown unit "." in duration "5.5m"'],
    [
      '1e1000',
      '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e1000": value out of range',
    ],
    ['300y', '1:1: parse error: duration out of range'],
    ['sum(a, *b)', '1:6: parse error: trailing commas not allowed in function call args'],
    [
      'a[5m:*]',
      '1:6: parse error: unexpected <op:*> in subquery selector, expected number, duration, step(), range(), or "]"',
    ],
    ['a[5m:1m] anchored', '1:1: parse error: anchored modifier is not supported for subqueries'],
    ['a offset 5m offset 3m b', '1:1: parse error: offset may not be set multiple times'],
    ['nosuch(a) b', '1:1: parse error: unknown function with name "nosuch"'],
    ['nosuch(a b)', '1:10: parse error: unexpected identifier "b"'],
  ])('refuses %j: %s', (query, message) => {
    expect(refusalOf(query)).toBe(message);
  });
});
