// Lists of anything: as JSON on the command line, as they are in YAML.
import { describe, expect, it } from 'vitest';
import { defineFlags } from './flag.ts';
import { parseConfig } from './parse.ts';
import { printConfig } from './print.ts';

const modules = {
  test: defineFlags({
    rules: { kind: 'list', flag: 'rules', yaml: 'test.rules', default: [], help: 'Rules.' },
  }),
};

const parse = (argv: string[], file = '') =>
  parseConfig(modules, { argv, env: {}, readFile: () => file }).settings;

describe('a list', () => {
  it('is JSON on the command line', () => {
    expect(parse(['-rules=[{"a":1},"b"]']).test.rules).toEqual([{ a: 1 }, 'b']);
    expect(parse(['-rules=']).test.rules).toEqual([]);
    expect(parse([]).test.rules).toEqual([]);
  });

  it('is what YAML says, and printed so', () => {
    const settings = parse(['-config.file=x'], 'test:\n  rules:\n    - a: 1\n');
    expect(settings.test.rules).toEqual([{ a: 1 }]);
    expect(printConfig(modules, settings)).toBe('test:\n  rules:\n    - a: 1\n');
  });

  it.each(['{"a":1}', 'x', '[1'])('is not %s', (text) => {
    expect(() => parse([`-rules=${text}`])).toThrow(/a list, as JSON, is needed/);
  });
});
