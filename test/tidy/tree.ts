// The repository as data: packages, source files, documents. The rules are functions of this, so that
// the canary can feed them a tree of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { importsOf, stripToCode } from './source.ts';

export interface SourceFile {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Without comments and literals. */
  readonly code: string;
  readonly imports: readonly string[];
  readonly isTest: boolean;
}

export interface WorkspacePackage {
  readonly name: string;
  /** `libs/log` */
  readonly folder: string;
  /** From sub-path (`.`, `./kafka`) to file in the package. */
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

export interface Tree {
  readonly packages: readonly WorkspacePackage[];
  readonly files: readonly SourceFile[];
  /** Of the workspace root: what tests and scripts may use. */
  readonly rootDependencies: readonly string[];
  /** Documents and deployments that speak of packages, flags and settings. */
  readonly documents: readonly Document[];
}

export interface Document {
  readonly path: string;
  readonly text: string;
}

const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'docs/operations/ingesters.md',
  'docs/operations/running.md',
  'Dockerfile',
  'docker-compose.yml',
  'helm/weir/values.yaml',
  'helm/weir/templates/_parts.tpl',
];

/** Below `libs` and `apps` each folder is a package; `test` is one itself. */
export function readTree(root: string): Tree {
  const folders = ['libs', 'apps'].flatMap((group) =>
    readdirSync(join(root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${group}/${entry.name}`),
  );
  const packages = [...folders, 'test'].map((folder) => readPackage(root, folder));
  const files = [...folders, 'test']
    .flatMap((folder) => sourcesBelow(root, folder))
    .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')));
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    packages,
    files,
    rootDependencies: Object.keys(devDependencies),
    documents: DOCUMENTS.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })),
  };
}

export function sourceFile(path: string, text: string): SourceFile {
  const isTest = path.startsWith('test/') || path.endsWith('.test.ts') || isFixture(path);
  return { path, text, code: stripToCode(text), imports: importsOf(text), isTest };
}

/** What tests beside the code share: it may do what they may, and only they may import it. */
export function isFixture(path: string): boolean {
  return path.endsWith('-fixture.ts');
}

export function packageOf(tree: Tree, path: string): WorkspacePackage | undefined {
  return tree.packages.find((candidate) => path.startsWith(`${candidate.folder}/`));
}

/** `@weir/log/kafka` is the package `@weir/log`; `node:fs` and relative paths are none. */
export function packageNameOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  const [first, second] = specifier.split('/');
  return first!.startsWith('@') ? `${first}/${second}` : first;
}

/** The file in the tree that an import means, or undefined for anything outside. */
export function resolveImport(tree: Tree, from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return normalize(join(dirname(from), specifier));
  const name = packageNameOf(specifier);
  const target = tree.packages.find((candidate) => candidate.name === name);
  if (target === undefined) return undefined;
  const file = target.exports[`.${specifier.slice(target.name.length)}`];
  return file === undefined ? undefined : normalize(join(target.folder, file));
}

function readPackage(root: string, folder: string): WorkspacePackage {
  const text = readFileSync(join(root, folder, 'package.json'), 'utf8');
  const { name, exports = {}, dependencies = {}, devDependencies = {} } = JSON.parse(text);
  return { name, folder, exports, dependencies: { ...dependencies, ...devDependencies } };
}

function sourcesBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const skipped = entry.name === 'node_modules' || entry.name === 'dist';
      return skipped ? [] : sourcesBelow(root, path);
    }
    return /\.(ts|mjs)$/.test(entry.name) ? [path] : [];
  });
}
