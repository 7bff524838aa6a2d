// The senders: each scrapes a few series and pushes what it has, in order, again and again until it is
// acknowledged or refused, as Prometheus does. What it sends is decided by the seed.
import { labelsOf, METRIC_TYPES, type MetricMetadata } from '@weir/model';
import { compressSync } from 'snappy';
import type { Dice } from './dice.ts';
import { type AgentPush, type AgentSample, encodePush, type ProtocolVersion } from './samples.ts';
import { contradicted, ScrapedSeries } from './scraped-series.ts';
import type { World } from './world.ts';

const PUSH_PATIENCE_MS = 30_000;
const RETRIES_MAX = 40;
const METRICS = ['up', 'requests_total', 'temperature'];

export class Agent {
  readonly tenant: string;
  readonly scrapeMs: number;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #name: string;
  readonly #version: ProtocolVersion;
  #series: ScrapedSeries[] = [];
  #made = 0;
  #scrapedMs: number;
  /** It sends nothing before this. */
  #quietUntilMs = 0;
  #queue: AgentPush[] = [];
  #sending: Promise<void> | undefined;
  readonly #sent: AgentSample[] = [];

  constructor(tenant: string, name: string, world: World, dice: Dice) {
    this.tenant = tenant;
    this.#name = name;
    this.#world = world;
    this.#dice = dice;
    this.#version = dice.pick([1, 1, 2]);
    this.scrapeMs = dice.pick([30_000, 60_000, 120_000, 180_000]);
    this.#scrapedMs = world.scheduler.nowMs;
    for (let at = dice.int(1, 5); at > 0; at--) this.#addSeries();
  }

  get busy(): boolean {
    return this.#sending !== undefined;
  }

  /** Scrapes up to now and sends. */
  work(): void {
    const dice = this.#dice;
    const { nowMs } = this.#world.scheduler;
    if (nowMs < this.#quietUntilMs) return;
    if (dice.chance(0.02)) {
      this.#quietUntilMs = nowMs + dice.int(600_000, 6_000_000);
      this.#scrapedMs = this.#quietUntilMs;
      this.#world.coverage.note('sender quiet for a while');
    }
    const samples: AgentSample[] = [];
    if (dice.chance(0.05)) this.#churn(samples);
    if (nowMs - this.#scrapedMs > 50 * this.scrapeMs) this.#scrapedMs = nowMs - 50 * this.scrapeMs;
    while (this.#scrapedMs + this.scrapeMs <= nowMs) {
      this.#scrapedMs += this.scrapeMs;
      const t = Math.floor(this.#scrapedMs);
      for (const series of this.#series) samples.push(series.scrape(t));
    }
    if (dice.chance(0.1)) samples.push(...this.#late(nowMs));
    const metadata = dice.chance(0.2) ? [this.#metadata()] : [];
    if (samples.length > 0) this.send({ samples, metadata });
  }

  #metadata(): MetricMetadata {
    const dice = this.#dice;
    const [metric, type] = [dice.pick(METRICS), dice.pick(METRIC_TYPES)];
    return { metric, type, help: `help ${dice.int(0, 3)}`, unit: dice.pick(['', 'seconds']) };
  }

  /** Samples of the past, new ones and some that contradict or repeat what was sent. */
  #late(nowMs: number): AgentSample[] {
    const dice = this.#dice;
    const late: AgentSample[] = [];
    for (let count = dice.int(1, 5); count > 0; count--) {
      const known = this.#sent.length > 0 && dice.chance(0.5);
      if (known) {
        const one = dice.pick(this.#sent);
        late.push(dice.chance(0.5) ? one : contradicted(one));
        this.#world.coverage.note('sample repeated or contradicted');
      } else {
        const back = dice.pick([60_000, 600_000, 1_790_000, 3_000_000, 9_000_000, 20_000_000]);
        const t = Math.floor(nowMs) - dice.int(1, back);
        late.push(dice.pick(this.#series).late(t));
        this.#world.coverage.note('late sample');
      }
    }
    return late;
  }

  send(push: AgentPush): void {
    for (const sample of push.samples) {
      if (this.#dice.chance(0.02)) this.#sent.push(sample);
    }
    if (this.#sent.length > 100) this.#sent.splice(0, 50);
    this.#queue.push(push);
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined;
    });
  }

  async #drain(): Promise<void> {
    for (;;) {
      const push = this.#queue.shift();
      if (push === undefined) return;
      const version = this.#version;
      const body = compressSync(encodePush(push, version));
      for (let attempt = 0; attempt < RETRIES_MAX; attempt++) {
        const status = await this.#world.push(
          { tenant: this.tenant, samples: push.samples, body, version },
          PUSH_PATIENCE_MS,
        );
        if (status > 0 && status < 500 && status !== 429) break;
        this.#world.coverage.note('push retried');
        await this.#world.scheduler.sleep(this.#dice.int(1_000, 20_000), undefined, 'retry');
      }
    }
  }

  /** A target goes, and says so, and another comes. */
  #churn(samples: AgentSample[]): void {
    if (this.#series.length > 1) {
      const [gone] = this.#series.splice(this.#dice.int(0, this.#series.length - 1), 1);
      if (this.#dice.chance(0.7)) samples.push(gone!.stale(Math.floor(this.#scrapedMs) + 1));
    }
    this.#addSeries();
    this.#world.coverage.note('series replaced');
  }

  #addSeries(): void {
    const labels = labelsOf({
      __name__: this.#dice.pick(METRICS),
      agent: this.#name,
      series: String(this.#made++),
    });
    const { nowMs } = this.#world.scheduler;
    this.#series.push(new ScrapedSeries(labels, this.#dice, nowMs));
  }
}
