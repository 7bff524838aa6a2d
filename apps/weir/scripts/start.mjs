// `npm start`: installs, builds and runs Weir, skipping what has not changed. Node's own modules only,
// since it runs on a fresh clone. Flags pass through to the program; without -target it runs `all`.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { buildIfChanged, dist } from './build.mjs';
import { checkNodeVersion, installIfChanged } from './install.mjs';

/** RocksDB, file system and compression share libuv's pool, which has 4 threads by default. */
const THREAD_POOL_SIZE = '8';

checkNodeVersion();
try {
  installIfChanged();
  await buildIfChanged();
} catch (error) {
  console.error(`weir: cannot be started: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

const given = process.argv.slice(2);
const args = given.some((arg) => /^--?target(=|$)/.test(arg)) ? given : ['-target=all', ...given];
const child = spawn(process.execPath, [join(dist, 'main.js'), ...args], {
  stdio: 'inherit',
  env: { UV_THREADPOOL_SIZE: THREAD_POOL_SIZE, ...process.env },
});

// Ctrl-C at a terminal reaches the whole process group, the child too: forwarding it would make two.
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}

child.on('error', (error) => {
  console.error(`weir: cannot be started: ${error.message}`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});
