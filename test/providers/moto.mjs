// An S3 server for tests: moto, installed once into the cache outside the tree, started on a free port,
// everything in memory. With WEIR_S3_ENDPOINT set that address is used instead, and not stopped.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { preparePython } from './python-venv.mjs';

const MOTO_VERSION = '5.2.5';
const READY_WITHIN_MS = 60_000;

/**
 * @returns {Promise<{ endpoint: string, stop(): Promise<void> }>}
 */
export async function startMoto() {
  const given = process.env.WEIR_S3_ENDPOINT;
  if (given) return { endpoint: given, stop: async () => {} };
  const python = preparePython(`moto-${MOTO_VERSION}`, [`moto[server]==${MOTO_VERSION}`]);
  const port = await freePort();
  // A file, not a pipe: moto logs each request, and would stall on a pipe that nobody empties.
  const folder = mkdtempSync(join(tmpdir(), 'weir-moto-'));
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'w');
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  const tail = () => readFileSync(logFile, 'utf8').slice(-2000);
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await untilAnswers(`${endpoint}/moto-api/`, child, tail);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, stop };
}

async function untilAnswers(url, child, tail) {
  for (const end = Date.now() + READY_WITHIN_MS; Date.now() < end; await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`moto ended by itself: ${tail()}`);
    try {
      await fetch(url);
      return;
    } catch {
      // Not listening yet.
    }
  }
  throw new Error(`moto did not answer at ${url} within ${READY_WITHIN_MS / 1000} s: ${tail()}`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
