// Asks with strong reads, once a second and over all that was sent, and compares counts and sums with what was
// acknowledged. Any answer but the right one is a failure: an error, a lost sample, a doubled one.
import { setTimeout as sleep } from 'node:timers/promises';
import { instanceName, type PacedLoad } from './paced-load.ts';

const PERIOD_MS = 1_000;
/** So that a machine that can't keep up is not drowned in questions; one that waits holds up no other. */
const IN_FLIGHT_MAX = 4;
/** Steps that are looked at each second, and in one query over all. */
const RECENT_STEPS = 20;
const WINDOW_STEPS = 120;
const ANSWER_WITHIN_MS = 60_000;
const SELECTOR = '{job=~".+"}';

interface Answer {
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

export class StrongChecker {
  /** With the second (performance.now() / 1000) at which the query was sent. */
  readonly failures: string[] = [];
  readonly latenciesMs: number[] = [];
  readonly #load: PacedLoad;
  readonly #base: () => string;
  #running = true;
  #done: Promise<void> = Promise.resolve();

  constructor(load: PacedLoad, base: () => string) {
    this.#load = load;
    this.#base = base;
  }

  get asked(): number {
    return this.latenciesMs.length;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  /** Looks at the steps [from, to) whole. */
  async checkAll(from: number, to: number): Promise<void> {
    for (let first = from; first < to; first += WINDOW_STEPS) {
      const last = Math.min(first + WINDOW_STEPS, to);
      await this.#check('count', first, last);
      await this.#check('sum', first, last);
    }
  }

  /** Looks at every sample of some instances of the load. */
  async checkSamples(instances: readonly number[]): Promise<void> {
    const load = this.#load;
    const to = load.acknowledgedSteps;
    for (const instance of instances) {
      const range = `[${(to * load.options.stepMs) / 1000}s]`;
      const selector = `{instance="${instanceName(instance)}"}`;
      const result = await this.#ask(`${selector}${range}`, to - 1);
      if (result === undefined) continue;
      const found = result.map(({ values }) => values.map(([at, value]) => `${at} ${value}`));
      const expected = load.samplesOf(instance, to);
      if (JSON.stringify(found.map(String).sort()) !== JSON.stringify(expected.sort())) {
        this.#fail(`raw samples of instance ${instance} differ`);
      }
    }
  }

  async #run(): Promise<void> {
    const inFlight = new Set<Promise<void>>();
    for (let turn = 0; this.#running; turn++) {
      const to = this.#load.acknowledgedSteps;
      const from = Math.max(0, to - RECENT_STEPS);
      if (to > 0 && inFlight.size < IN_FLIGHT_MAX) {
        // One that waits doesn't keep the next from being sent.
        const asking = this.#check(turn % 2 === 0 ? 'count' : 'sum', from, to);
        inFlight.add(asking);
        void asking.finally(() => inFlight.delete(asking));
      }
      await sleep(PERIOD_MS);
    }
    await Promise.all(inFlight);
  }

  async #check(what: 'count' | 'sum', from: number, to: number): Promise<void> {
    const load = this.#load;
    const range = `[${((to - from) * load.options.stepMs) / 1000}s]`;
    const result = await this.#ask(`sum(${what}_over_time(${SELECTOR}${range}))`, to - 1);
    if (result === undefined) return;
    const found = Number(result[0]?.value[1] ?? 0);
    const expected = what === 'count' ? (to - from) * load.seriesCount : load.expectedSum(from, to);
    if (found !== expected)
      this.#fail(`${what} of steps ${from} to ${to}: ${found}, not ${expected}`);
  }

  async #ask(expression: string, step: number) {
    const load = this.#load;
    const sentMs = performance.now();
    const time = String(load.timeOf(step) / 1000);
    try {
      const url = `${this.#base()}/prometheus/api/v1/query?${new URLSearchParams({ query: expression, time })}`;
      const answer = await fetch(url, {
        headers: { 'x-scope-orgid': load.options.tenant, 'x-read-consistency': 'strong' },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      const text = await answer.text();
      this.latenciesMs.push(performance.now() - sentMs);
      if (answer.status === 200) return (JSON.parse(text) as Answer).data!.result;
      this.#fail(`${expression}: ${answer.status} ${text.slice(0, 300)}`, sentMs);
    } catch (error) {
      this.#fail(`${expression}: ${error}`, sentMs);
    }
    return undefined;
  }

  #fail(what: string, atMs = performance.now()): void {
    const took = ((performance.now() - atMs) / 1000).toFixed(1);
    this.failures.push(`${(atMs / 1000).toFixed(1)} s (took ${took} s): ${what}`);
  }
}
