// What is kept of queries: how many, and which.
import { describe, expect, it } from 'vitest';
import { ParsedQueries } from './parsed-queries.ts';

describe('parsed queries', () => {
  it('keep the tree of a query, and of 256 those asked last', () => {
    const parsed = new ParsedQueries();
    const first = parsed.parse('up');
    const second = parsed.parse('rate(a[5m])');
    for (let at = 0; at < 255; at++) {
      expect(parsed.parse('up')).toBe(first);
      parsed.parse(`a + ${at}`);
    }
    expect(parsed.parse('up')).toBe(first);
    expect(parsed.parse('rate(a[5m])')).not.toBe(second);
    expect(parsed.parse('rate(a[5m])')).toEqual(second);
  });

  it('keep no long ones', () => {
    const parsed = new ParsedQueries();
    const fits = `a${' '.repeat(4095)}`;
    expect(parsed.parse(fits)).toBe(parsed.parse(fits));
    const long = `${fits} `;
    expect(parsed.parse(long)).not.toBe(parsed.parse(long));
    expect(parsed.parse(long)).toEqual(parsed.parse('a'));
  });

  it('refuse the same query again and again', () => {
    const parsed = new ParsedQueries();
    for (let at = 0; at < 2; at++) expect(() => parsed.parse('sum(')).toThrow('parse error');
  });
});
