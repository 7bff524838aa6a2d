// Rules about what documents and deployments say of the code. Each returns its violations as sentences
// that say what to do.
import type { Document, Tree } from './tree.ts';

/** The code map of ARCHITECTURE.md names packages as `libs/log`. */
export function codeMapViolations(tree: Tree): string[] {
  const listed = new Set(
    [...textOf(tree, 'ARCHITECTURE.md').matchAll(/^### `((?:libs|apps)\/[a-z-]+)`/gm)].map(
      (match) => match[1]!,
    ),
  );
  const onDisk = tree.packages.map(({ folder }) => folder).filter((folder) => folder !== 'test');
  return [
    ...onDisk
      .filter((folder) => !listed.has(folder))
      .map((folder) => `${folder} is missing from ARCHITECTURE.md: add \`### \`${folder}\`\``),
    ...[...listed]
      .filter((folder) => !onDisk.includes(folder))
      .map((folder) => `ARCHITECTURE.md lists ${folder}, which does not exist: remove it`),
  ];
}

/** Flags that documents and deployments give must exist: `-name` or `-name=value`. */
export function documentedFlagViolations(tree: Tree): string[] {
  const declared = declarations(tree, 'flag');
  return tree.documents
    .filter(({ path }) => path !== 'ARCHITECTURE.md')
    .flatMap(({ path, text }) =>
      [...text.matchAll(/(?<![\w./-])-([a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+)/g)]
        .map((match) => match[1]!)
        .filter((flag) => !declared.has(flag) && !NOT_FLAGS.test(flag))
        .map((flag) => `${path} gives -${flag}, which no module declares`),
    );
}

const INGESTER_GUIDE = 'docs/operations/ingesters.md';

/** Who is called at night finds every setting of an ingester in one list. */
export function undescribedFlagViolations(tree: Tree): string[] {
  const guide = textOf(tree, INGESTER_GUIDE);
  return tree.files
    .filter(({ path, isTest }) => path.startsWith('apps/ingester/src/') && !isTest)
    .flatMap(({ text }) => [...text.matchAll(/\bflag: '([^']+)'/g)].map((match) => match[1]!))
    .filter((flag) => !guide.includes(`\`-${flag}\``))
    .map((flag) => `${INGESTER_GUIDE} does not describe -${flag}: add a line to its settings`);
}

const NOT_FLAGS = /\.(mjs|js|ts|md|yaml|yml)$/;

/** Keys of the configuration files that deployments bring. */
export function documentedKeyViolations(tree: Tree): string[] {
  const declared = declarations(tree, 'yaml');
  return tree.documents.flatMap((document) =>
    configurationKeys(document)
      .filter((key) => !declared.has(key))
      .map((key) => `${document.path} sets ${key}, which no module declares`),
  );
}

/** A flag or key belongs to one module; the parser refuses to start otherwise. */
export function repeatedFlagViolations(tree: Tree): string[] {
  const seen = new Map<string, string>();
  return tree.files
    .filter(({ path, isTest }) => !isTest && path.includes('/src/'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\b(?:flag|yaml): '([^']+)'/g)].flatMap((match) => {
        const first = seen.get(match[0]);
        seen.set(match[0], first ?? path);
        if (first === undefined) return [];
        return [`${path} declares ${match[0]} again, after ${first}: pass the setting on`];
      }),
    );
}

function textOf(tree: Tree, path: string): string {
  return tree.documents.find((document) => document.path === path)?.text ?? '';
}

function declarations(tree: Tree, property: 'flag' | 'yaml'): Set<string> {
  const pattern = new RegExp(`\\b${property}: '([^']+)'`, 'g');
  return new Set(
    tree.files
      .filter(({ isTest }) => !isTest)
      .flatMap(({ text }) => [...text.matchAll(pattern)].map((match) => match[1]!)),
  );
}

/** The dotted paths of the leaves below `config:` (the chart) or `content: |` (the compose file). */
function configurationKeys({ path, text }: Document): string[] {
  if (!/\.ya?ml$/.test(path)) return [];
  const start = /^( *)(config:|content: \|)\n/m.exec(text);
  if (start === null) return [];
  const outer = start[1]!.length;
  const keys: string[] = [];
  const open: { indent: number; key: string }[] = [];
  for (const line of text.slice(start.index + start[0].length).split('\n')) {
    const match = /^( *)([a-z0-9_]+):(.*)$/.exec(line);
    if (match === null) continue;
    const indent = match[1]!.length;
    if (indent <= outer) break;
    while (open.length > 0 && open.at(-1)!.indent >= indent) open.pop();
    open.push({ indent, key: match[2]! });
    if (match[3]!.trim() !== '') keys.push(open.map(({ key }) => key).join('.'));
  }
  return keys;
}
