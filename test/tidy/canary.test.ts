// Proves that each tidy rule complains about a tree that breaks it, and only then.
import { describe, expect, it } from 'vitest';
import * as documents from './document-rules.ts';
import * as imports from './import-rules.ts';
import { importsOf, stripToCode } from './source.ts';
import * as text from './text-rules.ts';
import { sourceFile, type Tree, type WorkspacePackage } from './tree.ts';

const HEAD = '// A file of the canary.\n';

function pack(folder: string, ...dependencies: string[]): WorkspacePackage {
  return {
    name: `@weir/${folder.split('/')[1]}`,
    folder,
    exports: { '.': './src/index.ts' },
    dependencies: Object.fromEntries(dependencies.map((name) => [name, '1.0.0'])),
  };
}

const architecture = (content: string) => ({ path: 'ARCHITECTURE.md', text: content });

/** A clean tree of two packages, changed by what the case adds. */
function treeWith(files: Record<string, string>, packages: WorkspacePackage[] = []): Tree {
  const all = {
    'libs/bytes/src/index.ts': `${HEAD}export { read } from './read.ts';\n`,
    'libs/bytes/src/read.ts': `${HEAD}export const read = 1;\n`,
    'apps/weir/src/index.ts': `${HEAD}import { read } from '@weir/bytes';\nexport { read };\n`,
    ...files,
  };
  const defaults = [pack('libs/bytes'), pack('apps/weir', '@weir/bytes')];
  const named = new Set(packages.map(({ folder }) => folder));
  const used = [...defaults.filter(({ folder }) => !named.has(folder)), ...packages];
  return {
    packages: used,
    files: Object.entries(all).map(([path, content]) => sourceFile(path, content)),
    rootDependencies: ['vitest'],
    documents: [architecture(used.map(({ folder }) => `### \`${folder}\`\n`).join(''))],
  };
}

const RULES = { ...imports, ...text, ...documents };

function complains(rule: keyof typeof RULES, tree: Tree, about: string): void {
  it(`${rule} complains`, () => {
    expect(RULES[rule](treeWith({}))).toEqual([]);
    expect(RULES[rule](tree).join('\n')).toContain(about);
    covered.add(rule);
  });
}

const covered = new Set<string>();
const bad = (code: string) => treeWith({ 'libs/bytes/src/read.ts': HEAD + code });

describe('a rule about imports', () => {
  const libs = [pack('libs/log', '@weir/bytes'), pack('libs/head', '@weir/log')];
  const sideways = { 'libs/head/src/index.ts': `${HEAD}import '@weir/log';\n` };
  complains('layerViolations', treeWith(sideways, libs), 'layer 3 may not import layer 3');
  complains('layerViolations', bad("import '@weir/weir';\n"), 'only @weir/weir imports apps');
  complains('layerViolations', treeWith({}, [pack('libs/new')]), 'libs/new has no layer');
  complains(
    'cycleViolations',
    treeWith({
      'libs/bytes/src/a.ts': `${HEAD}import type { B } from './b.ts';\n`,
      'libs/bytes/src/b.ts': `${HEAD}export const b = () => import('./a.ts');\n`,
    }),
    'libs/bytes/src/a.ts -> libs/bytes/src/b.ts -> libs/bytes/src/a.ts',
  );
  complains('undeclaredViolations', bad("import 'left';\n"), 'add it to libs/bytes/package.json');
  complains('undeclaredViolations', bad("import 'vitest';\n"), 'imports vitest');
  complains('unusedViolations', treeWith({}, [pack('libs/bytes', 'left')]), 'declares left');
  complains('reachViolations', bad("import '../../log/src/x.ts';\n"), 'reaches libs/log/src/x.ts');
  complains('doorViolations', bad("import '@weir/weir/src/main.ts';\n"), 'does not export it');
  complains('doorViolations', treeWith({}, [pack('libs/tsdb')]), 'which does not exist');
  complains('ownDoorViolations', bad("export { x } from './index.ts';\n"), 'its own door');
  complains('outsidePackageViolations', bad("import 'rocksdb';\n"), 'only libs/head/src/rocksdb/');
  complains('outsidePackageViolations', bad("import 'left';\n"), 'give it one folder');
  complains('pureLayerViolations', bad("import 'node:fs/promises';\n"), 'do no I/O');
  complains(
    'deadFileViolations',
    treeWith({ 'libs/bytes/src/lonely.ts': HEAD }),
    'lonely.ts is imported by nothing',
  );
  complains(
    'deadFileViolations',
    treeWith({ 'libs/bytes/src/lonely-fixture.ts': HEAD }),
    'lonely-fixture.ts is imported by nothing',
  );
  complains('fixtureViolations', bad("import './a-fixture.ts';\n"), 'fixtures are for tests');
  complains(
    'versionViolations',
    treeWith({}, [{ ...pack('libs/bytes'), dependencies: { left: '^1.0.0' } }]),
    'pin left to an exact version',
  );
});

describe('a rule about files', () => {
  complains(
    'headCommentViolations',
    treeWith({ 'libs/bytes/src/a.ts': 'x();\n' }),
    'a.ts must open',
  );
  complains('lengthViolations', bad('\n'.repeat(451)), 'split it by concept');
  complains('consoleViolations', bad('console.log(1);\n'), 'read.ts:2 uses console.log');
  for (const code of [
    'Date.now()',
    'new Date()',
    'Date()',
    'setTimeout(f, 1)',
    'performance.now()',
    'Math.random()',
    'crypto.randomUUID()',
    'randomBytes(1)',
    'process.hrtime()',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: code as data
    '`${Date.now()}`',
  ]) {
    complains('ambientViolations', bad(`export const x = ${code};\n`), 'read.ts:2 uses');
  }
  complains('ambientViolations', bad("import { x } from 'node:timers/promises';\n"), 'timers');
  complains('processViolations', bad('process.exit(1);\n'), 'only apps/weir touches the process');
  complains('starExportViolations', bad("export * from './a.ts';\n"), 'list the exports by name');
  complains('leftoverViolations', bad('// TODO: later\n'), 'says TODO');
  complains('nameViolations', treeWith({ 'libs/bytes/src/utils/a.ts': HEAD }), 'is a drawer');
  complains('nameViolations', treeWith({ 'libs/bytes/src/aB.ts': HEAD }), 'kebab-case');

  it('allows pure uses of Date', () => {
    const code = "export const x = [Date.parse('2026'), new Date(5), clock.setTimeout(1)];\n";
    expect(text.ambientViolations(bad(code))).toEqual([]);
  });
});

describe('a rule about documents', () => {
  const withDocument = (path: string, content: string): Tree => {
    const tree = bad("const flags = { flag: 'a.b', yaml: 'a.b' };\n");
    return { ...tree, documents: [...tree.documents, { path, text: content }] };
  };
  complains(
    'codeMapViolations',
    { ...treeWith({}), documents: [architecture('')] },
    'libs/bytes is missing',
  );
  complains(
    'codeMapViolations',
    {
      ...treeWith({}),
      documents: [architecture('### `libs/bytes`\n### `apps/weir`\n### `libs/gone`\n')],
    },
    'lists libs/gone',
  );
  complains('documentedFlagViolations', withDocument('README.md', 'run `weir -a.c=1`'), '-a.c');
  complains(
    'undescribedFlagViolations',
    treeWith({ 'apps/ingester/src/flags.ts': `${HEAD}const flags = { flag: 'a.b' };\n` }),
    'does not describe -a.b',
  );
  complains(
    'documentedKeyViolations',
    withDocument('helm/weir/values.yaml', 'x: 1\nconfig:\n  a:\n    b: 1\n    c: 2\ny: 1\n'),
    'sets a.c',
  );

  complains(
    'repeatedFlagViolations',
    bad("const flags = [{ flag: 'a.b' }, { flag: 'a.b' }];\n"),
    "declares flag: 'a.b' again",
  );

  it('accepts flags and keys that exist', () => {
    const flags = withDocument('README.md', 'weir -a.b=1 -target=all; see ./x-y.md and foo-a.c');
    expect(documents.documentedFlagViolations(flags)).toEqual([]);
    const keys = withDocument('x.yml', 'z:\n  content: |\n    a:\n      b: 1\ny: 1\n');
    expect(documents.documentedKeyViolations(keys)).toEqual([]);
  });
});

describe('the reader of sources', () => {
  it('finds imports of every form, and none in comments', () => {
    const code = [
      "import { a,\n  b } from 'one';",
      "import type { C } from 'two';",
      "import 'three';",
      "export { d } from './four.ts';",
      "const e = await import('five');",
      "// import 'six';",
      "/*\nimport 'seven';\n*/",
      "const text = `\nimport 'eight';\n`;",
    ].join('\n');
    expect(importsOf(code)).toEqual(['one', 'two', './four.ts', 'three', 'five']);
  });

  it('blanks comments and literals, and keeps code between them', () => {
    const strip = (code: string) => stripToCode(code).replaceAll(/\s+/g, ' ').trim();
    expect(strip('a(); // b()\nc(/* d() */);')).toBe('a(); c( );');
    expect(strip(`x('it\\'s', "y", /['"/]/g) / z`)).toBe(`x(' ', " ", / /g) / z`);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: code as data
    expect(strip('`a ${b({ c: `d${e}f` })} g` + h')).toBe('` ${b({ c: ` ${e} ` })} ` + h');
  });
});

it('every rule has a canary', () => {
  expect([...covered].sort()).toEqual(Object.keys(RULES).sort());
});
