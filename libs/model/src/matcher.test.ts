// Matchers: Prometheus's meaning, and no wrong shortcut for patterns that look like literals.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex, createMatcher, type MatcherOp } from './matcher.ts';

const matches = (op: MatcherOp, pattern: string, value: string) =>
  createMatcher({ name: 'x', op, value: pattern }).matches(value);

describe('a matcher', () => {
  it.each([
    ['=', 'a', 'a', true],
    ['!=', 'a', '', true],
    ['=~', 'a|b', 'b', true],
    ['=~', 'a|b', 'ab', false],
    ['=~', '(?:a|b)', 'a', true],
    ['=~', '(?:a)|(?:b)', 'b', true],
    ['=~', '(a|b)c', 'bc', true],
    ['=~', 'a.*', 'a\nb', true],
    ['=~', '.*', '', true],
    ['=~', '.+', '', false],
    ['=~', 'a\\.b', 'a.b', true],
    ['=~', 'a\\.b', 'axb', false],
    ['=~', 'ab*', 'a', true],
    ['=~', 'ab?c', 'ac', true],
    ['=~', 'ab{0,1}c', 'ac', true],
    ['=~', '10\\.40\\.1\\..*', '10.40.1.7', true],
    ['=~', '10\\.40\\.1\\..*', '10.40.11', false],
    ['=~', '(?i)ABC', 'abc', true],
    ['=~', '', '', true],
    ['!~', '2..', '200', false],
    ['!~', '2..', '404', true],
  ] as const)('%s %s on %j is %s', (op, pattern, value, wanted) => {
    expect(matches(op, pattern, value)).toBe(wanted);
  });

  it.each(['a(', 'a)(b', 'a)*('])('refuses the bad expression %s, naming it', (pattern) => {
    expect(() => matches('=~', pattern, 'a')).toThrow(/error parsing regexp/);
  });

  it('never offers values or a prefix that miss a match', () => {
    const pattern = fc.stringMatching(/^[ab.*+?|()\\]{0,6}$/);
    const value = fc.stringMatching(/^[ab.\n]{0,4}$/);
    fc.assert(
      fc.property(pattern, value, (expression, candidate) => {
        let matcher: ReturnType<typeof createMatcher>;
        try {
          matcher = createMatcher({ name: 'x', op: '=~', value: expression });
        } catch {
          return; // not an expression
        }
        const wanted = compileRegex(expression).matches(candidate);
        expect(matcher.matches(candidate)).toBe(wanted);
        if (!wanted) return;
        if (matcher.values) expect(matcher.values).toContain(candidate);
        expect(candidate.startsWith(matcher.prefix)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
