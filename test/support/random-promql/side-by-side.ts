// Weir and a real Prometheus with the same series, asked the same expressions.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiAnswer, api } from '../prometheus-api.ts';
import { receiveWrites } from '../prometheus-process.ts';
import { freePort, WeirProcess } from '../weir-process.ts';
import { differences } from './answers.ts';
import { pushSeries } from './push-series.ts';
import type { RandomSeries } from './series.ts';

/** All that Weir has on, which is experimental there. */
const FEATURES = [
  'promql-experimental-functions',
  'promql-binop-fill-modifiers',
  'promql-extended-range-selectors',
];

const TENANT = 'pair';
const COUNT = 'count({__name__=~".+"})';

/** Milliseconds. */
export type Times =
  | { readonly atMs: number }
  | { readonly startMs: number; readonly endMs: number; readonly stepMs: number };

export interface Pair {
  /** How the answers differ; empty when they don't. */
  compare(expression: string, times: Times): Promise<readonly string[]>;
  /** Both answers: Weir's and Prometheus's. */
  ask(
    expression: string,
    times: Times,
    more?: Readonly<Record<string, string>>,
  ): Promise<readonly [ApiAnswer, ApiAnswer]>;
  stop(): Promise<void>;
}

export async function startPair(series: readonly RandomSeries[]): Promise<Pair> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-pair-'));
  const weir = new WeirProcess({
    port: await freePort(),
    flags: ['-target=all', `-data-dir=${directory}`, '-log.level=warn'],
  });
  const prometheus = await receiveWrites(FEATURES);
  const stop = async () => {
    await prometheus.stop();
    await weir.stop();
    await rm(directory, { recursive: true, force: true });
  };
  const ask: Pair['ask'] = (query, times, more) =>
    Promise.all(
      [`${weir.base}/prometheus`, prometheus.base].map((base) =>
        askOne(base, { query, ...more }, times),
      ),
    ) as Promise<[ApiAnswer, ApiAnswer]>;
  try {
    await weir.start();
    await pushSeries(`${weir.base}/api/v1/push`, series, TENANT);
    await pushSeries(`${prometheus.base}/api/v1/write`, series, TENANT);
    await untilSame(ask, series);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ask,
    compare: async (expression, times) => differences(...(await ask(expression, times))),
    stop,
  };
}

function askOne(
  base: string,
  params: Readonly<Record<string, string>>,
  times: Times,
): Promise<ApiAnswer> {
  const seconds = (ms: number) => String(ms / 1000);
  if ('atMs' in times) {
    return api(base, '/api/v1/query', { ...params, time: seconds(times.atMs) }, TENANT);
  }
  const { startMs, endMs, stepMs } = times;
  const range = { start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) };
  return api(base, '/api/v1/query_range', { ...params, ...range }, TENANT);
}

/** Weir answers what it acknowledged as soon as it has applied it. */
async function untilSame(ask: Pair['ask'], series: readonly RandomSeries[]): Promise<void> {
  const times = series.flatMap(({ samples }) => samples.map(([t]) => t));
  const atMs = times.reduce((a, b) => Math.max(a, b), 0);
  const query = `sum(count_over_time({__name__=~".+"}[1d])) + ${COUNT}`;
  let found: readonly string[] = [];
  for (let attempt = 0; attempt < 100; attempt++) {
    const [ours, theirs] = await ask(query, { atMs });
    found = differences(ours, theirs);
    if (found.length === 0) return;
    await sleep(100);
  }
  throw new Error(`Weir and Prometheus hold different samples: ${found.join('; ')}`);
}
