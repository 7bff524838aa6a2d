// The command line, the YAML file, and how they override each other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { defaultsOf, defineFlags, type Flag } from './flag.ts';
import { configFlags, parseConfig } from './parse.ts';

const modules = {
  server: defineFlags({
    port: {
      kind: 'int',
      flag: 'server.http-listen-port',
      yaml: 'server.http_listen_port',
      default: 8080,
      help: 'Port.',
    },
    timeoutMs: {
      kind: 'duration',
      flag: 'server.http-read-timeout',
      yaml: 'server.http_read_timeout',
      default: 30_000,
      help: 'Timeout.',
    },
    verbose: {
      kind: 'bool',
      flag: 'server.verbose',
      yaml: 'server.verbose',
      default: false,
      help: 'Says more.',
    },
  }),
  storage: defineFlags({
    secretKey: {
      kind: 'string',
      flag: 'blocks-storage.s3.secret-access-key',
      yaml: 'blocks_storage.s3.secret_access_key',
      default: '',
      help: 'Key.',
      secret: true,
    },
    targets: { kind: 'strings', flag: 'target', yaml: 'target', default: ['all'], help: 'What.' },
    ratio: { kind: 'float', flag: 'ratio', yaml: 'ratio', default: 0.5, help: 'Ratio.' },
  }),
};

interface Given {
  readonly yaml?: string;
  readonly env?: Record<string, string>;
}

function parse(argv: string[], { yaml, env = {} }: Given = {}) {
  const readFile = (path: string) => {
    if (yaml === undefined || path !== 'weir.yaml') throw new Error(`no such file: ${path}`);
    return yaml;
  };
  return parseConfig(modules, { argv, env, readFile });
}

function fromYaml(yaml: string, ...argv: string[]) {
  return parse(['-config.file=weir.yaml', ...argv], { yaml }).settings;
}

describe('the command line', () => {
  it('gives the defaults, frozen, when empty', () => {
    const { settings, help } = parse([]);
    expect(help).toBe('none');
    expect(settings.server).toEqual(defaultsOf(modules.server));
    expect(Object.isFrozen(settings) && Object.isFrozen(settings.server)).toBe(true);
  });

  it('reads every form of a flag, the last one winning', () => {
    const { server, storage } = parse([
      '-server.http-listen-port=1',
      '--server.http-listen-port',
      '2',
      '-server.verbose',
      '-server.http-read-timeout=1m30s',
      '--target=distributor, ingester',
      '-ratio=1e-3',
      '-blocks-storage.s3.secret-access-key=a=b',
    ]).settings;
    expect(server).toEqual({ port: 2, timeoutMs: 90_000, verbose: true });
    expect(storage).toEqual({
      secretKey: 'a=b',
      targets: ['distributor', 'ingester'],
      ratio: 0.001,
    });
  });

  it('takes a bool only with = when its value is given', () => {
    expect(parse(['-server.verbose=false']).settings.server.verbose).toBe(false);
    expect(() => parse(['-server.verbose', 'false'])).toThrow('"false" is not a flag');
  });

  it('asks for help', () => {
    expect(parse(['-help']).help).toBe('basic');
    expect(parse(['-h']).help).toBe('basic');
    expect(parse(['--help-all']).help).toBe('all');
  });

  const refuses = (argv: string[], text: string) =>
    it(`refuses ${argv.join(' ')}`, () => expect(() => parse(argv)).toThrow(text));
  refuses(
    ['-server.http-listen-prt=1'],
    'unknown flag -server.http-listen-prt: did you mean -server.http-listen-port?',
  );
  refuses(['-qqqqqqqqqqqqqqqq'], 'see -help-all');
  refuses(['-server.http-listen-port'], 'flag -server.http-listen-port needs a value');
  refuses(['-server.http-listen-port=x'], '"x" is not valid for -server.http-listen-port');
  refuses(['-server.http-listen-port=1.5'], 'a whole number is needed');
  refuses(['-server.http-read-timeout=5'], 'a duration such as');
  refuses(['-server.verbose=maybe'], 'true or false is needed');
  refuses(['-ratio=NaN'], 'a number is needed');
  refuses(['stray'], '"stray" is not a flag');
  refuses(['-config.file=none.yaml'], '-config.file=none.yaml cannot be read: no such file');
});

describe('the configuration file', () => {
  it('is overridden by flags and overrides defaults', () => {
    const yaml = stringify({
      server: { http_listen_port: 1, http_read_timeout: '2m', verbose: true },
      target: ['querier'],
      blocks_storage: { s3: null },
    });
    const { server, storage } = fromYaml(yaml, '-server.http-listen-port=3');
    expect(server).toEqual({ port: 3, timeoutMs: 120_000, verbose: true });
    expect(storage.targets).toEqual(['querier']);
  });

  it('may be empty', () => {
    expect(fromYaml('').server.port).toBe(8080);
    expect(fromYaml('server:').server.port).toBe(8080);
  });

  it('expands the environment only when asked', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the notation itself is meant
    const yaml = 'server:\n  http_listen_port: ${PORT}\n  http_read_timeout: ${WAIT:10s}\n';
    const argv = ['-config.file=weir.yaml', '-config.expand-env'];
    const { server } = parse(argv, { yaml, env: { PORT: '99' } }).settings;
    expect(server).toMatchObject({ port: 99, timeoutMs: 10_000 });
    expect(() => fromYaml(yaml)).toThrow('is not valid for -server.http-listen-port');
  });

  const refuses = (yaml: string, text: string) =>
    it(`refuses ${JSON.stringify(yaml)}`, () => expect(() => fromYaml(yaml)).toThrow(text));
  refuses(
    'server: {http_listen_prt: 1}',
    'unknown key "server.http_listen_prt" in the configuration file: did you mean "server.http_listen_port"?',
  );
  refuses('sever: {}', 'did you mean "server"?');
  refuses('server: 5', '"server" in the configuration file must be a section');
  refuses('- 1', 'the configuration file must be a section');
  refuses('server: {verbose: "yes"}', 'true or false is needed');
  refuses('server: {http_listen_port: []}', 'a whole number is needed');
  refuses('server.verbose: true', 'unknown key');
  refuses('a: [', 'the configuration file is not YAML');
  refuses('server: {verbose: true, verbose: false}', 'the configuration file is not YAML');

  it('does not print a secret in an error', () => {
    expect(() => fromYaml('blocks_storage: {s3: {secret_access_key: [hush]}}')).toThrow(
      /^its value is not valid for -blocks-storage/,
    );
  });
});

describe('parseConfig', () => {
  it('reads back any value of any flag, from flags and from YAML alike', () => {
    const flags = Object.values<Flag>({ ...modules.server, ...modules.storage });
    const value = (flag: Flag): fc.Arbitrary<unknown> => {
      if (flag.kind === 'int') return fc.maxSafeInteger();
      if (flag.kind === 'float') return fc.double({ noNaN: true, noDefaultInfinity: true });
      if (flag.kind === 'bool') return fc.boolean();
      if (flag.kind === 'duration') return fc.nat();
      if (flag.kind === 'strings')
        return fc.array(fc.stringMatching(/^[a-z-]+$/), { minLength: 1 });
      return fc.string();
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...flags).chain((flag) => fc.tuple(fc.constant(flag), value(flag))),
        ([flag, expected]) => {
          const text = flag.kind === 'duration' ? `${expected}ms` : String(expected);
          const plain = flag.kind === 'duration' ? text : expected;
          const nested = flag.yaml
            .split('.')
            .reduceRight<unknown>((inner, key) => ({ [key]: inner }), plain);
          for (const settings of [
            parse([`-${flag.flag}=${text}`]).settings,
            fromYaml(stringify(nested)),
          ]) {
            const all = Object.entries<unknown>({ ...settings.server, ...settings.storage });
            const key = Object.entries<Flag>({ ...modules.server, ...modules.storage }).find(
              ([, candidate]) => candidate === flag,
            )![0];
            const got = all.find(([name]) => name === key)![1];
            // Zero has a sign only in floating point; both are the same setting.
            expect(got === 0 ? 0 : got).toEqual(expected === 0 ? 0 : expected);
          }
        },
      ),
    );
  });

  it('refuses any other text with an error of its own, never with a crash', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (argv, yaml) => {
        try {
          parse([...argv, '-config.file=weir.yaml'], { yaml });
        } catch (error) {
          expect(error).toMatchObject({ name: 'WeirError', kind: 'invalid' });
        }
      }),
    );
  });

  it('refuses two declarations of one flag', () => {
    const twice = { one: modules.server, two: modules.server };
    const input = { argv: [], env: {}, readFile: () => '' };
    expect(() => parseConfig(twice, input)).toThrow('declared twice');
    expect(() => parseConfig({ config: configFlags }, input)).toThrow('declared twice');
  });
});
