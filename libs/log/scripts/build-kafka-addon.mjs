// `npm run kafka:build`: builds the native Kafka client against this machine's libraries, once per
// version, Node ABI and platform; the result is kept in ~/.cache/weir and copied back afterwards. Does
// nothing when the addon loads already. Node's own modules only: it runs before anything is installed
// but the packages themselves.
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
const DEBIAN_PACKAGES =
  'g++ make python3 libssl-dev libsasl2-dev libcurl4-openssl-dev liblz4-dev libzstd-dev zlib1g-dev';
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

/** In a process of its own: a broken addon may abort, and a loaded one can't be replaced. */
function loads() {
  const code = `process.exit(require('${PACKAGE}').librdkafkaVersion ? 0 : 1)`;
  return spawnSync(process.execPath, ['-e', code], { cwd: HERE, stdio: 'ignore' }).status === 0;
}

function cacheFolder(version) {
  const abi = process.versions.modules;
  const libc = process.report.getReport().header.glibcVersionRuntime ? '' : '-musl';
  const build = `${version}-${abi}-${process.platform}-${process.arch}${libc}`;
  return join(homedir(), '.cache', 'weir', 'kafka-addon', build);
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
  const isCached = existsSync(join(cached, FILES[0]));
  if (loads()) {
    if (!isCached) copyBuild(target, cached);
    console.log('kafka:build: the Kafka client loads, nothing to do');
    return;
  }
  if (isCached) {
    copyBuild(cached, target);
    if (loads()) {
      console.log(`kafka:build: copied from ${cached}`);
      return;
    }
    console.log('kafka:build: the cached build does not load here; compiling again');
  }
  compile();
  if (!loads()) throw new Error('the Kafka client was compiled but does not load');
  copyBuild(target, cached);
  console.log(`kafka:build: done, kept in ${cached}`);
}

try {
  main();
} catch (error) {
  console.error(`kafka:build: ${error.message}`);
  process.exit(1);
}
