// A sender that knows what it was promised. It sends steps of samples for a fixed set of series, with
// duplicates, retries and out-of-order steps in between, and remembers for every sample whether it was
// acknowledged, may have arrived (no answer), or was never sent. A checker compares that with raw reads.
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@weir/runtime';
import { rawSamples } from './prometheus-api.ts';
import { push, type TestSeries } from './remote-write.ts';

/** A head refuses samples that come 30 minutes of event time late, whatever was answered to their push. */
const LATE_MAX_MS = 20 * 60_000;

export interface LoadOptions {
  /** Where to push; several are used in turn. */
  readonly bases: readonly string[];
  readonly series: number;
  readonly seed: number;
  readonly startMs: number;
  readonly stepMs: number;
  readonly metric: string;
  readonly tenant: string;
}

export class AcknowledgedLoad {
  readonly options: LoadOptions;
  /** Steps whose push was answered 2xx at least once. */
  readonly acknowledged = new Set<number>();
  /** Steps that were sent without an answer so far, or with a 5xx. */
  readonly uncertain = new Set<number>();
  readonly statuses = new Map<number, number>();
  readonly #random: ReturnType<typeof seededRandom>;
  #nextStep = 0;
  #running = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: LoadOptions) {
    this.options = options;
    this.#random = seededRandom(options.seed);
  }

  valueOf(series: number, step: number): number {
    return series % 3 === 0 ? step : Math.sin(step * 0.37 + series) * 100 + series;
  }

  timeOf(step: number): number {
    return this.options.startMs + step * this.options.stepMs;
  }

  get endMs(): number {
    return this.timeOf(this.#nextStep);
  }

  /** Sends until stop(), `lanes` requests at once; failed steps are retried later, in any order. */
  start(lanes = 3): void {
    this.#running = true;
    this.#done = Promise.all(Array.from({ length: lanes }, () => this.#lane())).then(
      () => undefined,
    );
    this.#done.catch(() => undefined); // stop() throws it
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  /** Sends every uncertain step until it is acknowledged. */
  async settle(timeoutMs = 60_000): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (this.uncertain.size > 0) {
      if (performance.now() > until)
        throw new Error(`${this.uncertain.size} steps never acknowledged`);
      for (const step of [...this.uncertain]) await this.#send(step);
      if (this.uncertain.size > 0) await sleep(100);
    }
  }

  async #lane(): Promise<void> {
    while (this.#running) {
      const dice = this.#random.next();
      const retry = this.#tooLateSoon() ?? (dice < 0.2 ? this.#pick(this.uncertain) : undefined);
      const again = dice > 0.9 || this.#isAhead() ? this.#recent() : undefined;
      const status = await this.#send(retry ?? again ?? this.#nextStep++);
      if (status === 0 || status >= 500 || status === 429) await sleep(20);
    }
  }

  /** The oldest unacknowledged step when nothing newer may be sent before it; as a real sender does. */
  #tooLateSoon(): number | undefined {
    const oldest = Math.min(...this.uncertain);
    const lateMs = (this.#nextStep - oldest) * this.options.stepMs;
    return lateMs >= LATE_MAX_MS ? oldest : undefined;
  }

  /** On a fast machine the load has caught up with the wall clock: samples of the future are refused. */
  #isAhead(): boolean {
    return this.timeOf(this.#nextStep) > Date.now();
  }

  #pick(set: ReadonlySet<number>): number | undefined {
    const list = [...set];
    return list[Math.floor(this.#random.next() * list.length)];
  }

  #recent(): number | undefined {
    const step = this.#nextStep - 1 - Math.floor(this.#random.next() * 20);
    return step >= 0 ? step : undefined;
  }

  async #send(step: number): Promise<number> {
    const { bases, tenant } = this.options;
    if (!this.acknowledged.has(step)) this.uncertain.add(step);
    const base = bases[step % bases.length]!;
    const signal = AbortSignal.timeout(15_000);
    const version = step % 4 === 3 ? 2 : 1;
    const result = await push(base, this.#seriesAt(step), { tenant, version, signal });
    this.statuses.set(result.status, (this.statuses.get(result.status) ?? 0) + 1);
    if (result.status >= 200 && result.status < 300) {
      this.acknowledged.add(step);
      this.uncertain.delete(step);
    } else if (result.status >= 400 && result.status < 500 && result.status !== 429) {
      throw new Error(`push of step ${step} was refused: ${result.status} ${result.body}`);
    }
    return result.status;
  }

  #seriesAt(step: number): TestSeries[] {
    const { metric, series } = this.options;
    const t = this.timeOf(step);
    return Array.from({ length: series }, (_, index) => ({
      labels: { __name__: metric, index: String(index), job: `job-${index % 7}` },
      samples: [[t, this.valueOf(index, step)]] as const,
    }));
  }

  /** Compares everything readable with what is known; returns the differences, empty when right. */
  async check(base: string): Promise<string[]> {
    const { metric, series, tenant, startMs } = this.options;
    const rangeSeconds = Math.ceil((this.endMs - startMs) / 1000) + 3600;
    const read = await rawSamples(base, metric, `${rangeSeconds}s`, this.endMs + 60_000, tenant);
    const problems: string[] = [];
    const seen = new Set<string>();
    for (const { metric: labels, values } of read) {
      const index = Number(labels.index);
      if (seen.has(labels.index!)) problems.push(`series ${index} answered twice`);
      seen.add(labels.index!);
      this.#checkSeries(index, values, problems);
    }
    if (this.acknowledged.size > 0 && seen.size !== series) {
      problems.push(`${seen.size} of ${series} series found`);
    }
    return problems.slice(0, 20);
  }

  #checkSeries(
    index: number,
    values: readonly (readonly [number, string])[],
    problems: string[],
  ): void {
    const found = new Set<number>();
    let previous = Number.NEGATIVE_INFINITY;
    for (const [seconds, text] of values) {
      const t = Math.round(seconds * 1000);
      if (t <= previous) problems.push(`series ${index}: ${t} after ${previous}`);
      previous = t;
      const step = (t - this.options.startMs) / this.options.stepMs;
      found.add(step);
      if (!this.acknowledged.has(step) && !this.uncertain.has(step)) {
        problems.push(`series ${index}: step ${step} was never sent`);
      }
      if (Number(text) !== this.valueOf(index, step)) {
        problems.push(`series ${index} step ${step}: ${text}, not ${this.valueOf(index, step)}`);
      }
    }
    let missing = 0;
    let example = -1;
    for (const step of this.acknowledged) {
      if (found.has(step)) continue;
      missing++;
      example = step;
    }
    if (missing > 0) {
      problems.push(
        `series ${index}: ${missing} acknowledged samples missing, e.g. step ${example}`,
      );
    }
  }
}
