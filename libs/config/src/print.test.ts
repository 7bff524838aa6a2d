// What /config and -help show.
import { describe, expect, it } from 'vitest';
import { defineFlags } from './flag.ts';
import { parseConfig } from './parse.ts';
import { printConfig, printHelp } from './print.ts';

const modules = {
  a: defineFlags({
    port: { kind: 'int', flag: 'a.port', yaml: 'a.port', default: 80, help: 'The port.' },
    everyMs: {
      kind: 'duration',
      flag: 'a.every',
      yaml: 'a.every',
      default: 60_000,
      help: 'How often.',
    },
    key: { kind: 'string', flag: 'a.key', yaml: 'a.key', default: '', help: 'Key.', secret: true },
    deep: {
      kind: 'bool',
      flag: 'a.deep',
      yaml: 'a.b.deep',
      default: false,
      help: 'Deep.',
      advanced: true,
    },
  }),
};

const settingsFor = (...argv: string[]) =>
  parseConfig(modules, { argv, env: {}, readFile: () => '' }).settings;

describe('printConfig', () => {
  it('prints every value, masking secrets', () => {
    expect(printConfig(modules, settingsFor('-a.key=hush', '-a.port=81'))).toBe(
      'a:\n  port: 81\n  every: 1m0s\n  key: "********"\n  b:\n    deep: false\n',
    );
  });

  it('prints differences only, or defaults only', () => {
    const settings = settingsFor('-a.every=90s');
    expect(printConfig(modules, settings, 'diff')).toBe('a:\n  every: 1m30s\n');
    expect(printConfig(modules, settingsFor(), 'diff')).toBe('{}\n');
    expect(printConfig(modules, settings, 'defaults')).toContain('every: 1m0s\n');
  });

  it('prints what the configuration file may hold', () => {
    const settings = settingsFor('-a.every=90s', '-a.port=1', '-a.deep');
    const yaml = printConfig(modules, settings);
    const argv = ['-config.file=x'];
    expect(parseConfig(modules, { argv, env: {}, readFile: () => yaml }).settings).toEqual(
      settings,
    );
  });
});

describe('printHelp', () => {
  it('lists common flags, and advanced ones on demand', () => {
    const basic = printHelp(modules, { all: false });
    expect(basic).toContain('  -a.port int\n    \tThe port. (default 80)\n');
    expect(basic).toContain('  -a.every duration\n    \tHow often. (default 1m0s)\n');
    expect(basic).toContain('  -config.file string');
    expect(basic).not.toContain('-a.deep');
    expect(basic).toContain('1 more flags are listed by -help-all');
    expect(printHelp(modules, { all: true })).toContain('  -a.deep\n');
  });
});
