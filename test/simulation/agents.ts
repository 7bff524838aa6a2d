// The senders: each scrapes a few series and pushes what it has, in order, again and again until it is
// acknowledged or refused, as Prometheus does. What it sends is decided by the seed.
import { labelsOf } from '@weir/model';
import { compressSync } from 'snappy';
import type { Dice } from './dice.ts';
import { type AgentSample, encodeSamples } from './samples.ts';
import type { World } from './world.ts';

const PUSH_PATIENCE_MS = 30_000;
const RETRIES_MAX = 40;

export interface AgentSeries {
  readonly labels: Uint8Array;
  value: number;
}

export class Agent {
  readonly tenant: string;
  readonly scrapeMs: number;
  readonly #world: World;
  readonly #dice: Dice;
  #series: AgentSeries[] = [];
  #made = 0;
  #scrapedMs: number;
  #queue: (readonly AgentSample[])[] = [];
  #sending: Promise<void> | undefined;
  readonly #sent: AgentSample[] = [];

  constructor(tenant: string, name: string, world: World, dice: Dice) {
    this.tenant = tenant;
    this.#world = world;
    this.#dice = dice;
    this.scrapeMs = dice.pick([15_000, 30_000, 60_000, 120_000]);
    this.#scrapedMs = world.scheduler.nowMs;
    for (let at = dice.int(1, 6); at > 0; at--) this.#addSeries(name);
    this.#name = name;
  }

  readonly #name: string;

  get busy(): boolean {
    return this.#sending !== undefined;
  }

  /** Scrapes up to now and sends. */
  work(): void {
    const dice = this.#dice;
    if (dice.chance(0.05)) this.#churn();
    const { nowMs } = this.#world.scheduler;
    const samples: AgentSample[] = [];
    if (nowMs - this.#scrapedMs > 50 * this.scrapeMs) this.#scrapedMs = nowMs - 50 * this.scrapeMs;
    while (this.#scrapedMs + this.scrapeMs <= nowMs) {
      this.#scrapedMs += this.scrapeMs;
      const t = Math.floor(this.#scrapedMs);
      for (const series of this.#series) {
        series.value = dice.chance(0.3) ? series.value : series.value + dice.int(0, 100);
        samples.push({ labels: series.labels, t, v: series.value });
      }
    }
    if (dice.chance(0.1)) samples.push(...this.#late(nowMs));
    if (samples.length > 0) this.send(samples);
  }

  /** Samples of the past, new ones and some that contradict or repeat what was sent. */
  #late(nowMs: number): AgentSample[] {
    const dice = this.#dice;
    const late: AgentSample[] = [];
    for (let count = dice.int(1, 5); count > 0; count--) {
      const known = this.#sent.length > 0 && dice.chance(0.5);
      if (known) {
        const one = dice.pick(this.#sent);
        late.push(dice.chance(0.5) ? one : { ...one, v: one.v + 0.5 });
        this.#world.coverage.note('sample repeated or contradicted');
      } else {
        const back = dice.pick([60_000, 600_000, 1_790_000, 3_000_000, 9_000_000]);
        const t = Math.floor(nowMs) - dice.int(1, back);
        late.push({ labels: dice.pick(this.#series).labels, t, v: dice.int(0, 1000) });
        this.#world.coverage.note('late sample');
      }
    }
    return late;
  }

  send(samples: readonly AgentSample[]): void {
    for (const sample of samples) {
      if (this.#dice.chance(0.02)) this.#sent.push(sample);
    }
    if (this.#sent.length > 100) this.#sent.splice(0, 50);
    this.#queue.push(samples);
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined;
    });
  }

  async #drain(): Promise<void> {
    for (;;) {
      const samples = this.#queue.shift();
      if (samples === undefined) return;
      const body = compressSync(encodeSamples(samples));
      for (let attempt = 0; attempt < RETRIES_MAX; attempt++) {
        const status = await this.#world.push(this.tenant, samples, body, PUSH_PATIENCE_MS);
        if (status > 0 && status < 500 && status !== 429) break;
        this.#world.coverage.note('push retried');
        await this.#world.scheduler.sleep(this.#dice.int(1_000, 20_000), undefined, 'retry');
      }
    }
  }

  #churn(): void {
    if (this.#series.length > 1) this.#series.splice(this.#dice.int(0, this.#series.length - 1), 1);
    this.#addSeries(this.#name);
    this.#world.coverage.note('series replaced');
  }

  #addSeries(agent: string): void {
    const labels = labelsOf({
      __name__: this.#dice.pick(['up', 'requests_total', 'temperature']),
      agent,
      series: String(this.#made++),
    });
    this.#series.push({ labels, value: this.#dice.int(0, 1000) });
  }
}
