// Bundles Weir with esbuild: the main program, and an entry for each kind of worker thread. Packages are
// inlined, since finding and reading the files of node_modules is a third of the time to start; native
// addons stay outside, and what is imported dynamically is evaluated when it is. The bundles are CommonJS,
// because Node.js 20 caches compiled code of nothing else (load.cjs, warm-up.mjs). Types are not checked
// here: `npm run types` does that.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './install.mjs';
import { warmUp } from './warm-up.mjs';

export const dist = join(root, 'apps', 'weir', 'dist');

const scripts = dirname(fileURLToPath(import.meta.url));

/** The stamp lies beside the output, so that removing dist removes the claim that it is fresh. */
const STAMP = join(dist, '.stamp');

/** What is started, by name: dist/<name>.js runs dist/<name>.bundle.js. */
const ENTRIES = {
  main: 'apps/weir/src/main.ts',
  'partition-worker': 'apps/ingester/src/partition-worker.ts',
  'querier-worker': 'apps/querier/src/worker.ts',
  weirctl: 'apps/weir/src/weirctl.ts',
};

/** Entries whose compiled code is cached. */
const CACHED = ['main', 'partition-worker', 'querier-worker'];

/** Packages that stay outside: native addons, and what most processes never load. */
const OUTSIDE = [
  '@aws-sdk/client-s3',
  '@confluentinc/kafka-javascript',
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'lz4-napi',
  'snappy',
];

const packages = {
  name: 'packages',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path }) => {
      const isOutside = OUTSIDE.some((name) => path === name || path.startsWith(`${name}/`));
      return isOutside ? { path, external: true } : undefined;
    });
    // Of prom-client not what sends metrics elsewhere: threads would load Node.js's HTTP for it.
    build.onResolve({ filter: /^\.\/lib\/(cluster|pushgateway)$/ }, ({ path, importer }) =>
      importer.includes('/node_modules/prom-client/') ? { path, namespace: 'empty' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: '' }));
    // Of rocksdb only the addon, which finds its binary beside itself.
    build.onResolve({ filter: /^\.\/binding$/ }, ({ importer }) =>
      importer.includes('/node_modules/rocksdb/')
        ? { path: 'rocksdb/binding.js', external: true }
        : undefined,
    );
  },
};

/** Builds apps/weir/dist and records what it was built from. */
export async function build() {
  const esbuild = await import('esbuild');
  const stamp = sourceStamp();
  const names = Object.keys(ENTRIES);
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(names.map((name) => [`${name}.bundle`, ENTRIES[name]])),
    outdir: dist,
    bundle: true,
    format: 'cjs',
    charset: 'ascii',
    platform: 'node',
    target: 'node20',
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [packages],
  });
  writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n');
  copyFileSync(join(scripts, 'load.cjs'), join(dist, 'load.cjs'));
  for (const name of names) {
    const entry = `require('./load.cjs')('${name}.bundle.js', require);\n`;
    writeFileSync(join(dist, `${name}.js`), entry);
  }
  await warmUp(
    join(dist, 'main.js'),
    CACHED.map((name) => join(dist, `${name}.bundle.js.cache`)),
  );
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
  for (const name of readdirSync(scripts).sort()) add(join(scripts, name));
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
