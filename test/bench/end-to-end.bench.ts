// End to end: one Weir process on the embedded log, remote write 1.0 from this process, then queries.
// Prints samples per second, the server's CPU per sample and its resident memory, from /proc.
// WEIR_BENCH_SERIES and WEIR_BENCH_STEPS set the size. Needs a build (npm run build).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '../support/prometheus-api.ts';
import { push, type TestSeries } from '../support/remote-write.ts';

const SERIES = Number(process.env.WEIR_BENCH_SERIES ?? 20_000);
const STEPS = Number(process.env.WEIR_BENCH_STEPS ?? 20);
const PER_REQUEST = 2000;
const STEP_MS = 15_000;
const TICKS_PER_SECOND = 100;

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

function seriesAt(from: number, t: number, step: number): TestSeries[] {
  return Array.from({ length: PER_REQUEST }, (_, index) => ({
    labels: {
      __name__: 'bench_requests_total',
      namespace: `namespace-${(from + index) % 10}`,
      pod: `deployment-name-${Math.floor((from + index) / 100)}-abcdef`,
      instance: `10.40.${Math.floor((from + index) / 1000)}.${(from + index) % 100}:8080`,
      job: `namespace/service-${(from + index) % 20}`,
      handler: `/api/v1/resource/${(from + index) % 100}`,
      method: 'GET',
      code: '200',
    },
    samples: [[t, step * ((from + index) % 50)]],
  }));
}

const directory = await mkdtemp(join(tmpdir(), 'weir-end-to-end-'));
const port = 20_000 + (process.pid % 20_000);
const base = `http://127.0.0.1:${port}`;
const server = spawn(
  process.execPath,
  [
    'apps/weir/dist/main.js',
    `-data-dir=${directory}`,
    `-server.http-listen-port=${port}`,
    '-server.http-listen-address=127.0.0.1',
    '-log.level=error',
    '-querier.rehearsal-enabled=false',
  ],
  { stdio: 'ignore', env: { ...process.env, UV_THREADPOOL_SIZE: '8' } },
);
const pid = server.pid!;
try {
  while (!(await fetch(`${base}/ready`).catch(() => undefined))?.ok) await sleep(50);
  const idleMiB = residentMiB(pid);
  const startMs = Math.floor(Date.now() / STEP_MS - STEPS) * STEP_MS;
  const cpuBefore = cpuSeconds(pid);
  const from = performance.now();
  for (let step = 0; step < STEPS; step++) {
    for (let first = 0; first < SERIES; first += PER_REQUEST) {
      const body = seriesAt(first, startMs + step * STEP_MS, step);
      const { status, body: text } = await push(base, body, { tenant: 'bench' });
      if (status !== 200) throw new Error(`${status} ${text}`);
    }
  }
  const seconds = (performance.now() - from) / 1000;
  const samples = SERIES * STEPS;
  console.log(`ingest: ${Math.round(samples / seconds)} samples/s with one sender`);
  console.log(
    `server CPU: ${(((cpuSeconds(pid) - cpuBefore) * 1e6) / samples).toFixed(2)} µs a sample`,
  );
  const growth = ((residentMiB(pid) - idleMiB) * 1024) / SERIES;
  console.log(
    `resident: ${residentMiB(pid).toFixed(0)} MiB, ${growth.toFixed(1)} KiB more a series`,
  );
  for (const expression of [
    'sum by (job)(rate(bench_requests_total[5m]))',
    'count({__name__!=""})',
  ]) {
    const times: number[] = [];
    for (let run = 0; run < 5; run++) {
      const at = performance.now();
      await query(`${base}/prometheus`, expression, startMs + STEPS * STEP_MS, 'bench');
      times.push(performance.now() - at);
    }
    console.log(`${expression}: median ${times.sort((a, b) => a - b)[2]!.toFixed(1)} ms`);
  }
} finally {
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
  await rm(directory, { recursive: true });
}
