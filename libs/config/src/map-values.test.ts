// Settings that are maps: names with texts, as the command line and YAML write them.
import { describe, expect, it } from 'vitest';
import type { Flag } from './flag.ts';
import { printConfig, printHelp } from './print.ts';
import { parseText, parseYamlValue } from './value.ts';

const flag = {
  kind: 'map',
  flag: 'trackers',
  yaml: 'limits.trackers',
  default: {},
  help: 'Trackers.',
} as const satisfies Flag<'map'>;

describe('a map', () => {
  it.each([
    ['', {}],
    ['a:b', { a: 'b' }],
    [' a : {b="c:d"} ; e:f ;', { a: '{b="c:d"}', e: 'f' }],
    ['a:{b="x;\\";y"};c:{d=\'e;f\'}', { a: '{b="x;\\";y"}', c: "{d='e;f'}" }],
  ])('is read from %j', (text, wanted) => {
    expect(parseText(flag, text)).toEqual(wanted);
  });

  it.each(['a', ':b', 'a:b;c', 'a:b;a:c'])('is not read from %j', (text) => {
    expect(() => parseText(flag, text)).toThrow(/name:text/);
  });

  it('is a mapping of texts in YAML, or the same text', () => {
    expect(parseYamlValue(flag, { a: '{b="c"}' })).toEqual({ a: '{b="c"}' });
    expect(parseYamlValue(flag, 'a:b')).toEqual({ a: 'b' });
    expect(parseYamlValue(flag, null)).toEqual({});
    for (const bad of [{ a: 1 }, { a: { b: 'c' } }, ['a:b'], 7]) {
      expect(() => parseYamlValue(flag, bad)).toThrow(/not valid for -trackers/);
    }
  });

  it('is printed as it can be read', () => {
    const modules = { limits: { trackers: flag } };
    const settings = { limits: { trackers: { a: '{b="c"}' } } };
    expect(printConfig(modules, settings, 'diff')).toBe(
      'limits:\n  trackers:\n    a: \'{b="c"}\'\n',
    );
    expect(printConfig(modules, { limits: { trackers: {} } }, 'diff')).toBe('{}\n');
    expect(printHelp(modules, { all: true })).toContain('-trackers map\n    \tTrackers.\n');
  });
});
