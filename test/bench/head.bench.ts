// Kernel benchmark of the head: apply, memory, checkpoint, restart and select on RocksDB, with data like
// the load generator's (100 series an instance, 31 metrics, about 10 labels and 233 label bytes).
// Bundle and run: npx esbuild test/bench/head.bench.ts --bundle --platform=node --format=esm
//   --external:rocksdb --outfile=/tmp/head-bench.mjs && node --expose-gc /tmp/head-bench.mjs [series] [steps]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPartitionHead, type PartitionHead } from '@weir/head';
import { openRocksdbHeadStore } from '@weir/head/rocksdb';
import { createMatcher, encodeLabels } from '@weir/model';

const SERIES = Number(process.argv[2] ?? 100_000);
const STEPS = Number(process.argv[3] ?? 240);
const BODY_SERIES = 2000;
const STEP_MS = 15_000;
const START = 1_700_000_000_000;
const CHECKPOINT_STEPS = 12;
const METRICS = 31;

interface Body {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where each sample's value begins; the timestamp follows. */
  readonly values: Int32Array;
  readonly kinds: Uint8Array;
  readonly current: Float64Array;
}

function labelsFor(index: number): Uint8Array {
  const instance = Math.floor(index / 100);
  const local = index % 100;
  const metric = local % METRICS;
  return encodeLabels(
    Object.entries({
      __name__: `bench_service_metric_${metric}_${metric % 3 ? 'total' : 'bytes'}`,
      cluster: `eu-west-${instance % 3}`,
      container: `server-${instance % 7}`,
      env: 'production',
      instance: `10.${instance >> 8}.${instance & 255}.17:9100`,
      job: `integrations/service-${instance % 20}`,
      namespace: `team-${instance % 50}`,
      pod: `service-${instance % 20}-7d9f8b6c5-${(instance * 7919).toString(36)}`,
      region: 'eu-west',
      variant: `v${Math.floor(local / METRICS)}`,
    }).map(([name, value]) => ({ name, value })),
  );
}

function makeBodies(): Body[] {
  const bodies: Body[] = [];
  for (let from = 0; from < SERIES; from += BODY_SERIES) {
    const count = Math.min(BODY_SERIES, SERIES - from);
    const out = new Uint8Array(count * 400);
    const values = new Int32Array(count);
    let at = 0;
    for (let index = 0; index < count; index++) {
      const labels = labelsFor(from + index);
      const size = labels.length + 18;
      out[at++] = 0x0a;
      out[at++] = (size & 127) | 128;
      out[at++] = size >>> 7;
      out.set(labels, at);
      at += labels.length;
      out.set([0x12, 16, 0x09], at);
      values[index] = at + 3;
      out[at + 11] = 0x10;
      at += 18;
    }
    const bytes = out.slice(0, at);
    const kinds = Uint8Array.from({ length: count }, (_, index) => (from + index) % 4);
    bodies.push({
      bytes,
      view: new DataView(bytes.buffer),
      values,
      kinds,
      current: new Float64Array(count),
    });
  }
  return bodies;
}

let seed = 1;
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

function fill(body: Body, t: number): void {
  const { bytes, view, values, kinds, current } = body;
  for (let index = 0; index < values.length; index++) {
    const kind = kinds[index];
    if (kind === 0) current[index] = 42;
    else if (kind === 1) current[index] += Math.floor(random() * 100);
    else if (kind === 2) current[index] += 1;
    else current[index] = Math.round(random() * 10_000) / 100;
    view.setFloat64(values[index], current[index], true);
    let at = values[index] + 9;
    let left = t;
    for (; left >= 128; left = Math.floor(left / 128)) bytes[at++] = (left % 128) | 128;
    bytes[at] = left;
  }
}

function rss(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage.rss();
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
const bodies = makeBodies();
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
let checkpoints = 0;
for (let step = 0; step < STEPS; step++) {
  for (const body of bodies) {
    fill(body, START + step * STEP_MS);
    const from = process.cpuUsage();
    head.apply(
      [{ offset, timestampMs: 0, tenant: 't', value: body.bytes, version: 1 }],
      offset + 1,
    );
    const { user, system } = process.cpuUsage(from);
    const took = (user + system) / 1000;
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
    await head.checkpoint();
    const took = performance.now() - from;
    checkpointMs += took;
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
head = await openPartitionHead({ partition: 0 }, { store: await openRocksdbHeadStore({ path }) });
print(
  'restart',
  `${(performance.now() - from).toFixed(0)} ms, same digest: ${head.digest() === digest}`,
);
await measureSelect(head, end - 3_600_000, end);
await head.close();
await rm(path, { recursive: true });
