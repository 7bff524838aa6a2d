// Rules about the text of single files, and about names. Each returns its violations as sentences that
// say what to do.
import { AMBIENT_EXCEPTIONS, FILE_LINES_MAX, TEST_LINES_MAX } from './tables.ts';
import type { SourceFile, Tree } from './tree.ts';

/** The tidy rules themselves have to name what they forbid. */
const isTidy = (file: SourceFile) => file.path.startsWith('test/tidy/');
const isSource = (file: SourceFile) => /^(libs|apps)\/[^/]+\/src\//.test(file.path);

export function headCommentViolations(tree: Tree): string[] {
  return tree.files
    .filter(({ text }) => !/^(#![^\n]*\n)?(\/\/ |\/\*)(?!\s*(biome-|@ts-|eslint-))/.test(text))
    .map(({ path }) => `${path} must open with a comment: why it exists, and what it is not for`);
}

export function lengthViolations(tree: Tree): string[] {
  return tree.files.flatMap(({ path, text, isTest }) => {
    const limit = isTest ? TEST_LINES_MAX : FILE_LINES_MAX;
    const count = text.split('\n').length - 1;
    return count > limit
      ? [`${path} has ${count} lines: split it by concept (at most ${limit})`]
      : [];
  });
}

/** Finds `pattern` in the code of the chosen files, comments and literals left out. */
function find(
  tree: Tree,
  pattern: RegExp,
  chosen: (file: SourceFile) => boolean,
  advice: string,
): string[] {
  return tree.files.filter(chosen).flatMap((file) =>
    file.code.split('\n').flatMap((line, index) => {
      const match = pattern.exec(line);
      return match ? [`${file.path}:${index + 1} uses ${match[0].trim()}: ${advice}`] : [];
    }),
  );
}

export function consoleViolations(tree: Tree): string[] {
  return find(
    tree,
    /\bconsole\s*\.\s*\w+/,
    (file) => isSource(file),
    'log through the telemetry that is passed in (apps/weir prints with process.stdout)',
  );
}

const AMBIENT = new RegExp(
  [
    /\bDate\s*\.\s*now\b/,
    /\bnew\s+Date\s*(\(\s*\)|(?!\s*\())/,
    /(?<!new\s)(?<![.\w])Date\s*\(/,
    /\bperformance\s*\.\s*\w+/,
    /\bprocess\s*\.\s*(hrtime|uptime)\b/,
    /(?<![.\w])(setTimeout|setInterval|setImmediate)\b/,
    /\bMath\s*\.\s*random\b/,
    /(?<![.\w])(randomBytes|randomUUID|randomInt|randomFillSync|randomFill|getRandomValues)\b/,
    /\bcrypto\s*\.\s*(random\w+|getRandomValues)/,
  ]
    .map((pattern) => pattern.source)
    .join('|'),
);

export function ambientViolations(tree: Tree): string[] {
  const chosen = (file: SourceFile) =>
    isSource(file) &&
    !file.path.startsWith('libs/runtime/src/') &&
    AMBIENT_EXCEPTIONS[file.path] === undefined;
  const timers = tree.files
    .filter(chosen)
    .filter((file) => file.imports.some((specifier) => /^node:timers/.test(specifier)))
    .map(({ path }) => `${path} imports timers: use the Clock that is passed in (@weir/runtime)`);
  const advice = 'use the Clock or Random that is passed in (@weir/runtime)';
  return [...timers, ...find(tree, AMBIENT, chosen, advice)];
}

export function processViolations(tree: Tree): string[] {
  return find(
    tree,
    /\bprocess\s*\.\s*(env|argv|exit|exitCode|kill|cwd|chdir|stdout|stderr|stdin|on|once)\b/,
    (file) => isSource(file) && !file.path.startsWith('apps/weir/src/') && !file.isTest,
    'only apps/weir touches the process; pass a setting or a part in',
  );
}

export function starExportViolations(tree: Tree): string[] {
  return find(tree, /^\s*export\s+\*/, isSource, 'list the exports by name');
}

export function leftoverViolations(tree: Tree): string[] {
  return tree.files.flatMap((file) => {
    const match = isTidy(file) ? null : /\b(TODO|FIXME|XXX|HACK)\b/.exec(file.text);
    return match ? [`${file.path} says ${match[0]}: do it, or open an issue and say so there`] : [];
  });
}

const DRAWERS = /^(utils?|common|helpers?|shared|misc|lib)(\.|$)/;

export function nameViolations(tree: Tree): string[] {
  const drawers = new Set<string>();
  const badlyCased: string[] = [];
  for (const { path } of tree.files) {
    const parts = path.split('/');
    parts.forEach((part, index) => {
      if (DRAWERS.test(part)) drawers.add(parts.slice(0, index + 1).join('/'));
    });
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*\.(ts|mjs)$/.test(parts.at(-1)!)) badlyCased.push(path);
  }
  return [
    ...[...drawers].map((path) => `${path} is a drawer for anything: name it by its topic`),
    ...badlyCased.map((path) => `${path} must be named in kebab-case`),
  ];
}
