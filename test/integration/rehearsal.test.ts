// A process that rehearses queries after its start, as one does by default: nobody sees it, and it doesn't hold up a stop.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { api, query, type VectorSeries } from '../support/prometheus-api.ts';
import { push } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

/** Of the process, and of the requests of this test. */
const PASSING = /^(?:# |process_|nodejs_|cortex_request_duration_seconds)/;
const STOP_WITHIN_MS = 5_000;
const POLL = { timeout: 100_000, interval: 50 };

let directory: string;
let rehearsal: string;
let weir: WeirProcess;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-rehearsal-'));
  rehearsal = join(directory, 'rehearsal');
  const flags = ['-target=all', `-data-dir=${directory}`];
  weir = new WeirProcess({ port: await freePort(), flags, rehearses: true });
});
afterEach(async () => {
  await weir.kill();
  await rm(directory, { recursive: true });
});

async function metricNames(): Promise<ReadonlySet<string>> {
  const text = await (await fetch(`${weir.base}/metrics`)).text();
  const lines = text.split('\n').filter((line) => !PASSING.test(line));
  return new Set(lines.map((line) => line.split(/[{ ]/)[0]!));
}

/** Series of all pushes so far. */
async function pushAndCount(name: string): Promise<string | undefined> {
  const nowMs = Date.now();
  const labels = { __name__: 'pushed', name };
  const { status } = await push(weir.base, [{ labels, samples: [[nowMs, 1]] }]);
  expect(status).toBe(200);
  const { result } = await query(`${weir.base}/prometheus`, 'count({__name__!=""})', nowMs);
  return (result as VectorSeries[])[0]?.value[1];
}

it('shows nothing of its rehearsal, and serves during and after it', async () => {
  await weir.start();
  expect(await pushAndCount('first')).toBe('1');
  const before = await metricNames();
  await expect.poll(() => existsSync(rehearsal), POLL).toBe(true);
  expect(await metricNames()).toEqual(before);
  expect(await pushAndCount('first')).toBe('1');
  await expect.poll(() => weir.output, POLL).toContain('queries are rehearsed');

  expect(existsSync(rehearsal)).toBe(false);
  expect(await metricNames()).toEqual(before);
  const text = await (await fetch(`${weir.base}/metrics`)).text();
  expect(text).toContain('\ncortex_ingester_memory_users 1\n');
  expect(text).toContain('\ncortex_ingester_memory_series 1\n');
  expect(text).not.toContain('rehearsal');
  expect(await pushAndCount('second')).toBe('2');
  const { data } = await api(`${weir.base}/prometheus`, '/api/v1/label/__name__/values', {});
  expect(data).toEqual(['pushed']);
  for (const page of ['/ready', '/ingester/partitions', '/distributor/all_user_stats']) {
    expect(await (await fetch(weir.base + page)).text(), page).not.toContain('rehearsal');
  }
  expect(weir.output).not.toContain('"level":40');
  expect(weir.output).not.toContain('"level":50');
  expect(await weir.stop()).toBe(0);
});

it('stops promptly in the middle of it, and leaves nothing behind', async () => {
  await weir.start();
  for (const afterMs of [0, 500]) {
    await expect.poll(() => existsSync(rehearsal), POLL).toBe(true);
    await sleep(afterMs);
    expect(weir.output).not.toContain('queries are rehearsed');
    const startMs = performance.now();
    expect(await weir.stop()).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(STOP_WITHIN_MS);
    expect(existsSync(rehearsal)).toBe(false);
    expect(weir.output).not.toMatch(/"level":[45]0/);
    await weir.start();
  }
  expect(await weir.stop()).toBe(0);
});

it('removes what a killed process left of its own', async () => {
  await weir.start();
  await expect.poll(() => existsSync(rehearsal), POLL).toBe(true);
  await weir.kill();
  expect(existsSync(rehearsal)).toBe(true);
  const left = join(rehearsal, 'left');
  await mkdir(left, { recursive: true });
  await writeFile(join(left, 'partition.json'), 'half of i');
  await weir.start();
  await expect.poll(() => existsSync(left), POLL).toBe(false);
  await expect.poll(() => weir.output, POLL).toContain('queries are rehearsed');
  expect(existsSync(rehearsal)).toBe(false);
});
