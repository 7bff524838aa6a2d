// A client that leaves ends the work for it: within a second the process takes no CPU any more, wherever it left.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { push } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const STEP_MS = 15_000;
const STEPS = 240;
const SERIES = 1500;
/** The kernel's tick: 100 in a second. */
const TICK_MS = 10;
const END_WITHIN_MS = 1000;
const LOOK_MS = 1000;
/** Of one second: timers, and the rest of garbage collection. */
const IDLE_MAX_MS = 300;
/** So much of the query is done when its client leaves. */
const BUSY_MS = 500;
let directory: string;
let weir: WeirProcess;
let endSeconds: number;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-leaving-'));
  const flags = ['-target=all', `-data-dir=${directory}`, '-log.level=warn'];
  weir = new WeirProcess({ port: await freePort(), flags });
  await weir.start();
  const startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - STEPS * STEP_MS;
  endSeconds = startMs / 1000 + (STEPS * STEP_MS) / 1000;
  for (let from = 0; from < SERIES; from += 500) {
    const series = Array.from({ length: 500 }, (_, at) => ({
      labels: { __name__: 'm', instance: `i-${from + at}` },
      samples: Array.from(
        { length: STEPS },
        (_, step) => [startMs + step * STEP_MS, Math.sin(step + at) * 1e3] as const,
      ),
    }));
    expect((await push(weir.base, series)).status).toBe(200);
  }
});

afterAll(async () => {
  await weir?.stop();
  await rm(directory, { recursive: true });
});

function cpuMs(): number {
  const stat = readFileSync(`/proc/${weir.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function ask(method: 'GET' | 'POST', query: string, stepSeconds: number, coding: string) {
  const params = new URLSearchParams({ query, step: String(stepSeconds) });
  params.set('start', String(endSeconds - 3000));
  params.set('end', String(endSeconds));
  const path = '/prometheus/api/v1/query_range';
  const headers = {
    'x-scope-orgid': 'test',
    'accept-encoding': coding,
    ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
  };
  const url = `${weir.base}${path}${method === 'GET' ? `?${params}` : ''}`;
  const asked = request(url, { method, headers, agent: false });
  asked.end(method === 'POST' ? params.toString() : undefined);
  return asked;
}

async function expectIdle(): Promise<void> {
  await sleep(END_WITHIN_MS);
  const before = cpuMs();
  await sleep(LOOK_MS);
  expect(cpuMs() - before).toBeLessThan(IDLE_MAX_MS);
}

/** Leaves while the query runs: nothing has been answered. */
async function leaveBeforeAnswer(asked: ClientRequest): Promise<void> {
  let answered = false;
  asked.once('response', () => {
    answered = true;
  });
  asked.on('error', () => {});
  const before = cpuMs();
  while (!answered && cpuMs() - before < BUSY_MS) await sleep(TICK_MS);
  asked.destroy();
  expect(answered).toBe(false);
  await expectIdle();
}

it.each([
  ['one evaluated by owners', 'sum by (instance) (quantile_over_time(0.5, m[30m]))'],
  ['one evaluated in the querier', 'max_over_time(sum(quantile_over_time(0.5, m[30m]))[30m:1s])'],
  ['a join', 'max(m * on (instance) group_left quantile_over_time(0.5, m[30m]))'],
])('ends %s before its answer', async (_, query) => {
  for (const method of ['GET', 'POST'] as const) {
    await leaveBeforeAnswer(ask(method, query, 1, 'gzip'));
  }
});

it.each(['identity', 'gzip', 'zstd'])('ends a long answer in the middle: %s', async (coding) => {
  const asked = ask('GET', 'm * 1.1', 1, coding);
  asked.on('error', () => {});
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  await once(answer, 'data');
  answer.destroy();
  await expectIdle();
});
