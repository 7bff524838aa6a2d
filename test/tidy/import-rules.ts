// Rules about who imports what. Each returns its violations as sentences that say what to do.
import {
  COMPOSITION_ROOT,
  ENTRY_FILES,
  LAYERS,
  NEIGHBOURS,
  OUTSIDE_PACKAGES,
  PURE_LAYER_MAX,
  REACH_EXCEPTIONS,
  UNUSED_EXCEPTIONS,
} from './tables.ts';
import {
  isFixture,
  packageNameOf,
  packageOf,
  resolveImport,
  type SourceFile,
  type Tree,
} from './tree.ts';

interface Edge {
  readonly file: SourceFile;
  readonly specifier: string;
}

function edges(tree: Tree): Edge[] {
  return tree.files.flatMap((file) => file.imports.map((specifier) => ({ file, specifier })));
}

const shortName = (name: string) => name.replace('@weir/', '');

export function layerViolations(tree: Tree): string[] {
  const unknown = tree.packages
    .filter(({ folder }) => folder.startsWith('libs/') && LAYERS[folder.slice(5)] === undefined)
    .map(({ folder }) => `${folder} has no layer: add it to LAYERS in test/tidy/tables.ts`);
  const wrong = edges(tree).flatMap(({ file, specifier }) => {
    const importer = packageOf(tree, file.path)!;
    const target = tree.packages.find(({ name }) => name === packageNameOf(specifier));
    if (target === undefined || target === importer || importer.folder === 'test') return [];
    const complain = (why: string) => [`${file.path} imports ${specifier}: ${why}`];
    if (target.folder === 'test') return complain('product code never imports tests');
    if (target.folder.startsWith('apps/')) {
      if (importer.name === COMPOSITION_ROOT) return [];
      return complain(`only ${COMPOSITION_ROOT} imports apps; move what is shared into a lib`);
    }
    if (importer.folder.startsWith('apps/')) return [];
    const [from, to] = [shortName(importer.name), shortName(target.name)];
    if (LAYERS[to]! < LAYERS[from]! || NEIGHBOURS[from]?.includes(to)) return [];
    return complain(
      `layer ${LAYERS[from]} may not import layer ${LAYERS[to]}; invert it by a port`,
    );
  });
  return [...unknown, ...wrong];
}

/** Strongly connected files, types and dynamic imports included. */
export function cycleViolations(tree: Tree): string[] {
  const graph = new Map<string, string[]>();
  for (const file of tree.files) {
    const targets = file.imports
      .map((specifier) => resolveImport(tree, file.path, specifier))
      .filter((target): target is string => target !== undefined);
    graph.set(file.path, targets);
  }
  const state = new Map<string, 'open' | 'done'>();
  const stack: string[] = [];
  const violations: string[] = [];
  const visit = (path: string): void => {
    state.set(path, 'open');
    stack.push(path);
    for (const next of graph.get(path) ?? []) {
      if (state.get(next) === 'open') {
        const cycle = [...stack.slice(stack.indexOf(next)), next].join(' -> ');
        violations.push(`import cycle, move what both need into a third file: ${cycle}`);
      } else if (!state.has(next) && graph.has(next)) {
        visit(next);
      }
    }
    stack.pop();
    state.set(path, 'done');
  };
  for (const path of graph.keys()) if (!state.has(path)) visit(path);
  return violations;
}

export function undeclaredViolations(tree: Tree): string[] {
  return edges(tree).flatMap(({ file, specifier }) => {
    const name = packageNameOf(specifier);
    const importer = packageOf(tree, file.path)!;
    if (name === undefined || name === importer.name || name in importer.dependencies) return [];
    const isTool = file.isTest || file.path.endsWith('.mjs');
    if (isTool && tree.rootDependencies.includes(name)) return [];
    return [`${file.path} imports ${name}: add it to ${importer.folder}/package.json`];
  });
}

export function unusedViolations(tree: Tree): string[] {
  return tree.packages.flatMap((declaring) => {
    const used = new Set(
      edges(tree)
        .filter(({ file }) => packageOf(tree, file.path) === declaring)
        .map(({ specifier }) => packageNameOf(specifier)),
    );
    return Object.keys(declaring.dependencies)
      .filter((name) => !used.has(name) && UNUSED_EXCEPTIONS[name] === undefined)
      .map((name) => `${declaring.folder}/package.json declares ${name}, which nothing imports`);
  });
}

export function reachViolations(tree: Tree): string[] {
  return edges(tree).flatMap(({ file, specifier }) => {
    if (!specifier.startsWith('.')) return [];
    const target = resolveImport(tree, file.path, specifier)!;
    if (target.startsWith(`${packageOf(tree, file.path)!.folder}/`)) return [];
    if (REACH_EXCEPTIONS.some(({ from, to }) => from.test(file.path) && to.test(target))) return [];
    return [`${file.path} reaches ${target}: import the other package by its name`];
  });
}

export function doorViolations(tree: Tree): string[] {
  const known = new Set(tree.files.map((file) => file.path));
  const deep = edges(tree).flatMap(({ file, specifier }) => {
    const target = tree.packages.find(({ name }) => name === packageNameOf(specifier));
    if (target === undefined) return [];
    if (resolveImport(tree, file.path, specifier) !== undefined) return [];
    return [`${file.path} imports ${specifier}: ${target.folder}/package.json does not export it`];
  });
  const missing = tree.packages.flatMap((declaring) =>
    Object.values(declaring.exports)
      .map((target) => `${declaring.folder}/${target.slice(2)}`)
      .filter((path) => !known.has(path))
      .map((path) => `${declaring.folder}/package.json exports ${path}, which does not exist`),
  );
  return [...deep, ...missing];
}

/** The door of a package is for others; inside, files import each other directly. */
export function ownDoorViolations(tree: Tree): string[] {
  return edges(tree).flatMap(({ file, specifier }) => {
    const importer = packageOf(tree, file.path)!;
    const target = resolveImport(tree, file.path, specifier);
    const isDoor = target === `${importer.folder}/src/index.ts`;
    const own = isDoor || packageNameOf(specifier) === importer.name;
    return own ? [`${file.path} imports its own door ${specifier}: import the file itself`] : [];
  });
}

export function outsidePackageViolations(tree: Tree): string[] {
  return edges(tree).flatMap(({ file, specifier }) => {
    const name = packageNameOf(specifier);
    if (name === undefined || name.startsWith('@weir/')) return [];
    if (file.isTest || !/^(libs|apps)\/[^/]+\/src\//.test(file.path)) return [];
    const folders = OUTSIDE_PACKAGES[name];
    if (folders === undefined) {
      return [
        `${file.path} imports ${name}: give it one folder in OUTSIDE_PACKAGES (test/tidy/tables.ts)`,
      ];
    }
    if (folders.some((folder) => file.path.startsWith(folder))) return [];
    return [`${file.path} imports ${name}: only ${folders.join(' and ')} may; use its port`];
  });
}

const INPUT_OUTPUT =
  /^node:(fs|net|http|https|http2|tls|dgram|dns|child_process|worker_threads|cluster|readline|repl|inspector)(\/|$)/;

export function pureLayerViolations(tree: Tree): string[] {
  return edges(tree).flatMap(({ file, specifier }) => {
    const layer = LAYERS[file.path.split('/')[1] ?? ''];
    if (!file.path.startsWith('libs/') || file.isTest || layer === undefined) return [];
    if (layer > PURE_LAYER_MAX || !INPUT_OUTPUT.test(specifier)) return [];
    return [
      `${file.path} imports ${specifier}: layers 0 to ${PURE_LAYER_MAX} do no I/O; pass the data in`,
    ];
  });
}

export function deadFileViolations(tree: Tree): string[] {
  const alive = new Set<string | undefined>(ENTRY_FILES);
  for (const { folder, exports } of tree.packages) {
    for (const target of Object.values(exports)) alive.add(`${folder}/${target.slice(2)}`);
  }
  for (const { file, specifier } of edges(tree)) {
    alive.add(resolveImport(tree, file.path, specifier));
  }
  return tree.files
    .filter(({ path, isTest }) => !isTest || isFixture(path))
    .filter(({ path }) => path.includes('/src/') && !path.endsWith('.d.ts'))
    .filter(({ path }) => !alive.has(path))
    .map(({ path }) => `${path} is imported by nothing: delete it`);
}

export function fixtureViolations(tree: Tree): string[] {
  return edges(tree).flatMap(({ file, specifier }) => {
    if (file.isTest || !isFixture(specifier)) return [];
    return [`${file.path} imports ${specifier}: fixtures are for tests`];
  });
}

/** One version of each outside package in the whole tree, and an exact one. */
export function versionViolations(tree: Tree): string[] {
  const seen = new Map<string, { version: string; folder: string }>();
  return tree.packages.flatMap(({ folder, dependencies }) =>
    Object.entries(dependencies).flatMap(([name, version]) => {
      if (name.startsWith('@weir/')) return [];
      if (!/^\d+\.\d+\.\d+/.test(version)) {
        return [`${folder}/package.json: pin ${name} to an exact version, not ${version}`];
      }
      const first = seen.get(name);
      seen.set(name, first ?? { version, folder });
      if (first === undefined || first.version === version) return [];
      return [`${folder} wants ${name} ${version}, ${first.folder} ${first.version}: use one`];
    }),
  );
}
