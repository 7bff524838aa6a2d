// Makes the caches of compiled code that load.cjs reads: runs the fresh build on a scratch folder through
// what a start and the first requests need (a stop, a restore, a replay after kill -9, a push, a query), and
// has it write what it compiled. It is a smoke test of the build, too: what can't do that is not started.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Seconds are usual; a machine that is busy with much else takes longer. */
const LIMIT_MS = 180_000;
const ANSWER = '"result":[{';

/** Resolves when all of `caches` (paths) exist. */
export async function warmUp(main, caches) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-warm-up-'));
  const deadline = AbortSignal.timeout(LIMIT_MS);
  let running;
  try {
    for (const end of ['SIGTERM', 'SIGKILL', 'SIGUSR2']) {
      running = start(main, folder);
      await use(running, deadline);
      running.child.kill(end);
      if (end === 'SIGUSR2') await until(() => caches.every((path) => existsSync(path)), deadline);
      else await once(running.child, 'exit', { signal: deadline });
    }
  } catch (error) {
    throw new Error(`the build does not run: ${error.message}\n${running?.output() ?? ''}`);
  } finally {
    if (running !== undefined && running.child.exitCode === null) {
      running.child.kill('SIGKILL');
      if (running.child.signalCode === null) await once(running.child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

function start(main, folder) {
  const flags = [`-data-dir=${folder}`, '-server.http-listen-address=127.0.0.1', '-log.level=warn'];
  const child = spawn(process.execPath, [main, ...flags, '-server.http-listen-port=0'], {
    env: { ...process.env, WEIR_WRITE_CODE_CACHE: '1' },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
  }
  return { child, output: () => text };
}

/** Does what the banner proposes: pushes its sample, and queries it until it is there. */
async function use({ child, output }, deadline) {
  const isUp = () => /Query it:[\s\S]*query=\w+/.test(output());
  await until(() => isUp() || child.exitCode !== null, deadline);
  const [, body] = /echo (\S+) \| base64 -d/.exec(output()) ?? [];
  const [, pushUrl] = /(http:\S+\/push)/.exec(output()) ?? [];
  const [, queryUrl] = /(http:[^\s']+query=\w+)/.exec(output()) ?? [];
  if (!body || !pushUrl || !queryUrl) throw new Error('it prints no push or no query');
  const tenant = { 'X-Scope-OrgID': 'demo' };
  await push(pushUrl, { headers: tenant, body: Buffer.from(body, 'base64') }, deadline);
  for (;;) {
    const answer = await fetch(queryUrl, { headers: tenant, signal: deadline });
    if ((await answer.text()).includes(ANSWER)) return;
    await sleep(20, undefined, { signal: deadline });
  }
}

/** Asked for again while nothing can be written yet, as senders do. */
async function push(url, { headers, body }, deadline) {
  const encoding = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
  for (;;) {
    const request = { method: 'POST', headers: { ...headers, ...encoding }, body };
    const answer = await fetch(url, { ...request, signal: deadline });
    const text = await answer.text();
    if (answer.ok) return;
    if (answer.status !== 503) throw new Error(`a push was answered ${answer.status}: ${text}`);
    await sleep(50, undefined, { signal: deadline });
  }
}

async function until(done, deadline) {
  while (!done()) await sleep(20, undefined, { signal: deadline });
}
