// Names of metrics, units and labels: a table for each strategy.
import { describe, expect, it } from 'vitest';
import { labelName } from './label-names.ts';
import { metricName, metricUnit, type NamedKind } from './metric-names.ts';
import { TRANSLATION } from './otlp-fixture.ts';
import { OTLP_STRATEGIES } from './translation.ts';

describe('metricName', () => {
  const [ESCAPED_SUFFIXED, ESCAPED, SUFFIXED, UNTOUCHED] = OTLP_STRATEGIES;

  it.each<[string, string, NamedKind, string, string, string]>([
    // name, unit, kind, escaped with suffixes, escaped without, only suffixes
    ['a.b', 's', 'other', 'a_b_seconds', 'a_b', 'a.b_seconds'],
    ['a.b', '', 'counter', 'a_b_total', 'a_b', 'a.b_total'],
    ['a.total.b', '', 'counter', 'a_b_total', 'a_total_b', 'a.total.b_total'],
    ['a_total', 'By', 'counter', 'a_bytes_total', 'a_total', 'a_bytes_total'],
    ['a.seconds', 's', 'gauge', 'a_seconds', 'a_seconds', 'a.seconds'],
    ['a__b', '', 'gauge', 'a_b', 'a__b', 'a__b'],
    ['_a', '', 'gauge', 'a', '_a', '_a'],
    ['a', '1', 'gauge', 'a_ratio', 'a', 'a_ratio'],
    ['a.ratio.b', '1', 'gauge', 'a_b_ratio', 'a_ratio_b', 'a.ratio.b_ratio'],
    ['a_ratio', '1', 'gauge', 'a_ratio', 'a_ratio', 'a_ratio'],
    ['a', '1', 'counter', 'a_total', 'a', 'a_total'],
    ['a', '1', 'other', 'a', 'a', 'a'],
    ['a', 'By/s', 'gauge', 'a_bytes_per_second', 'a', 'a_bytes_per_second'],
    ['a.bytes', 'By/s', 'gauge', 'a_bytes_per_second', 'a_bytes', 'a.bytes_per_second'],
    ['a', '1/s', 'counter', 'a_per_second_total', 'a', 'a_per_second_total'],
    ['a', '{request}/s', 'gauge', 'a_per_second', 'a', 'a_per_second'],
    ['a', '{request}', 'gauge', 'a', 'a', 'a'],
    ['a', 's/{call}', 'gauge', 'a_seconds', 'a', 'a_seconds'],
    ['a', 'm/h', 'gauge', 'a_meters_per_hour', 'a', 'a_meters_per_hour'],
    ['a', '%', 'gauge', 'a_percent', 'a', 'a_percent'],
    ['a', 'Cel', 'gauge', 'a_celsius', 'a', 'a_celsius'],
    ['a', 'parsec', 'gauge', 'a_parsec', 'a', 'a_parsec'],
    ['a', 'foo bar', 'gauge', 'a_foo_bar', 'a', 'a_foo bar'],
    ['a', 's/#', 'gauge', 'a_seconds', 'a', 'a_seconds_per_#'],
    ['3d', '', 'gauge', '_3d', '_3d', '3d'],
    ['a:b', '', 'gauge', 'a:b', 'a:b', 'a:b'],
    ['größe', '', 'gauge', 'gr_e', 'gr_e', 'größe'],
  ])('%s [%s] as %s', (name, unit, kind, escapedSuffixed, escaped, suffixed) => {
    const metric = { name, unit, kind };
    expect(metricName(metric, ESCAPED_SUFFIXED)).toBe(escapedSuffixed);
    expect(metricName(metric, ESCAPED)).toBe(escaped);
    expect(metricName(metric, SUFFIXED)).toBe(suffixed);
    expect(metricName(metric, UNTOUCHED)).toBe(name);
  });

  it('is undefined where nothing valid is left', () => {
    for (const strategy of OTLP_STRATEGIES) {
      expect(metricName({ name: '', unit: '', kind: 'other' }, strategy)).toBeUndefined();
    }
    for (const strategy of [ESCAPED_SUFFIXED, ESCAPED]) {
      expect(metricName({ name: 'ß', unit: '', kind: 'other' }, strategy)).toBeUndefined();
    }
    expect(metricName({ name: '_', unit: '', kind: 'other' }, ESCAPED)).toBe('_');
  });

  it.each([
    ['s', 'seconds', 'seconds'],
    ['By/s', 'bytes_per_second', 'bytes_per_second'],
    ['1', '', ''],
    ['{x}', '', ''],
    ['foo bar', 'foo_bar', 'foo bar'],
  ])('has the unit %s', (unit, escaped, untouched) => {
    expect(metricUnit(unit, 'UnderscoreEscapingWithSuffixes')).toBe(escaped);
    expect(metricUnit(unit, 'NoTranslation')).toBe(untouched);
  });
});

describe('labelName', () => {
  it.each([
    ['a.b', 'a_b', 'a_b'],
    ['A:b', 'A_b', 'A_b'],
    ['a..b', 'a__b', 'a_b'],
    ['1a', 'key_1a', 'key_1a'],
    ['_a', 'key_a', 'key_a'],
    ['__a', '__a', 'key_a'],
    ['__a.b__', '__a_b__', '__a_b__'],
    ['größe', 'gr__e', 'gr_e'],
    ['a😀b', 'a_b', 'a_b'],
  ])('%s', (key, kept, collapsed) => {
    expect(labelName(key, TRANSLATION)).toBe(kept);
    expect(labelName(key, { ...TRANSLATION, underscoresKept: false })).toBe(collapsed);
    expect(labelName(key, { ...TRANSLATION, strategy: 'NoTranslation' })).toBe(key);
  });

  it('keeps a leading underscore where the tenant wants that', () => {
    expect(labelName('_a', { ...TRANSLATION, keyPrefixed: false })).toBe('_a');
  });

  it.each(['', '_', '___', 'ß'])('is undefined for %s', (key) => {
    const kept = key === 'ß' ? 'key_' : undefined;
    expect(labelName(key, TRANSLATION)).toBe(key === '_' ? 'key_' : kept);
    expect(labelName(key, { ...TRANSLATION, keyPrefixed: false })).toBeUndefined();
  });
});
