// Bundles Weir with esbuild: the main program, and an entry for each kind of worker thread. Packages are
// inlined, since finding and reading the files of node_modules is a third of the time to start; native
// addons stay outside. Dynamic imports become files of their own, so that an unused driver is never
// loaded. Types are not checked here: `npm run types` does that.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './install.mjs';

export const dist = join(root, 'apps', 'weir', 'dist');

/** The stamp lies beside the output, so that removing dist removes the claim that it is fresh. */
const STAMP = join(dist, '.stamp');

const ENTRIES = {
  main: 'apps/weir/src/main.ts',
  'partition-worker': 'apps/ingester/src/partition-worker.ts',
  'querier-worker': 'apps/querier/src/worker.ts',
  weirctl: 'apps/weir/src/weirctl.ts',
};

/** Packages that stay outside: native addons, and what most processes never load. */
const OUTSIDE = [
  '@aws-sdk/client-s3',
  '@confluentinc/kafka-javascript',
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'lz4-napi',
  'rocksdb',
  'snappy',
];

const outsidePackages = {
  name: 'outside-packages',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path }) => {
      const isOutside = OUTSIDE.some((name) => path === name || path.startsWith(`${name}/`));
      return isOutside ? { path, external: true } : undefined;
    });
  },
};

/** What CommonJS packages call for Node's own modules. */
const REQUIRE = `import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);`;

/** Builds apps/weir/dist, keeping files that did not change, and records what it was built from. */
export async function build() {
  const esbuild = await import('esbuild');
  const stamp = sourceStamp();
  const entries = Object.entries(ENTRIES).filter(
    ([name, path]) => name === 'main' || existsSync(join(root, path)),
  );
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(entries),
    outdir: dist,
    bundle: true,
    splitting: true,
    // In the root of dist, so that `new URL('./partition-worker.js', import.meta.url)` holds in any chunk.
    chunkNames: '[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: REQUIRE },
    plugins: [outsidePackages],
    write: false,
  });
  mkdirSync(dist, { recursive: true });
  for (const file of result.outputFiles) writeFileSync(file.path, file.contents);
  const written = new Set(result.outputFiles.map((file) => basename(file.path)));
  for (const name of readdirSync(dist)) {
    if (!written.has(name)) rmSync(join(dist, name), { recursive: true });
  }
  writeFileSync(STAMP, stamp);
  return dist;
}

/** Builds unless dist was made from exactly the sources on disk. */
export async function buildIfChanged() {
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === sourceStamp()) return;
  await build();
}

/** A digest of the sources' paths, sizes and times of change: reads no file, takes some milliseconds. */
function sourceStamp() {
  const hash = createHash('sha256').update(process.versions.node);
  const add = (path) => {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (!entry.name.endsWith('.test.ts')) add(path);
    }
  };
  for (const group of ['libs', 'apps']) {
    for (const name of readdirSync(join(root, group)).sort()) {
      const folder = join(root, group, name);
      if (existsSync(join(folder, 'package.json'))) add(join(folder, 'package.json'));
      if (existsSync(join(folder, 'src'))) walk(join(folder, 'src'));
    }
  }
  add(join(root, 'package-lock.json'));
  add(fileURLToPath(import.meta.url));
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
