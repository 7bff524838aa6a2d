// `npm run kafka:build`: builds the native Kafka client against this machine's libraries, once per
// version, Node ABI and platform; the result is kept in WEIR_TEST_CACHE (default ~/.cache/weir) and
// copied back afterwards. Does nothing when the addon loads already; `--force` compiles all the same,
// for instance after more headers were installed. Files are replaced by renaming, so that a process
// that has loaded the old ones goes on with them. Node's own modules only: it runs before anything is
// installed but the packages themselves.
//
// Linking is dynamic: a static build downloads and compiles the sources of OpenSSL and five other
// libraries. So the client has the features whose headers are here, and needs their libraries later.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = '@confluentinc/kafka-javascript';
/** Below the package's build folder: the addon, and the libraries that it finds by `../deps`. */
const FILES = [
  'Release/confluent-kafka-javascript.node',
  'deps/librdkafka.so.1',
  'deps/librdkafka++.so.1',
];
/** Features that depend on headers, and the Debian package that has them. */
const FEATURES = {
  ssl: 'libssl-dev',
  sasl_gssapi: 'libsasl2-dev',
  sasl_oauthbearer: 'libssl-dev',
  oidc: 'libcurl4-openssl-dev',
  zstd: 'libzstd-dev',
  gzip: 'zlib1g-dev',
};
const DEBIAN_PACKAGES = ['g++', 'make', 'python3', ...new Set(Object.values(FEATURES))].join(' ');
const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..', '..');

/** The package's folder, found without loading the addon. */
function packageFolder() {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(PACKAGE) ?? []) {
    const candidate = join(folder, PACKAGE);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  throw new Error(`${PACKAGE} is not installed: run \`npm ci --ignore-scripts\` first`);
}

/**
 * What the addon says of itself, or why it does not load. In a process of its own: a broken addon may
 * abort, and a loaded one can't be replaced.
 */
function probe() {
  const code = `const { features, librdkafkaVersion } = require('${PACKAGE}');
    process.stdout.write(JSON.stringify({ features, librdkafkaVersion }));`;
  const run = spawnSync(process.execPath, ['-e', code], { cwd: HERE, encoding: 'utf8' });
  if (run.status === 0 && run.stdout) return JSON.parse(run.stdout);
  const lines = (run.stderr ?? '').split('\n');
  const reason = lines.find((line) => line.startsWith('Error:')) ?? `signal ${run.signal}`;
  return { failure: reason };
}

/** One line: the version, the features that matter, and how to get those that are missing. */
function describe({ features, librdkafkaVersion }) {
  const missing = Object.keys(FEATURES).filter((feature) => !features.includes(feature));
  const has = `librdkafka ${librdkafkaVersion} with ${features.join(', ')}`;
  if (missing.length === 0) return has;
  const packages = [...new Set(missing.map((feature) => FEATURES[feature]))];
  return (
    `${has}\nkafka:build: left out for want of headers: ${missing.join(', ')}. On Debian:\n` +
    `  apt-get install ${packages.join(' ')} && npm run kafka:build -- --force`
  );
}

function cacheFolder(version) {
  const abi = process.versions.modules;
  const libc = process.report.getReport().header.glibcVersionRuntime ? '' : '-musl';
  const build = `${version}-${abi}-${process.platform}-${process.arch}${libc}`;
  const root = process.env.WEIR_TEST_CACHE ?? join(homedir(), '.cache', 'weir');
  return join(root, 'kafka-addon', build);
}

/** Copies a build's files; those that a platform doesn't make are passed. The addon comes last. */
function copyBuild(from, to) {
  for (const file of FILES.toReversed()) {
    const source = join(from, file);
    if (!existsSync(source)) continue;
    const target = join(to, file);
    mkdirSync(dirname(target), { recursive: true });
    const partial = `${target}.${process.pid}`;
    copyFileSync(source, partial);
    renameSync(partial, target);
  }
}

function compile() {
  console.log(`kafka:build: compiling ${PACKAGE}; this takes a minute or two`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // The prebuilt binary's host is often unreachable, so the package's install script is told to compile.
  const env = { ...process.env, CKJS_LINKING: 'dynamic', npm_config_build_from_source: 'true' };
  const built = spawnSync(npm, ['rebuild', PACKAGE, '--foreground-scripts'], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (built.status === 0) return;
  console.error(`${built.stdout ?? ''}\n${built.stderr ?? ''}`.slice(-6000));
  throw new Error(
    `the Kafka client did not compile. It needs a C++ compiler and these headers; on Debian:\n` +
      `  apt-get install ${DEBIAN_PACKAGES}`,
  );
}

function main() {
  const folder = packageFolder();
  const require = createRequire(import.meta.url);
  const { version } = require(join(folder, 'package.json'));
  const target = join(folder, 'build');
  const cached = cacheFolder(version);
  if (!process.argv.includes('--force') && reuse(target, cached)) return;
  compile();
  const built = probe();
  if (built.failure) {
    throw new Error(`the Kafka client was compiled but does not load: ${built.failure}`);
  }
  copyBuild(target, cached);
  console.log(`kafka:build: ${describe(built)}\nkafka:build: kept in ${cached}`);
}

/** Whether the client loads, as it is or out of the cache. */
function reuse(target, cached) {
  const isCached = existsSync(join(cached, FILES[0]));
  const present = probe();
  if (!present.failure) {
    if (!isCached) copyBuild(target, cached);
    console.log(`kafka:build: the Kafka client loads, nothing to do: ${describe(present)}`);
    return true;
  }
  if (!isCached) return false;
  copyBuild(cached, target);
  const copied = probe();
  if (copied.failure) {
    console.log(`kafka:build: the build in ${cached} does not load here: ${copied.failure}`);
    return false;
  }
  console.log(`kafka:build: copied from ${cached}: ${describe(copied)}`);
  return true;
}

try {
  main();
} catch (error) {
  console.error(`kafka:build: ${error.message}`);
  process.exit(1);
}
