// Each experimental part of the language is refused where it stands, and the rest isn't.
import { describe, expect, it } from 'vitest';
import { refuseExperimental } from './experimental.ts';
import { parseExpr } from './parser.ts';

const check = (query: string) => refuseExperimental(parseExpr(query), query);

describe('refuseExperimental()', () => {
  it.each([
    ['a + info(b)', '1:5: parse error: function "info" is not enabled'],
    ['sum(limitk(1, a))', '1:5: parse error: limitk() is experimental and not enabled'],
    ['a + fill(0) b', '1:1: parse error: binop fill modifiers are experimental and not enabled'],
    ['rate(a[5m] anchored)', '1:6: parse error: anchored modifier is experimental and not enabled'],
    ['a smoothed', '1:1: parse error: smoothed modifier is experimental and not enabled'],
    ['start_timestamp(a)', '1:1: parse error: function "start_timestamp" is not enabled'],
  ])('refuses %j', (query, message) => {
    expect(() => check(query)).toThrow(message);
  });

  it('lets through what Prometheus 3.14 no longer calls experimental', () => {
    expect(() =>
      check('first_over_time(a[5m * 2:max_of(step(), 1m)] offset -step())'),
    ).not.toThrow();
  });

  it('lets everything else through', () => {
    expect(() => check('sum(rate(a[5m] offset -1m)) </ histogram_count(b @ end())')).not.toThrow();
  });
});
