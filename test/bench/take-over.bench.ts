// How long a new pod with an empty disk takes until it owns and serves: from the snapshot in the bucket and the
// log's tail, and beside it without snapshots, by a replay of the whole log; and for comparison with its disk.
// Prints when it was ready, when a first query was answered, when all was there, and peak memory.
// WEIR_BENCH_INSTANCES (of 100 series) and WEIR_BENCH_STEPS set the size; with WEIR_BENCH_LOGS=kafka the log is a
// Kafka broker on this machine, else the embedded one. Needs a build (npm run build).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryWatch } from '../support/memory-watch.ts';
import { PacedLoad } from '../support/paced-load.ts';
import { query, type VectorSeries } from '../support/prometheus-api.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';
import { startKafkaProcess } from './kafka-process.ts';

const INSTANCES = Number(process.env.WEIR_BENCH_INSTANCES ?? 10_000);
const STEPS = Number(process.env.WEIR_BENCH_STEPS ?? 8);
const STEP_MS = 60_000;
/** Pushed after the newest snapshot. */
const TAIL_STEPS = 1;
const TENANT = 'bench';
const SNAPSHOT_EVERY_MS = 10_000;
const START_MAX_MS = 600_000;

const kafka = process.env.WEIR_BENCH_LOGS === 'kafka' ? await startKafkaProcess() : undefined;
const directory = await mkdtemp(join(tmpdir(), 'weir-take-over-'));
const port = await freePort();
const processWith = (snapshotInterval: string) =>
  new WeirProcess({
    port,
    flags: [
      `-data-dir=${directory}`,
      '-log.level=warn',
      `-ingester.snapshot-interval=${snapshotInterval}`,
      ...(kafka === undefined
        ? []
        : [
            `-ingest-storage.kafka.address=${kafka.brokers}`,
            '-ingest-storage.kafka.auto-create-topic-default-partitions=4',
          ]),
    ],
    main: 'apps/weir/dist/main.js',
  });
let weir = processWith(`${SNAPSHOT_EVERY_MS}ms`);
const memory = new MemoryWatch(() => weir.pid, 50);
const load = new PacedLoad({
  ...{ base: weir.base, tenant: TENANT, instances: INSTANCES, stepMs: STEP_MS },
  startMs: Math.floor(Date.now() / STEP_MS - STEPS - TAIL_STEPS) * STEP_MS,
});

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${weir.base}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:{.*})? (\\S+)`, 'm').exec(text)?.[1] ?? 0);
}

/** Snapshots are taken while something is new in them, so the newest has it all when no more come. */
async function untilSnapshotsRest(): Promise<void> {
  let count = 0;
  let sinceMs = performance.now();
  while (count === 0 || performance.now() - sinceMs < 3 * SNAPSHOT_EVERY_MS) {
    await sleep(500);
    const now = await metric('weir_ingester_snapshots_total');
    if (now !== count) sinceMs = performance.now();
    count = now;
  }
  const bytes = await metric('weir_ingester_snapshot_bytes_total');
  console.log(`${count} snapshots taken, ${(bytes / 2 ** 20).toFixed(0)} MiB in all`);
}

/** Of what was acknowledged: how much a query finds; NaN while there is no answer. */
async function shareFound(): Promise<number> {
  const steps = load.acknowledgedSteps;
  const expression = `sum(count_over_time(paced_metric_7[${(steps * STEP_MS) / 1000}s]))`;
  const expected = (steps * load.seriesCount) / 25;
  const timeMs = load.timeOf(steps - 1);
  const { result } = await query(`${weir.base}/prometheus`, expression, timeMs, TENANT);
  const share = Number((result as VectorSeries[])[0]?.value[1] ?? 0) / expected;
  if (share > 1) throw new Error('samples are there twice');
  return share;
}

async function measureStart(what: string, snapshotInterval: string): Promise<void> {
  weir = processWith(snapshotInterval);
  const from = performance.now();
  const second = memory.now;
  const secondsSince = () => ((performance.now() - from) / 1000).toFixed(2);
  await weir.start(START_MAX_MS);
  const ready = secondsSince();
  let share = await shareFound();
  const answered = secondsSince();
  while (share < 1) {
    await sleep(50);
    share = await shareFound();
  }
  const complete = secondsSince();
  const peak = memory.peakSinceMiB(second).toFixed(0);
  console.log(
    `${what}: ready ${ready} s, first query ${answered} s, complete ${complete} s, ` +
      `peak ${peak} MiB`,
  );
  await weir.kill();
}

try {
  await weir.start();
  memory.start();
  const from = performance.now();
  load.start(4);
  while (load.acknowledgedSteps < STEPS) await sleep(20);
  await load.stop();
  const seconds = (performance.now() - from) / 1000;
  console.log(
    `${kafka === undefined ? 'embedded log' : 'Kafka'}: ${load.seriesCount} series x ` +
      `${load.acknowledgedSteps} steps filled in ${seconds.toFixed(0)} s`,
  );
  await untilSnapshotsRest();
  const end = load.acknowledgedSteps + TAIL_STEPS;
  load.start(4);
  while (load.acknowledgedSteps < end) await sleep(20);
  await load.stop();
  while ((await shareFound()) < 1) await sleep(50);
  await weir.kill();
  const empty = () => rm(join(directory, 'tsdb'), { recursive: true });
  // First, while the newest snapshot is the one from before the tail.
  await empty();
  await measureStart('empty disk, snapshot and tail', '1h');
  await empty();
  await measureStart('empty disk, whole log', '0');
  await measureStart('with its disk', '0');
} finally {
  memory.stop();
  await weir.kill();
  await kafka?.stop();
  await rm(directory, { recursive: true });
}
