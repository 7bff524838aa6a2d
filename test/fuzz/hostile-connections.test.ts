// Connections that say little or nothing, against a running Weir: slow senders of headers and of bodies, and ten
// thousand that are silent. Other pushes go on meanwhile, memory stays bounded, and each ends with a clear answer at
// the read time-out. WEIR_IDLE_CONNECTIONS says how many silent ones.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryOf } from '../support/process-memory.ts';
import { RawClient } from '../support/raw-http.ts';
import { push } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const READ_TIMEOUT_MS = 3_000;
/** Past the read time-out: how often it is looked at, and a pause of the machine. */
const GRACE_MS = 60_000;
const SLOW = 300;
const WANTED = Number(process.env.WEIR_IDLE_CONNECTIONS ?? 10_000);
/** Files that the two processes have open besides. */
const OTHER_FILES = 500;
/** Wall clock: a pause of the machine is in it. */
const PUSH_MAX_MS = 30_000;

let weir: WeirProcess;
let directory: string;
let port: number;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-slow-'));
  port = await freePort();
  weir = new WeirProcess({
    port,
    flags: [
      ...['-target=all', `-data-dir=${directory}`, '-log.level=error'],
      `-server.http-read-timeout=${READ_TIMEOUT_MS}ms`,
    ],
  });
  await weir.start();
});

afterAll(async () => {
  await weir.stop();
  await rm(directory, { recursive: true });
});

/** Good pushes of another tenant, one after the other, until told to stop; the slowest, ms. */
function keepPushing(): () => Promise<{ count: number; slowestMs: number }> {
  let goesOn = true;
  let [count, slowestMs] = [0, 0];
  const refused: string[] = [];
  const done = (async () => {
    while (goesOn) {
      const from = performance.now();
      const samples = [[Date.now(), count]] as const;
      const { status, body } = await push(weir.base, [{ labels: { __name__: 'up' }, samples }], {
        tenant: 'other',
      });
      // 0 is a connection that broke: a paused machine may cost one now and then.
      if (status === 200) count++;
      else refused.push(`${status} ${body}`);
      slowestMs = Math.max(slowestMs, performance.now() - from);
      await sleep(20);
    }
  })();
  return async () => {
    goesOn = false;
    await done;
    expect(refused.filter((one) => !one.startsWith('0 '))).toEqual([]);
    expect(refused.length).toBeLessThan(3);
    return { count, slowestMs };
  };
}

const HEADERS = 'POST /api/v1/push HTTP/1.1\r\nhost: x\r\nx-scope-orgid: slow\r\n';

it.each([
  ['a header', HEADERS, 'x-a: b\r\n'],
  ['a body, declared', `${HEADERS}content-length: 100000\r\n\r\n`, 'a'],
  ['a body, chunked', `${HEADERS}transfer-encoding: chunked\r\n\r\n`, '1\r\na\r\n'],
])(`${SLOW} slow senders of %s stop nobody, and get 408`, async (_, begin, more) => {
  const stopPushing = keepPushing();
  const before = memoryOf(weir.pid!).nowMiB;
  const clients = await Promise.all(
    Array.from({ length: SLOW }, () => new RawClient(port).opened()),
  );
  const from = performance.now();
  await Promise.all(clients.map((client) => client.send(begin)));
  while (clients.some((client) => !client.closed)) {
    expect(performance.now() - from).toBeLessThan(READ_TIMEOUT_MS + GRACE_MS);
    await Promise.all(clients.map((client) => client.send(more)));
    await sleep(250);
  }
  for (const client of clients) expect((await client.answer()).status).toBe(408);
  const { count, slowestMs } = await stopPushing();
  expect(count).toBeGreaterThan(10);
  expect(slowestMs).toBeLessThan(PUSH_MAX_MS);
  expect(memoryOf(weir.pid!).nowMiB - before).toBeLessThan(150);
  await expect
    .poll(() => metric('cortex_distributor_inflight_push_requests'), { timeout: 20_000 })
    .toBe(0);
});

it('ten thousand silent connections stop nobody, take little, and are closed', async () => {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
  const count = Math.min(WANTED, files - OTHER_FILES);
  const before = memoryOf(weir.pid!).nowMiB;
  const stopPushing = keepPushing();
  const open = new Set<Socket>();
  const from = performance.now();
  for (let opened = 0; opened < count; opened += 500) {
    const batch = Array.from({ length: Math.min(500, count - opened) }, () => connectTo(open));
    await Promise.all(batch);
  }
  expect(memoryOf(weir.pid!).nowMiB - before).toBeLessThan(300);
  while (open.size > 0) {
    expect(performance.now() - from).toBeLessThan(READ_TIMEOUT_MS + GRACE_MS + 20_000);
    await sleep(100);
  }
  const { count: pushes, slowestMs } = await stopPushing();
  process.stdout.write(
    `${count} silent connections: ${pushes} pushes meanwhile, slowest ${slowestMs.toFixed(0)} ms, RSS ${before.toFixed(0)} to ${memoryOf(weir.pid!).peakMiB.toFixed(0)} MiB\n`,
  );
  expect(pushes).toBeGreaterThan(10);
  expect(slowestMs).toBeLessThan(PUSH_MAX_MS);
});

function connectTo(open: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, resolve);
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.once('close', () => {
      open.delete(socket);
      resolve();
    });
  });
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${weir.base}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}
