// When a cluster is steady: in each zone every partition has an owner among the ingesters that should run, is
// served by it, and has caught up; each ingester has some. And how many records owners read again for that.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from './zoned-cluster.ts';

const LOOK_EACH_MS = 100;
const ASK_WITHIN_MS = 3_000;
/** A partition that is behind by less is asked for its end once a second. */
const CAUGHT_UP_SECONDS = 2;

interface RingAnswer {
  readonly partitions: readonly {
    readonly id: number;
    readonly state_name: string;
    readonly owners: readonly { readonly instance: string; readonly zone: string }[];
  }[];
}

interface PodAnswer {
  readonly partitions: readonly {
    readonly id: number;
    readonly serving: boolean;
    readonly lag_seconds: number | null;
  }[];
}

async function json<Answer>(url: string): Promise<Answer> {
  const headers = { accept: 'application/json' };
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(ASK_WITHIN_MS) });
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

/** What keeps it from being steady; undefined when it is. */
async function trouble(
  base: string,
  partitions: number,
  pods: readonly Pod[],
): Promise<string | undefined> {
  const { partitions: shown } = await json<RingAnswer>(`${base}/ingester/partition-ring`);
  if (shown.length !== partitions) return `${shown.length} of ${partitions} partitions`;
  const passive = shown.find(({ state_name }) => state_name !== 'ACTIVE');
  if (passive !== undefined) return `partition ${passive.id} is ${passive.state_name}`;
  const caughtUp = new Map<string, ReadonlySet<number>>();
  for (const { id, process } of pods) {
    const own = await json<PodAnswer>(`${process.base}/ingester/partitions`);
    const good = own.partitions.filter(
      (one) => one.serving && (one.lag_seconds ?? Number.POSITIVE_INFINITY) < CAUGHT_UP_SECONDS,
    );
    caughtUp.set(id, new Set(good.map((one) => one.id)));
  }
  const idle = new Set(caughtUp.keys());
  for (const zone of new Set(pods.map((pod) => pod.zone))) {
    for (const { id, owners } of shown) {
      const owner = owners.find((one) => one.zone === zone)?.instance;
      if (owner === undefined) return `partition ${id} has no owner in ${zone}`;
      if (!caughtUp.get(owner)?.has(id)) return `partition ${id} is not caught up on ${owner}`;
      idle.delete(owner);
    }
  }
  return idle.size > 0 ? `${[...idle]} without partitions` : undefined;
}

/** Resolves with the seconds it took. */
export async function steady(
  base: () => string,
  partitions: number,
  pods: readonly Pod[],
  withinMs = 120_000,
): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const why = await trouble(base(), partitions, pods).catch(String);
    const tookMs = performance.now() - startMs;
    if (why === undefined) return tookMs / 1000;
    if (tookMs > withinMs) {
      throw new Error(`not steady after ${Math.round(tookMs / 1000)} s: ${why}`);
    }
    await sleep(LOOK_EACH_MS);
  }
}

/** The sum of a metric without regard to its labels; undefined where nobody answers. */
export async function metricOf(base: string, name: string): Promise<number | undefined> {
  try {
    const answer = await fetch(`${base}/metrics`, { signal: AbortSignal.timeout(ASK_WITHIN_MS) });
    const lines = (await answer.text()).split('\n').filter((line) => /^[a-z]/.test(line));
    return lines
      .filter((line) => line.split(/[{ ]/, 1)[0] === name)
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  } catch {
    return undefined;
  }
}

type Seen = Map<string, { readonly pid: number | undefined; readonly count: number }>;

/** Counts what processes count since they started, across their restarts. */
export class CountWatch {
  readonly #name: string;
  readonly #pods: readonly Pod[];
  #seen: Seen = new Map();

  constructor(name: string, pods: readonly Pod[]) {
    this.#name = name;
    this.#pods = pods;
  }

  /** Since the last call. What a process counted between that and its end is not known. */
  async since(): Promise<number> {
    let sum = 0;
    const seen: Seen = new Map();
    for (const { id, process } of this.#pods) {
      const count = await metricOf(process.base, this.#name);
      if (count === undefined) continue;
      const before = this.#seen.get(id);
      sum += count - (before !== undefined && before.pid === process.pid ? before.count : 0);
      seen.set(id, { pid: process.pid, count });
    }
    this.#seen = seen;
    return sum;
  }
}
