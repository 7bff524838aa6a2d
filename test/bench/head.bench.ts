// Kernel benchmark of the head: apply, memory, checkpoint, restart and select on RocksDB, with data like
// the load generator's (100 series an instance, 31 metrics, about 10 labels and 233 label bytes).
// Bundle and run: npx esbuild test/bench/head.bench.ts --bundle --platform=node --format=esm
//   --external:rocksdb --outfile=/tmp/head-bench.mjs && node --expose-gc /tmp/head-bench.mjs [series] [steps]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPartitionHead, type PartitionHead } from '@weir/head';
import { openRocksdbHeadStore } from '@weir/head/rocksdb';
import { createMatcher } from '@weir/model';
import { fill, makeBodies } from './head-load.ts';

const SERIES = Number(process.argv[2] ?? 100_000);
const STEPS = Number(process.argv[3] ?? 240);
const STEP_MS = 15_000;
const START = 1_700_000_000_000;
const CHECKPOINT_STEPS = 12;

function rss(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** CPU time of the whole process, all threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function print(name: string, value: string): void {
  console.log(`${name.padEnd(44)} ${value}`);
}

async function measureSelect(head: PartitionHead, minT: number, maxT: number): Promise<void> {
  const value = 'bench_service_metric_(1|4|7)_total';
  const matchers = [createMatcher({ name: '__name__', op: '=~', value })];
  for (let round = 0; round < 4; round++) {
    const from = performance.now();
    let series = 0;
    let chunks = 0;
    for await (const batch of head.select({ tenant: 't', matchers, minT, maxT })) {
      series += batch.length;
      for (const one of batch) chunks += one.chunks.length;
    }
    const took = (performance.now() - from).toFixed(1);
    print(`select, round ${round}`, `${took} ms, ${series} series, ${chunks} chunks`);
  }
}

const path = await mkdtemp(join(tmpdir(), 'weir-head-bench-'));
const bodies = makeBodies(SERIES);
for (const body of bodies) fill(body, START);
const labelBytes = bodies.reduce((sum, { bytes }) => sum + bytes.length, 0) / SERIES - 21;
print('label bytes per series', labelBytes.toFixed(0));
let head = await openPartitionHead(
  { partition: 0 },
  { store: await openRocksdbHeadStore({ path }) },
);
const before = rss();
let offset = 0;
let applyMs = 0;
let hotMs = 0;
let checkpointMs = 0;
let checkpointCpuMs = 0;
let checkpoints = 0;
for (let step = 0; step < STEPS; step++) {
  for (const body of bodies) {
    fill(body, START + step * STEP_MS);
    const from = cpuMs();
    head.apply(
      [{ offset, timestampMs: 0, tenant: 't', value: body.bytes, version: 1 }],
      offset + 1,
    );
    const took = cpuMs() - from;
    offset++;
    applyMs += took;
    if (step > 0) hotMs += took;
  }
  if (step === 0) {
    print('creation, CPU ns a series', ((applyMs * 1e6) / SERIES).toFixed(0));
    print('RSS per series after one sample, bytes', ((rss() - before) / SERIES).toFixed(0));
  }
  if (step % CHECKPOINT_STEPS === CHECKPOINT_STEPS - 1) {
    const from = performance.now();
    const cpuFrom = cpuMs();
    await head.checkpoint();
    const took = performance.now() - from;
    checkpointMs += took;
    checkpointCpuMs += cpuMs() - cpuFrom;
    checkpoints++;
    if (checkpoints % 5 === 0) {
      print(
        `step ${step}: checkpoint; RSS per series`,
        `${took.toFixed(0)} ms; ${((rss() - before) / SERIES).toFixed(0)} B`,
      );
    }
  }
}
print('apply, CPU ns a sample, hot', ((hotMs * 1e6) / (SERIES * (STEPS - 1))).toFixed(0));
print('apply, CPU ns a sample, with creation', ((applyMs * 1e6) / (SERIES * STEPS)).toFixed(0));
print('checkpoint, ns a sample', ((checkpointMs * 1e6) / (SERIES * STEPS)).toFixed(0));
print('checkpoint, CPU ns a sample', ((checkpointCpuMs * 1e6) / (SERIES * STEPS)).toFixed(0));
const memory = process.memoryUsage();
print(
  'array buffers; JS heap, MB',
  `${(memory.arrayBuffers / 1e6).toFixed(0)}; ${(memory.heapUsed / 1e6).toFixed(0)}`,
);
print('discards', JSON.stringify(head.takeDiscards()));
const end = START + (STEPS - 1) * STEP_MS;
await measureSelect(head, end - 3_600_000, end);
const digest = head.digest();
await head.checkpoint();
await head.close();
const from = performance.now();
let cpuFrom = cpuMs();
const store = await openRocksdbHeadStore({ path });
print('opening the store, CPU ms', (cpuMs() - cpuFrom).toFixed(0));
cpuFrom = cpuMs();
head = await openPartitionHead({ partition: 0 }, { store });
print('restart, CPU ms', (cpuMs() - cpuFrom).toFixed(0));
print(
  'restart',
  `${(performance.now() - from).toFixed(0)} ms, same digest: ${head.digest() === digest}`,
);
await measureSelect(head, end - 3_600_000, end);
await head.close();
await rm(path, { recursive: true });
