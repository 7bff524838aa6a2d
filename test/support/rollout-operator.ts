// What Grafana's rollout-operator asks of ingester pods when their number changes, as a client with nothing
// but HTTP and the pods' ends: delayed downscale (prepare-partition-downscale and its timestamp), then the
// webhook (prepare-shutdown on each pod that goes, undone where one refuses), then termination. It keeps no
// state, asks the same again at every turn, and removes pods from the highest ordinal down.
import { setTimeout as sleep } from 'node:timers/promises';
import type { WeirProcess } from './weir-process.ts';

const TURN_MS = 500;

export interface RolloutSettings {
  /** `grafana.com/rollout-delayed-downscale`. */
  readonly delayMs: number;
}

export class RolloutOperator {
  readonly pods: readonly WeirProcess[];
  readonly #settings: RolloutSettings;
  #replicas: number;
  /** What happened, with seconds since the first turn. */
  readonly events: string[] = [];
  readonly #startMs = performance.now();

  /** All pods run at first. */
  constructor(pods: readonly WeirProcess[], settings: RolloutSettings) {
    this.pods = pods;
    this.#settings = settings;
    this.#replicas = pods.length;
  }

  get replicas(): number {
    return this.#replicas;
  }

  note(event: string): void {
    this.events.push(`${((performance.now() - this.#startMs) / 1000).toFixed(1)} s ${event}`);
  }

  /** Turns until there are so many; rejects when that takes too long. */
  async scaleTo(replicas: number, withinMs = 90_000): Promise<void> {
    const until = performance.now() + withinMs;
    this.note(`scale from ${this.#replicas} to ${replicas}`);
    while (this.#replicas !== replicas) {
      if (performance.now() > until) throw new Error(`still ${this.#replicas}: ${this.events}`);
      await this.turn(replicas);
      await sleep(TURN_MS);
    }
    this.note(`scaled to ${replicas}`);
  }

  /** One reconcile towards `replicas`; goes as far as pods allow now. */
  async turn(replicas: number): Promise<void> {
    if (replicas > this.#replicas) return await this.#scaleUp(replicas);
    await this.#keep(this.pods.slice(0, Math.min(replicas, this.#replicas)));
    const reached = await this.#downscale(replicas);
    if (reached < this.#replicas && (await this.#webhook(reached))) await this.#terminate(reached);
  }

  async #scaleUp(replicas: number): Promise<void> {
    const added = this.pods.slice(this.#replicas, replicas);
    await Promise.all(added.map((pod) => pod.start(60_000)));
    this.#replicas = replicas;
    await this.#keep(this.pods.slice(0, replicas));
  }

  /** A conflict is tolerated: somebody has locked a partition. */
  async #keep(pods: readonly WeirProcess[]): Promise<void> {
    const answers = await Promise.all(pods.map((pod) => downscale(pod, 'DELETE')));
    const failed = answers.find(({ status }) => status !== 200 && status !== 409);
    if (failed) throw new Error(`DELETE prepare-partition-downscale: ${failed.status}`);
  }

  /** How many pods stay after those that may go now, from the highest on without a gap. */
  async #downscale(replicas: number): Promise<number> {
    const asked = this.pods.slice(replicas, this.#replicas);
    const answers = await Promise.all(asked.map((pod) => downscale(pod, 'POST')));
    let reached = this.#replicas;
    for (const { status, timestamp } of answers.reverse()) {
      const waitedMs = Date.now() - timestamp * 1000;
      if (status !== 200 || timestamp === 0 || waitedMs < this.#settings.delayMs) break;
      reached--;
    }
    const refused = answers.filter(({ status }) => status !== 200);
    for (const { status } of refused) this.note(`downscale refused: ${status}`);
    return reached;
  }

  async #webhook(replicas: number): Promise<boolean> {
    const doomed = this.pods.slice(replicas, this.#replicas);
    const answers = await Promise.all(doomed.map((pod) => shutdown(pod, 'POST')));
    if (answers.every((status) => status === 204)) return true;
    this.note(`shutdown refused: ${answers}`);
    const undone = await Promise.all(doomed.map((pod) => shutdown(pod, 'DELETE')));
    if (undone.some((status) => status !== 204)) throw new Error(`not undone: ${undone}`);
    return false;
  }

  async #terminate(replicas: number): Promise<void> {
    const codes = await Promise.all(
      this.pods.slice(replicas, this.#replicas).map((pod) => pod.stop()),
    );
    if (codes.some((code) => code !== 0)) throw new Error(`pods ended with ${codes}`);
    this.#replicas = replicas;
    this.note(`${replicas} pods left`);
  }
}

async function downscale(pod: WeirProcess, method: 'POST' | 'DELETE') {
  const answer = await fetch(`${pod.base}/ingester/prepare-partition-downscale`, { method });
  const text = await answer.text();
  const { timestamp } = answer.ok ? (JSON.parse(text) as { timestamp: number }) : { timestamp: 0 };
  return { status: answer.status, timestamp };
}

async function shutdown(pod: WeirProcess, method: 'POST' | 'DELETE'): Promise<number> {
  const answer = await fetch(`${pod.base}/ingester/prepare-shutdown`, { method });
  await answer.arrayBuffer();
  return answer.status;
}
