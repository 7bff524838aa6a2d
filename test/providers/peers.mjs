// The real programs Weir is compared with, built from their Go modules at pinned versions into a cache
// outside the tree (WEIR_TEST_CACHE, default ~/.cache/weir), and never again while they lie there.
// Prometheus's go.mod has replacements, which `go install` refuses, so it is built from a wrapper module.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PROMETHEUS = 'github.com/prometheus/prometheus/cmd';

const PEERS = {
  prometheus: {
    version: 'v0.315.0', // Prometheus 3.15
    binaries: { WEIR_PROMETHEUS: 'prometheus', WEIR_PROMTOOL: 'promtool' },
    build(version, bin) {
      const tools = ['promtool', 'prometheus'];
      go('mod', 'init', 'weirpeers');
      go('get', ...tools.map((tool) => `${PROMETHEUS}/${tool}@${version}`));
      for (const tool of tools) {
        go('build', '-tags', 'remove_all_sd', '-o', join(bin, tool), `${PROMETHEUS}/${tool}`);
      }
    },
  },
  minio: {
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    binaries: { WEIR_MINIO: 'minio' },
    build(version) {
      go('install', `github.com/minio/minio@${version}`);
    },
  },
  helm: {
    version: 'v3.22.0',
    binaries: { WEIR_HELM: 'helm' },
    build(version) {
      go('install', `helm.sh/helm/v3/cmd/helm@${version}`);
    },
  },
};

let buildFolder = '';

/** Environment variables with the paths of the named peers' programs; builds those that are missing. */
export async function preparePeers(names) {
  const env = {};
  for (const name of names) {
    const { version, binaries, build } = PEERS[name];
    const folder = join(cacheFolder(), `${name}-${version}`);
    const paths = Object.entries(binaries).map(([key, file]) => [key, join(folder, 'bin', file)]);
    if (!paths.every(([, path]) => existsSync(path))) {
      console.log(`building ${name} ${version} (some minutes, once)`);
      buildInto(folder, (bin) => build(version, bin));
    }
    Object.assign(env, Object.fromEntries(paths));
  }
  return env;
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
function buildInto(folder, build) {
  if (spawnSync('go', ['version']).status !== 0) {
    throw new Error('Go is needed to build the peers, and `go version` cannot be run');
  }
  mkdirSync(cacheFolder(), { recursive: true });
  buildFolder = mkdtempSync(`${folder}.building-`);
  const bin = join(buildFolder, 'bin');
  mkdirSync(bin);
  build(bin);
  rmSync(folder, { recursive: true, force: true });
  renameSync(buildFolder, folder);
}

function go(...args) {
  const ended = spawnSync('go', args, {
    cwd: buildFolder,
    env: { ...process.env, GOBIN: join(buildFolder, 'bin'), GOFLAGS: '-buildvcs=false' },
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  if (ended.status !== 0) {
    const lines = (ended.stderr ?? String(ended.error)).trim().split('\n').slice(-20);
    throw new Error(`go ${args.join(' ')} failed:\n${lines.join('\n')}`);
  }
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
