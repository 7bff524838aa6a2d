// Matchers: Prometheus's meaning, and no wrong shortcut for patterns that look like literals.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex, createMatcher, type MatcherOp } from './matcher.ts';
import { plainPattern } from './plain-pattern.ts';

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

  it.each([
    ['^foo.*$', 'foo', undefined],
    ['a|b|\\.', '', ['a', 'b', '.']],
    ['(GET|POST)', '', ['GET', 'POST']],
    ['10\\.40\\.1\\..*', '10.40.1.', undefined],
    ['5..|50[0-9]{2}', '5', undefined],
    ['.*-prod-.+|prod', '', undefined],
    ['colou?r', 'colo', ['colour', 'color']],
  ] as const)('%s needs no RE2', (expression, prefix, values) => {
    expect(plainPattern(expression)).toMatchObject({ prefix, values });
  });

  it('has the values of as many alternatives as a dashboard selects', () => {
    const values = Array.from({ length: 20_000 }, (_, at) => `pod-${at}`);
    expect(plainPattern(`(${values.join('|')})`)?.values).toEqual(values);
  });

  it.each(['a(', 'a)(b', 'a)*('])('refuses the bad expression %s, naming it', (pattern) => {
    expect(() => matches('=~', pattern, 'a')).toThrow(/error parsing regexp/);
  });

  const piece = fc.constantFrom(
    ...[
      'a',
      'b',
      'K',
      'é',
      '\u{1f600}',
      '.',
      '.*',
      '.+',
      '.*?',
      '?',
      '??',
      '*',
      '+',
      '|',
      '(',
      '(?:',
      ')',
      '^',
      '$',
    ],
    ...[
      '\\.',
      '\\d',
      '\\-',
      '\\_',
      '\\n',
      '\\',
      '[ab]',
      '[a-c.-]',
      '[0-9]{2}',
      '.{3}',
      '[b-a]',
      '[^a]',
      '[a-',
      '{2}',
      '(?i)',
    ],
    ...[
      '(?s)',
      '(?-s)',
      '(a|b.)',
      '(?:x|)?',
      ']',
      '}',
      '{',
      '-',
      'a-b',
      '\n',
      '(?i:a)',
      '[a-b-c]',
      '[-a]',
      '[0-9]+',
    ],
  );
  const pieces = fc.array(piece, { maxLength: 7 }).map((some) => some.join(''));
  const expressions = fc.oneof(fc.stringMatching(/^[ab.*+?|()\\]{0,6}$/), pieces);
  const character = fc.constantFrom(
    'a',
    'b',
    'A',
    'k',
    'K',
    'é',
    '\u{1f600}',
    '.',
    '\n',
    '0',
    '1',
    '-',
    '_',
    'x',
  );
  const candidates = fc.array(character, { maxLength: 6 }).map((some) => some.join(''));

  it('never offers values or a prefix that miss a match', () => {
    fc.assert(
      fc.property(expressions, candidates, (expression, candidate) => {
        let matcher: ReturnType<typeof createMatcher>;
        try {
          matcher = createMatcher({ name: 'x', op: '=~', value: expression });
        } catch {
          expect(() => compileRegex(expression)).toThrow();
          return;
        }
        const wanted = compileRegex(expression).matches(candidate);
        expect(matcher.matches(candidate)).toBe(wanted);
        if (!wanted) return;
        if (matcher.values) expect(matcher.values).toContain(candidate);
        expect(candidate.startsWith(matcher.prefix)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });
});
