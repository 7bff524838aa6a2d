// Active series of a tenant or of one of its trackers, by minute: all of them, and apart those whose newest
// sample is a native histogram, with the buckets of those samples. Few tenants have histograms, so what
// counts them is made with the first one.
import type { ActiveCount } from '../head.ts';
import { MinuteCounts } from './minute-counts.ts';

export class ActiveCounts {
  readonly #minutes: number;
  readonly #series: MinuteCounts;
  #histograms: { readonly series: MinuteCounts; readonly buckets: MinuteCounts } | undefined;

  constructor(minutes: number, newest: number) {
    this.#minutes = minutes;
    this.#series = new MinuteCounts(minutes, newest);
  }

  /** Adds `change` series of a minute; `buckets` is of each, or undefined where it is no histogram. */
  add(minute: number, newest: number, change: number, buckets: number | undefined): void {
    this.#series.add(minute, newest, change);
    if (buckets === undefined) return;
    this.#histograms ??= {
      series: new MinuteCounts(this.#minutes, newest),
      buckets: new MinuteCounts(this.#minutes, newest),
    };
    this.#histograms.series.add(minute, newest, change);
    this.#histograms.buckets.add(minute, newest, change * buckets);
  }

  since(oldest: number): ActiveCount {
    return {
      active: this.#series.since(oldest),
      histograms: this.#histograms?.series.since(oldest) ?? 0,
      buckets: this.#histograms?.buckets.since(oldest) ?? 0,
    };
  }
}
