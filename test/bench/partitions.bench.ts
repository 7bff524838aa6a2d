// Many partitions on one pod: how long it takes to be ready and what memory each costs, empty and with some
// series, started anew and again after a kill. On the embedded log and on a Kafka broker (in a process of
// its own; WEIR_BENCH_LOGS=kafka or embedded runs one). The number of partitions is the argument, 1000 by
// default; WEIR_BENCH_INSTANCES (of 100 series) says how many series. Needs a build (npm run build).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryWatch } from '../support/memory-watch.ts';
import { PacedLoad } from '../support/paced-load.ts';
import { query, type VectorSeries } from '../support/prometheus-api.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';
import { startKafkaProcess } from './kafka-process.ts';

const PARTITIONS = Number(process.argv[2] ?? 1000);
const LOGS = (process.env.WEIR_BENCH_LOGS ?? 'embedded,kafka').split(',');
const INSTANCES = Number(process.env.WEIR_BENCH_INSTANCES ?? 200);
const STEPS = 4;
const STEP_MS = 60_000;
const TENANT = 'bench';
const START_MAX_MS = 600_000;
const SETTLE_MS = 15_000;

interface Figures {
  readonly what: string;
  readonly readyS: number;
  readonly memory: MemoryWatch;
  /** MiB once calm. */
  readonly calmMiB: number;
}

async function started(what: string, weir: WeirProcess, memory: MemoryWatch): Promise<Figures> {
  const from = performance.now();
  const second = memory.now;
  await weir.start(START_MAX_MS);
  const readyS = (performance.now() - from) / 1000;
  await sleep(SETTLE_MS);
  const calmMiB = memory.lastMiB;
  const peak = memory.peakSinceMiB(second).toFixed(0);
  console.log(
    `${what}: ready ${readyS.toFixed(2)} s, ${calmMiB.toFixed(0)} MiB, at most ${peak} MiB`,
  );
  return { what, readyS, memory, calmMiB };
}

async function countOf(weir: WeirProcess, load: PacedLoad): Promise<number> {
  const steps = load.acknowledgedSteps;
  const expression = `sum(count_over_time(paced_metric_7[${(steps * STEP_MS) / 1000}s]))`;
  const timeMs = load.timeOf(steps - 1);
  const { result } = await query(`${weir.base}/prometheus`, expression, timeMs, TENANT);
  return Number((result as VectorSeries[])[0]?.value[1] ?? 0);
}

async function measure(kind: string, partitions: number, logFlags: readonly string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'weir-partitions-'));
  const weir = new WeirProcess({
    port: await freePort(),
    flags: [`-data-dir=${directory}`, '-log.level=warn', ...logFlags],
    main: 'apps/weir/dist/main.js',
  });
  const memory = new MemoryWatch(() => weir.pid, 100);
  memory.start();
  const named = `${kind}, ${partitions} partitions`;
  try {
    const empty = await started(`${named}, empty`, weir, memory);
    await weir.kill();
    await started(`${named}, empty, again`, weir, memory);
    const startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - STEPS * STEP_MS;
    const load = new PacedLoad({
      ...{ base: weir.base, tenant: TENANT, instances: INSTANCES, startMs, stepMs: STEP_MS },
    });
    const filling = performance.now();
    load.start(4);
    while (load.acknowledgedSteps < STEPS) await sleep(20);
    await load.stop();
    const seconds = (performance.now() - filling) / 1000;
    const rate = load.acknowledgedSamples / seconds;
    await sleep(SETTLE_MS);
    const expected = load.acknowledgedSamples / 25;
    const from = performance.now();
    if ((await countOf(weir, load)) !== expected) throw new Error('samples are missing');
    const queryMs = performance.now() - from;
    console.log(
      `${named}, ${load.seriesCount} series: ${rate.toFixed(0)} samples/s, ` +
        `${memory.lastMiB.toFixed(0)} MiB, a query over 4 % of them ${queryMs.toFixed(0)} ms`,
    );
    await weir.kill();
    await started(`${named}, ${load.seriesCount} series, again`, weir, memory);
    if ((await countOf(weir, load)) !== expected) throw new Error('samples are missing');
    return empty.calmMiB;
  } catch (error) {
    console.log(weir.output);
    throw error;
  } finally {
    memory.stop();
    await weir.kill();
    await rm(directory, { recursive: true });
  }
}

for (const kind of LOGS) {
  const kafka = kind === 'kafka' ? await startKafkaProcess() : undefined;
  try {
    const calm: number[] = [];
    for (const partitions of [1, PARTITIONS]) {
      const flags =
        kafka === undefined
          ? [`-embedded-log.partitions=${partitions}`]
          : [
              `-ingest-storage.kafka.address=${kafka.brokers}`,
              `-ingest-storage.kafka.topic=bench-${partitions}`,
              `-ingest-storage.kafka.auto-create-topic-default-partitions=${partitions}`,
            ];
      calm.push(await measure(kind, partitions, flags));
    }
    const each = ((calm[1]! - calm[0]!) / (PARTITIONS - 1)) * 1024;
    console.log(`${kind}: ${each.toFixed(0)} KiB for each empty partition`);
  } finally {
    await kafka?.stop();
  }
}
