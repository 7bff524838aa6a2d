// What the grammar lacks is rewritten in place, and only where it is code.
import { describe, expect, it } from 'vitest';
import { masked } from './masking.ts';
import { parseExpr } from './parser.ts';
import { printExpr } from './print.ts';

describe('masked()', () => {
  it('keeps every position', () => {
    for (const query of ['2. + x{a="2."}', 'max_of(1, 2.)', 'x[min_of(1m, 2m)] # 2.']) {
      expect(masked(query)).toHaveLength(query.length);
    }
  });

  it('rewrites numbers that end in a dot, but no text', () => {
    expect(masked('2. + x{a="2."} # 2.')).toBe('02 + x{a="2."} # 2.');
  });

  it('tells min_of() in a duration from the function', () => {
    expect(masked('min_of(1, max_of(2, 3))')).toBe('minute(1, minute(2, 3))');
    expect(masked('rate(x[min_of(1m, 2m)]) > MIN_OF (1, 2)')).toBe(
      'rate(x[min_of(1m, 2m)]) > minute (1, 2)',
    );
    expect(masked('x offset -min_of(1m, step()) + min_of(1, 2)')).toBe(
      'x offset -min_of(1m, step()) + minute(1, 2)',
    );
    expect(masked('x offset (min_of(1m, 2m)) + min_of(1, 2)')).toBe(
      'x offset (min_of(1m, 2m)) + minute(1, 2)',
    );
    expect(masked('sum by (min_of) (min_of)')).toBe('sum by (min_of) (min_of)');
  });

  it('tells a metric that is called offset from the modifier', () => {
    const queries = {
      'offset offset 5m': 'metric offset 5m',
      'rate(OFFSET[5m] offset 1m)': 'rate(metric[5m] offset 1m)',
      'a + on(b) offset offset 1m': 'a + on(b) metric offset 1m',
      'a{b="c"} offset 5m - offset{b="offset"}': 'a{b="c"} offset 5m - metric{b="offset"}',
      '(a) offset 1m and offset # offset': '(a) offset 1m and metric # offset',
    };
    for (const [query, text] of Object.entries(queries)) expect(masked(query)).toBe(text);
    expect(printExpr(parseExpr('sum by (offset) (offset{offset="x"} offset 5m)'))).toBe(
      'sum by (offset) (offset{offset="x"} offset 5m)',
    );
  });

  it('leaves names as they are written', () => {
    expect(printExpr(parseExpr('Min_Of(1, max_of(2., 3))'))).toBe('min_of(1, max_of(2, 3))');
  });
});
