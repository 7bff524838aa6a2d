// What a cut costs its neighbours: a head on RocksDB whose window is cut into a block on disk, then
// dropped, while samples of the next window are applied. Prints how long a turn of the loop waited, the
// CPU time of the longest step, memory against that before the cut, and what restarting takes. A third
// argument 1 leaves out applying, to see what memory the cut itself takes.
// Run: npm run bench -- cut, or bundled as head.bench.ts says, with [series] [samples of each] [1].
import { appendFileSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openPartitionHead } from '@weir/head';
import { openRocksdbHeadStore } from '@weir/head/rocksdb';
import { writeBlock } from '@weir/tsdb/block';
import { fill, makeBodies } from './head-load.ts';

const SERIES = Number(process.argv[2] ?? 1_000_000);
const STEPS = Number(process.argv[3] ?? 12);
const ALONE = process.argv[4] === '1';
const STEP_MS = 60_000;
const WINDOW_MS = 7_200_000;
const START = 236_112 * WINDOW_MS;
const CHECKPOINT_STEPS = 6;
const PAUSE_MS = 1;

const path = await mkdtemp(join(tmpdir(), 'weir-cut-bench-'));
const bodies = makeBodies(SERIES);
let head = await openPartitionHead(
  { partition: 0 },
  { store: await openRocksdbHeadStore({ path: join(path, 'head') }) },
);
let since = performance.now();
let peakRss = 0;
let peak: Record<string, number> = {};
let base: Record<string, number> = {};
/** CPU time of the process, all its threads: on a shared machine it says more than the clock. */
let cpuSince = 0;
let longestStepMs = 0;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Lets others run when a millisecond has passed. */
function pause(): Promise<void> | undefined {
  const cpu = cpuMs();
  // Other threads' work counts in the one, waiting for a core in the other.
  longestStepMs = Math.max(longestStepMs, Math.min(cpu - cpuSince, performance.now() - since));
  if (performance.now() - since < PAUSE_MS) return undefined;
  notePeak();
  return new Promise((resolve) =>
    setImmediate(() => {
      since = performance.now();
      cpuSince = cpuMs();
      resolve();
    }),
  );
}

/** What memory is made of is only asked now and then: it costs as much as a step. */
function notePeak(): void {
  if (process.memoryUsage.rss() <= peakRss) return;
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  peakRss = rss;
  peak = { rss, heapTotal, heapUsed, external, arrayBuffers };
}

/** The parts of memory at its peak beside those before. */
function parts(): string {
  return Object.entries(peak)
    .map(([name, bytes]) => {
      const change = (bytes - (base[name] ?? 0)) / 1e6;
      return `${name} ${change < 0 ? '' : '+'}${change.toFixed(0)}`;
    })
    .join(', ');
}

function print(name: string, value: string): void {
  console.log(`${name.padEnd(44)} ${value}`);
}

function apply(step: number, body: (typeof bodies)[number], t = START + step * STEP_MS): void {
  fill(body, t);
  const offset = head.position;
  const record = { offset, timestampMs: 0, tenant: 't', value: body.bytes, version: 1 };
  head.apply([record], offset + 1);
}

function rss(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** Applies records beside what runs, one each turn of the loop; returns how long each waited for its turn. */
function applyBeside(): { stop(): { applied: number; waits: number[] } } {
  let running = true;
  const waits: number[] = [];
  let applied = 0;
  const turn = () => {
    if (!running) return;
    const from = performance.now();
    setImmediate(() => {
      waits.push(performance.now() - from);
      if (!ALONE && applied % 4 === 0) apply(0, bodies[applied % bodies.length]!, next + applied);
      applied++;
      setTimeout(turn, 2);
    });
  };
  turn();
  return {
    stop() {
      running = false;
      return { applied, waits };
    },
  };
}

const next = START + WINDOW_MS + 3_700_000;
const before = rss();
for (let step = 0; step < STEPS; step++) {
  for (const body of bodies) apply(step, body);
  if (step % CHECKPOINT_STEPS === CHECKPOINT_STEPS - 1) await head.checkpoint();
}
const steady = rss();
base = { ...process.memoryUsage() };
print('steady state, bytes a series', ((steady - before) / SERIES).toFixed(0));

async function phaseOf<T>(name: string, work: () => Promise<T>): Promise<T> {
  peakRss = 0;
  since = performance.now();
  longestStepMs = 0;
  cpuSince = cpuMs();
  const cpuFrom = cpuSince;
  const from = performance.now();
  const beside = applyBeside();
  const result = await work();
  await pause();
  const cpu = cpuMs() - cpuFrom;
  const { applied, waits } = beside.stop();
  waits.sort((a, b) => a - b);
  const took = performance.now() - from;
  print(
    name,
    `${took.toFixed(0)} ms, CPU ${cpu.toFixed(0)} ms, longest step ${longestStepMs.toFixed(1)} ms; ${applied} turns; one waited p50 ${waits[waits.length >> 1]?.toFixed(1)}, ` +
      `p99 ${waits[Math.floor(waits.length * 0.99)]?.toFixed(1)}, at most ${waits.at(-1)?.toFixed(1)} ms; ` +
      `peak RSS ${(peakRss / steady).toFixed(3)} of steady state, MB: ${parts()}`,
  );
  return result;
}

for (const body of bodies.slice(0, 2)) apply(0, body, next);
await phaseOf('nothing', async () => {
  for (let turn = 0; turn < 200; turn++) {
    await pause();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
});
await phaseOf('preparing', async () => {
  for (const _ of head.prepareCut(false)) await pause();
});
const windows = await phaseOf('cutDue', async () => head.cutDue(false));
const sink = {
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const file = join(path, 'block', name);
    mkdirSync(dirname(file), { recursive: true });
    appendFileSync(file, bytes);
    await pause();
  },
};
for (const window of windows) {
  const meta = await phaseOf('cut', async () => {
    const source = head.cut(window, pause);
    return writeBlock(sink, {
      ulid: '01J00000000000000000000000',
      minTime: window.minT,
      maxTime: window.maxT,
      symbols: await source.symbols(),
      series: source.series(),
      pause,
    });
  });
  print('block', JSON.stringify(meta.stats));
}
await phaseOf('drop', async () => {
  for (const window of windows) for (const _ of head.dropSteps(window)) await pause();
});
await phaseOf('checkpoint after it', () => head.checkpoint());
await head.checkpoint();
const digest = head.digest();
print(
  'series left; RSS against steady state',
  `${head.seriesCount}; ${(rss() / steady).toFixed(3)}`,
);
await head.close();
const opening = performance.now();
head = await openPartitionHead(
  { partition: 0 },
  { store: await openRocksdbHeadStore({ path: join(path, 'head') }) },
);
print(
  'restart after it',
  `${(performance.now() - opening).toFixed(0)} ms, ${head.seriesCount} series, same digest: ${head.digest() === digest}`,
);
await head.close();
await rm(path, { recursive: true });
