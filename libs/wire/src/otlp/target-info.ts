// target_info: one series a resource, value 1, with the attributes that other series don't carry. Told at
// the earliest time of the resource's points, then every half look-back up to the latest, so that joins find
// it at every point. A range that no batch covers in earnest (times far apart) is told at its end only.
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import { SeriesDraft } from '../write-request/series-draft.ts';
import type { WriteRules } from '../write-request/write-rules.ts';
import type { ConstantLabels } from './constant-labels.ts';
import { highOfLast, lowOf } from './number-bits.ts';

/** Half of Prometheus's five minutes. */
const INTERVAL_MS = 150_000;
/** A day; beyond it, the last of them. */
const SAMPLES_MAX = 576;

export class TargetInfo {
  readonly #draft = new SeriesDraft();
  #earliestMs = Number.POSITIVE_INFINITY;
  #latestMs = Number.NEGATIVE_INFINITY;

  /** Begins a resource. */
  clear(): void {
    this.#earliestMs = Number.POSITIVE_INFINITY;
    this.#latestMs = Number.NEGATIVE_INFINITY;
  }

  sawPoint(timeMs: number): void {
    if (timeMs < this.#earliestMs) this.#earliestMs = timeMs;
    if (timeMs > this.#latestMs) this.#latestMs = timeMs;
  }

  /** Ends a resource: appends its series, where it has one. */
  write(constants: ConstantLabels, rules: WriteRules, seed: number, out: AcceptedWrite): void {
    const { target } = constants;
    if (target === undefined || this.#latestMs < this.#earliestMs) return;
    const draft = this.#draft;
    draft.clear();
    for (const label of target) draft.labels.push(label);
    const low = lowOf(1);
    const high = highOfLast();
    const from = Math.max(this.#earliestMs, this.#latestMs - SAMPLES_MAX * INTERVAL_MS);
    for (let timeMs = from; timeMs < this.#latestMs; timeMs += INTERVAL_MS) {
      draft.addSample(timeMs, low, high, 0);
    }
    draft.addSample(this.#latestMs, low, high, 0);
    draft.finish(rules, seed, out);
  }
}
