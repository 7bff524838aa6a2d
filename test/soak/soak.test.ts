// Hours of event time in minutes: paced load with churn, blocks being cut and shipped, queries, and a
// kill -9 now and then, at a share of the rate that this machine can sustain. At the end every sample
// that was acknowledged is counted and summed, and memory must be flat. WEIR_SOAK_MINUTES sets the
// length; the short default only proves that the soak itself works.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MemoryWatch } from '../support/memory-watch.ts';
import { PacedLoad } from '../support/paced-load.ts';
import { query, type VectorSeries } from '../support/prometheus-api.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const MINUTES = Number(process.env.WEIR_SOAK_MINUTES ?? 0.75);
const INSTANCES = Number(process.env.WEIR_SOAK_INSTANCES ?? (MINUTES < 5 ? 60 : 500));
const KILL_EVERY_MS = MINUTES < 5 ? 15_000 : 120_000;
const SHARE = 0.7;
const CHURN_A_MINUTE = 0.05;
const CALIBRATION_MS = MINUTES < 5 ? 5_000 : 30_000;
const STEP_MS = 15_000;
const DAY_MS = 86_400_000;
const WINDOW_STEPS = 480;
const TENANT = 'soak';

const QUERIES = [
  'sum by (job)(rate(paced_metric_3[5m]))',
  'count({__name__=~"paced_metric_1.*"})',
  'topk(5, paced_metric_7)',
  'paced_metric_9{instance="10.40.0.7:8080"}[10m]',
  'max_over_time(paced_metric_2{namespace="namespace-3"}[30m])',
];

async function number(base: string, expression: string, timeMs: number): Promise<number> {
  const { result } = await query(base, expression, timeMs, TENANT);
  return Number((result as VectorSeries[])[0]?.value[1] ?? 0);
}

/** Counts and sums the steps [from, to) metric by metric; the differences, empty when right. */
async function differences(base: string, load: PacedLoad, from: number, to: number) {
  const found: string[] = [];
  const range = `[${(to - from) * (STEP_MS / 1000)}s]`;
  const at = load.timeOf(to - 1);
  let count = 0;
  let sum = 0;
  for (let metric = 0; metric < 25; metric++) {
    const name = `paced_metric_${metric}`;
    count += await number(base, `sum(count_over_time(${name}${range}))`, at);
    sum += await number(base, `sum(sum_over_time(${name}${range}))`, at);
  }
  const expected = (to - from) * load.seriesCount;
  if (count !== expected) found.push(`steps ${from} to ${to}: ${count} samples, not ${expected}`);
  const expectedSum = load.expectedSum(from, to);
  if (sum !== expectedSum) found.push(`steps ${from} to ${to}: sum ${sum}, not ${expectedSum}`);
  return found;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

describe('soak', () => {
  it(
    `loses nothing and keeps its memory flat over ${MINUTES} minutes`,
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'weir-soak-'));
      const weir = new WeirProcess({
        port: await freePort(),
        flags: [
          `-data-dir=${directory}`,
          '-log.level=warn',
          '-blocks-storage.tsdb.ship-interval=5s',
          '-blocks-storage.tsdb.head-compaction-interval=5s',
        ],
      });
      const base = `${weir.base}/prometheus`;
      const startMs = Math.floor((Date.now() - 8 * DAY_MS) / STEP_MS) * STEP_MS;
      const options = { base: weir.base, tenant: TENANT, instances: INSTANCES, startMs };
      const load = new PacedLoad({ ...options, stepMs: STEP_MS });
      const memory = new MemoryWatch(() => weir.pid);
      const logs: string[] = [];
      const restartsMs: number[] = [];
      const queriesMs: number[] = [];
      const problems: string[] = [];
      await weir.start();
      memory.start();

      load.start();
      await sleep(CALIBRATION_MS / 3);
      const before = load.acknowledgedSamples;
      await sleep((CALIBRATION_MS * 2) / 3);
      const sustainable = ((load.acknowledgedSamples - before) * 1500) / CALIBRATION_MS;
      load.rate = sustainable * SHARE;
      load.lifeSteps = Math.ceil((load.rate / load.seriesCount) * (60 / CHURN_A_MINUTE));
      load.latenciesMs.length = 0;
      console.log(
        `soak: sustainable ${sustainable.toFixed(0)} samples/s, ${load.seriesCount} series`,
      );

      let alive = true;
      let running = true;
      const asking = (async () => {
        for (let turn = 0; running; turn++) {
          await sleep(500);
          if (!alive) continue;
          const from = performance.now();
          const at = load.timeOf(Math.max(0, load.acknowledgedSteps - 1));
          try {
            await query(base, QUERIES[turn % QUERIES.length]!, at, TENANT);
            queriesMs.push(performance.now() - from);
          } catch (error) {
            if (alive && running) problems.push(String(error));
          }
        }
      })();

      const endAt = performance.now() + MINUTES * 60_000;
      while (performance.now() + KILL_EVERY_MS < endAt) {
        await sleep(KILL_EVERY_MS);
        alive = false;
        await weir.kill();
        logs.push(weir.output);
        const from = performance.now();
        await weir.start(60_000);
        restartsMs.push(performance.now() - from);
        memory.restarted();
        alive = true;
        const to = load.acknowledgedSteps;
        problems.push(...(await differences(base, load, Math.max(0, to - 40), to)));
      }
      await sleep(Math.max(0, endAt - performance.now()));
      running = false;
      await asking;
      await load.stop();
      memory.stop();
      console.log(memory.plot());
      for (let from = 0; from < load.acknowledgedSteps; from += WINDOW_STEPS) {
        const to = Math.min(from + WINDOW_STEPS, load.acknowledgedSteps);
        problems.push(...(await differences(base, load, from, to)));
      }
      logs.push(weir.output);
      expect(await weir.stop()).toBe(0);

      const trend = memory.trend();
      console.log(
        `soak: ${load.acknowledgedSamples} samples, ${load.acknowledgedSteps} steps ` +
          `(${((load.acknowledgedSteps * STEP_MS) / 3_600_000).toFixed(1)} h of event time), ` +
          `answers ${JSON.stringify([...load.statuses])}, push p50 ${percentile(load.latenciesMs, 0.5).toFixed(0)} ` +
          `p99 ${percentile(load.latenciesMs, 0.99).toFixed(0)} ms, ${queriesMs.length} queries p50 ` +
          `${percentile(queriesMs, 0.5).toFixed(0)} p99 ${percentile(queriesMs, 0.99).toFixed(0)} ms, ` +
          `restarts ${restartsMs.map((ms) => ms.toFixed(0)).join(' ')} ms, memory peak ` +
          `${memory.peakMiB.toFixed(0)} MiB, trend ${JSON.stringify(trend)}`,
      );
      expect(problems).toEqual([]);
      expect(logs.filter((text) => /unhandled|uncaught/i.test(text))).toEqual([]);
      if (MINUTES >= 20) {
        expect(trend!.lastMiB / trend!.firstMiB, 'memory grows').toBeLessThan(1.15);
      }
      await rm(directory, { recursive: true });
    },
    MINUTES * 60_000 + 600_000,
  );
});
