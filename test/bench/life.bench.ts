// The life of a process with many series: filling a window, pushes beside its cut when it is due, and
// beside a flush of everything, kill -9, restart, and a start with an empty disk. Prints times, push
// latencies and resident memory. WEIR_BENCH_INSTANCES (of 100 series) and WEIR_BENCH_STEPS (of a window)
// set the size. Needs a build (npm run build).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryWatch } from '../support/memory-watch.ts';
import { PacedLoad } from '../support/paced-load.ts';
import { query, type VectorSeries } from '../support/prometheus-api.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const INSTANCES = Number(process.env.WEIR_BENCH_INSTANCES ?? 200);
const STEPS = Number(process.env.WEIR_BENCH_STEPS ?? 12);
const WINDOW_MS = 7_200_000;
const STEP_MS = WINDOW_MS / STEPS;
/** Steps of the next window before that is long enough for the first one's cut. */
const DUE_STEP = STEPS + Math.ceil(STEPS / 2);
const IDLE_MS = 10_000;
const COMPLETE_MAX_MS = 60_000;
const SHARE_OF_RATE = 0.3;
const TENANT = 'bench';

const directory = await mkdtemp(join(tmpdir(), 'weir-life-'));
const weir = new WeirProcess({
  port: await freePort(),
  flags: [
    `-data-dir=${directory}`,
    '-log.level=warn',
    '-blocks-storage.tsdb.head-compaction-interval=1s',
  ],
  main: 'apps/weir/dist/main.js',
});
const memory = new MemoryWatch(() => weir.pid, 100);
const startMs = (Math.floor(Date.now() / WINDOW_MS) - 3) * WINDOW_MS;
const load = new PacedLoad({
  ...{ base: weir.base, tenant: TENANT, instances: INSTANCES, startMs, stepMs: STEP_MS },
});

async function untilSteps(steps: number): Promise<void> {
  while (load.acknowledgedSteps < steps) await sleep(20);
}

function latency(): string {
  const sorted = load.latenciesMs.splice(0).sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} p99 ${at(0.99)} max ${at(0.9999)} ms`;
}

async function uploads(): Promise<number> {
  const text = await (await fetch(`${weir.base}/metrics`)).text();
  return Number(/^cortex_ingester_shipper_uploads_total (\d+)/m.exec(text)?.[1] ?? 0);
}

async function measureCut(what: string, steady: number, work: () => Promise<void>): Promise<void> {
  const second = memory.now;
  const from = performance.now();
  await work();
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  const peak = memory.peakSinceMiB(second);
  console.log(
    `${what}: ${seconds} s, push ${latency()}, peak ${peak.toFixed(0)} MiB ` +
      `(${(peak / steady).toFixed(2)} of the time before)`,
  );
}

async function untilComplete(): Promise<void> {
  const steps = load.acknowledgedSteps;
  const expression = `sum(count_over_time(paced_metric_7[${(steps * STEP_MS) / 1000}s]))`;
  const expected = (steps * load.seriesCount) / 25;
  const until = performance.now() + COMPLETE_MAX_MS;
  for (;;) {
    const { result } = await query(
      `${weir.base}/prometheus`,
      expression,
      load.timeOf(steps - 1),
      TENANT,
    );
    const found = Number((result as VectorSeries[])[0]?.value[1] ?? 0);
    if (found === expected) return;
    if (found > expected || performance.now() > until) {
      throw new Error(`${found} samples of ${steps} steps, not ${expected}`);
    }
    await sleep(50);
  }
}

async function measureStart(what: string): Promise<void> {
  const from = performance.now();
  const second = memory.now;
  await weir.start(300_000);
  const readyS = (performance.now() - from) / 1000;
  await untilComplete();
  const completeS = (performance.now() - from) / 1000;
  const peak = memory.peakSinceMiB(second);
  await sleep(IDLE_MS);
  console.log(
    `${what}: ready ${readyS.toFixed(2)} s, complete ${completeS.toFixed(2)} s, ` +
      `peak ${peak.toFixed(0)} MiB, after it ${memory.lastMiB.toFixed(0)} MiB`,
  );
}

try {
  await weir.start();
  memory.start();
  load.start(4);
  const from = performance.now();
  await untilSteps(1);
  console.log(
    `creation: ${(load.seriesCount / (performance.now() - from)).toFixed(0)} k series a second`,
  );
  const filling = performance.now();
  await untilSteps(STEPS);
  const rate = (((STEPS - 1) * load.seriesCount) / (performance.now() - filling)) * 1000;
  load.rate = rate * SHARE_OF_RATE;
  console.log(`filled at ${rate.toFixed(0)} samples/s, ${memory.lastMiB.toFixed(0)} MiB`);
  latency();
  const idling = memory.now;
  await sleep(IDLE_MS);
  const steady = memory.peakSinceMiB(idling);
  console.log(`idle: push ${latency()}, at most ${steady.toFixed(0)} MiB`);

  load.rate = 0;
  await untilSteps(DUE_STEP - 1);
  load.rate = rate * SHARE_OF_RATE;
  await sleep(IDLE_MS);
  latency();
  await measureCut('cut of a due window', steady, async () => {
    await untilSteps(DUE_STEP + 1);
    while ((await uploads()) === 0) await sleep(100);
  });
  await measureCut('flush', steady, async () => {
    const answer = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
    if (!answer.ok) throw new Error(`flush: ${answer.status}`);
  });

  load.rate = 0;
  await untilSteps(load.acknowledgedSteps + 8);
  const before = memory.lastMiB;
  await load.stop();
  await untilComplete();
  console.log(`before the kill: ${before.toFixed(0)} MiB`);
  await weir.kill();
  await measureStart('restart');
  await weir.kill();
  await rm(join(directory, 'tsdb'), { recursive: true });
  await measureStart('empty disk');
} finally {
  memory.stop();
  await weir.stop();
  await rm(directory, { recursive: true });
}
