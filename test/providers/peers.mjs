// The real programs Weir is compared with (peer-builds.mjs), built from their sources at pinned versions into
// a cache outside the tree (WEIR_TEST_CACHE, default ~/.cache/weir), and never again while they lie there.
// What Go downloads and compiles for that is gigabytes, and goes with the build.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PEERS } from './peer-builds.mjs';
import { preparePython } from './python-venv.mjs';

/** The second language of OpenTelemetry's SDK. */
const OTEL_PYTHON = '1.45.2';
const OTEL_PACKAGES = [
  'opentelemetry-sdk',
  'opentelemetry-exporter-otlp-proto-http',
  'opentelemetry-exporter-otlp-proto-grpc',
];

/** Environment variables with the paths of the named peers' programs; builds those that are missing. */
export async function preparePeers(names) {
  const env = {};
  for (const name of names) {
    const { version, binaries, build } = PEERS[name];
    const folder = join(cacheFolder(), `${name}-${version}`);
    const paths = Object.entries(binaries).map(([key, file]) => [key, join(folder, 'bin', file)]);
    if (!paths.every(([, path]) => existsSync(path))) {
      console.log(`building ${name} ${version} (some minutes, once)`);
      buildInto(folder, version, build);
    }
    Object.assign(env, Object.fromEntries(paths));
  }
  return env;
}

/** OpenTelemetry's SDK of Python, installed where it is missing. */
export function prepareOtelPython() {
  const packages = OTEL_PACKAGES.map((name) => `${name}==${OTEL_PYTHON}`);
  return { WEIR_OTEL_PYTHON: preparePython(`otel-python-${OTEL_PYTHON}`, packages) };
}

/** Starts MinIO on free ports with an empty folder; stop() removes the folder. */
export async function startMinio(binary) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-minio-'));
  const address = `127.0.0.1:${await freePort()}`;
  const console_ = `127.0.0.1:${await freePort()}`;
  const credentials = { user: 'test', password: 'testtest12' };
  const child = spawn(
    binary,
    ['server', folder, '--address', address, '--console-address', console_],
    {
      stdio: 'ignore',
      env: {
        ...process.env,
        MINIO_ROOT_USER: credentials.user,
        MINIO_ROOT_PASSWORD: credentials.password,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
      },
    },
  );
  const stop = async () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  const endpoint = `http://${address}`;
  try {
    await untilAnswers(`${endpoint}/minio/health/live`, 30_000, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoint,
    stop,
    environment: {
      WEIR_TEST_S3_ENDPOINT: endpoint,
      WEIR_TEST_S3_ACCESS_KEY_ID: credentials.user,
      WEIR_TEST_S3_SECRET_ACCESS_KEY: credentials.password,
    },
  };
}

function cacheFolder() {
  return join(process.env.WEIR_TEST_CACHE ?? join(homedir(), '.cache', 'weir'), 'peers');
}

/** Builds beside the final folder and renames at the end, so that half a build is never used. */
function buildInto(folder, version, build) {
  if (spawnSync('go', ['version']).status !== 0) {
    throw new Error('Go is needed to build the peers, and `go version` cannot be run');
  }
  mkdirSync(cacheFolder(), { recursive: true });
  const place = mkdtempSync(`${folder}.building-`);
  const downloads = mkdtempSync(`${folder}.downloads-`);
  const bin = join(place, 'bin');
  mkdirSync(bin);
  const env = {
    ...process.env,
    GOBIN: bin,
    GOMODCACHE: join(downloads, 'modules'),
    GOCACHE: join(downloads, 'compiled'),
    GOFLAGS: '-buildvcs=false -modcacherw',
  };
  try {
    const run = (command, ...args) => must(command, args, { cwd: place, env });
    build({ version, place, bin, run, go: (...args) => run('go', ...args) });
    rmSync(folder, { recursive: true, force: true });
    renameSync(place, folder);
  } finally {
    rmSync(place, { recursive: true, force: true });
    rmSync(downloads, { recursive: true, force: true });
  }
}

function must(command, args, { cwd, env }) {
  const options = { cwd, env, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 };
  const { status, stderr, error } = spawnSync(command, args, options);
  if (status === 0) return;
  const lines = (stderr ?? String(error)).trim().split('\n').slice(-20);
  throw new Error(`${command} ${args.join(' ')} failed:\n${lines.join('\n')}`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function untilAnswers(url, limitMs, child) {
  const endMs = Date.now() + limitMs;
  while (Date.now() < endMs) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not listening yet.
    }
    await sleep(100);
  }
  throw new Error(`${url} did not answer within ${limitMs / 1000} s`);
}
