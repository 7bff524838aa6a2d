// Random and mutated query strings, parsed and evaluated over a few series, at one time and at steps: each gets an
// answer or a clear refusal in bounded time, never an internal error. `npm run fuzz -- COUNT promql SEED` runs more.
import { isKind, toWeirError } from '@weir/errors';
import { labelsOf } from '@weir/model';
import { createEngine, type Queryable } from '@weir/promql';
import { seededRandom, systemClock } from '@weir/runtime';
import { expect, it } from 'vitest';
import { createMemoryStorage } from '../conformance/memory-storage.ts';
import { histogramData } from '../support/histogram-data.ts';
import { startHangWatch } from './hang-watch.ts';
import { EXPRESSIONS, mutatedQuery } from './query-mutations.ts';

const COUNT = Number(process.env.WEIR_FUZZ_COUNT ?? 5_000);
const SEED = Number(process.env.WEIR_FUZZ_SEED ?? 20_261_122);
const ONLY = process.env.WEIR_FUZZ_PROTOCOL ?? 'promql';
/** CPU time of one query, evaluated twice; a pause of the machine is no fault. */
const ANSWER_MAX_MS = 5_000;
const HANG_MS = 120_000;
const STEP_MS = 15_000;
const SETTINGS = {
  ...{ lookbackDeltaMs: 300_000, maxSamples: 200_000, defaultSubqueryStepMs: 60_000 },
};
/** What a client may be told: what is wrong, or that it was too much. */
const CLEAR = ['invalid', 'limited', 'timeout'] as const;

async function store(): Promise<Queryable> {
  const storage = createMemoryStorage();
  const times = Array.from({ length: 41 }, (_, at) => at * STEP_MS);
  for (const job of ['a', 'b', 'c']) {
    const at = job.charCodeAt(0);
    const labels = (name: string, more = {}) => labelsOf({ __name__: name, job, ...more });
    await storage.append(
      labels('up', { instance: `x${at}` }),
      times,
      times.map((t) => (t === 300_000 ? 'stale' : Math.sin(t + at))),
    );
    await storage.append(
      labels('requests_total'),
      times,
      times.map((t) => ((t / 1000) * at) % 9000),
    );
    for (const le of ['0.1', '1', '+Inf']) {
      const factor = Number(le.replace('Inf', '10'));
      await storage.append(
        labels('b_bucket', { le }),
        times,
        times.map((t) => t * factor),
      );
    }
    await storage.append(
      labels('target_info', { instance: `x${at}`, data: 'd' }),
      times,
      times.map(() => 1),
    );
  }
  for (const { labels, samples } of histogramData().slice(0, 4)) {
    const start = samples[0]![0];
    const rich = samples
      .slice(0, 41)
      .flatMap(([t, value]) => (typeof value === 'number' ? [] : [[t - start, value] as const]));
    const renamed = labelsOf({ ...labels, __name__: 'h' });
    await storage.appendHistograms(
      renamed,
      rich.map(([t]) => t),
      rich.map(([, value]) => value),
    );
  }
  return storage.queryable();
}

function traceOf(error: unknown): string {
  const origin = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const lines = String((origin as Error).stack ?? origin).split('\n');
  return lines.slice(0, 3).join(' ');
}

it.runIf(ONLY === 'promql' || ONLY === '')(
  `promql: ${COUNT} random or mutated queries, seed ${SEED}`,
  { timeout: 7 * 3_600_000 },
  async () => {
    const random = seededRandom(SEED);
    const engine = createEngine(SETTINGS, { clock: systemClock });
    const queryable = await store();
    const counts = new Map<string, number>();
    const startedMs = systemClock.steadyMs();
    const watch = startHangWatch(HANG_MS);
    const never = new AbortController().signal;
    let slowestMs = 0;
    /** By what went wrong, the first query that showed it. */
    const faults = new Map<string, string>();
    const note = (fault: string, query: string) => {
      if (!faults.has(fault)) process.stderr.write(`${JSON.stringify(query)}: ${fault}\n`);
      faults.set(fault, faults.get(fault) ?? query);
    };
    const judge = async (query: string, run: () => Promise<unknown>) => {
      let outcome = 'answered';
      try {
        await run();
      } catch (error) {
        const { kind, message } = toWeirError(error);
        const isClear = CLEAR.some((known) => isKind(error, known)) && message.trim() !== '';
        if (!isClear) note(`${kind}: ${traceOf(error)}`, query);
        outcome = message.includes('parse error') ? 'no PromQL' : 'refused';
      }
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    };
    try {
      for (let count = 1; count <= COUNT; count++) {
        const query = mutatedQuery(random, EXPRESSIONS);
        watch.begin(query);
        const before = process.cpuUsage();
        const range = { startMs: 0, endMs: 600_000, stepMs: 60_000 };
        await judge(query, () => engine.instant({ query, timeMs: 450_000 }, queryable, never));
        await judge(query, () => engine.range({ query, ...range }, queryable, never));
        const { user, system } = process.cpuUsage(before);
        const tookMs = (user + system) / 1000;
        if (tookMs > ANSWER_MAX_MS) note('slow', `${query} (${tookMs.toFixed(0)} ms)`);
        slowestMs = Math.max(slowestMs, tookMs);
        if (count % 64 === 0) await systemClock.yield();
      }
    } finally {
      await watch.stop();
    }
    const seen = [...counts].map(([outcome, number]) => `${outcome}: ${number}`).join(', ');
    const seconds = (systemClock.steadyMs() - startedMs) / 1000;
    const rssMiB = process.resourceUsage().maxRSS / 1024;
    process.stdout.write(
      `promql: seed ${SEED}, ${COUNT} queries, ${seen}; slowest ${slowestMs.toFixed(0)} ms CPU; ${seconds.toFixed(0)} s; peak RSS ${rssMiB.toFixed(0)} MiB\n`,
    );
    expect(Object.fromEntries(faults)).toEqual({});
    expect(counts.get('answered') ?? 0).toBeGreaterThan(COUNT / 20);
    expect(counts.get('no PromQL') ?? 0).toBeGreaterThan(COUNT / 20);
  },
);
