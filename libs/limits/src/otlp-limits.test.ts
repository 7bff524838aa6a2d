// Which translation strategy holds, and which settings contradict each other.
import { describe, expect, it } from 'vitest';
import { otlpStrategyOf } from './otlp-limits.ts';

describe('otlpStrategyOf', () => {
  it.each([
    ['legacy', true, '', 'UnderscoreEscapingWithSuffixes'],
    ['legacy', false, '', 'UnderscoreEscapingWithoutSuffixes'],
    ['utf8', true, '', 'NoUTF8EscapingWithSuffixes'],
    ['utf8', false, '', 'NoTranslation'],
    ['utf8', false, 'UnderscoreEscapingWithSuffixes', 'UnderscoreEscapingWithSuffixes'],
    ['utf8', true, 'NoUTF8EscapingWithSuffixes', 'NoUTF8EscapingWithSuffixes'],
    ['legacy', false, 'UnderscoreEscapingWithoutSuffixes', 'UnderscoreEscapingWithoutSuffixes'],
  ])('%s, suffixes %s, "%s": %s', (nameValidationScheme, otelSuffixes, otelStrategy, expected) => {
    expect(otlpStrategyOf({ nameValidationScheme, otelSuffixes, otelStrategy })).toBe(expected);
  });

  it.each([
    ['legacy', false, 'NoTranslation', /needs name_validation_scheme utf8/],
    ['legacy', false, 'NoUTF8EscapingWithSuffixes', /needs name_validation_scheme utf8/],
    ['utf8', true, 'NoTranslation', /contradicts otel_metric_suffixes_enabled/],
    ['utf8', true, 'UnderscoreEscapingWithoutSuffixes', /contradicts/],
    ['utf8', false, 'nothing', /is not one of/],
  ])(
    '%s, suffixes %s, "%s" is refused',
    (nameValidationScheme, otelSuffixes, otelStrategy, text) => {
      const limits = { nameValidationScheme, otelSuffixes, otelStrategy };
      expect(() => otlpStrategyOf(limits)).toThrow(text);
    },
  );
});
