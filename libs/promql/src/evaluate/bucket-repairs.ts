// What histogram_quantile had to repair in classic histograms, gathered into one info. Its number of samples
// is Prometheus's, which counts all that was repaired before once more at every step.
import type { BucketQuantile } from '../functions/quantile.ts';
import type { Span } from '../parse/ast.ts';
import type { Steps } from '../plan/nodes.ts';
import type { ForcedBuckets } from './annotation-texts.ts';
import type { Annotations } from './annotations.ts';

type Change = NonNullable<BucketQuantile['forced']>;

interface OfName {
  readonly total: { from: number; to: number; maxDifference: number };
  /** Histograms repaired at each step. */
  readonly histograms: Uint32Array;
}

export class BucketRepairs {
  readonly #steps: Steps;
  readonly #byName = new Map<string, OfName>();
  /** Steps of the histogram in hand; several quantiles of it count once. */
  #seen = new Set<number>();
  #name = '';

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** Begins with another histogram. */
  next(name: string): void {
    this.#seen.clear();
    this.#name = name;
  }

  add(step: number, { from, to, maxDifference }: Change): void {
    if (this.#seen.has(step)) return;
    this.#seen.add(step);
    let found = this.#byName.get(this.#name);
    if (found === undefined) {
      const histograms = new Uint32Array(this.#steps.count);
      found = { total: { from, to, maxDifference }, histograms };
      this.#byName.set(this.#name, found);
    }
    const { total, histograms } = found;
    total.from = Math.min(total.from, from);
    total.to = Math.max(total.to, to);
    total.maxDifference = Math.max(total.maxDifference, maxDifference);
    histograms[step]!++;
  }

  tell(annotations: Annotations, span: Span): void {
    for (const [name, { total, histograms }] of this.#byName) {
      annotations.force({ ...total, ...this.#extent(histograms) }, name, span);
    }
  }

  #extent(histograms: Uint32Array): Pick<ForcedBuckets, 'samples' | 'firstMs' | 'lastMs'> {
    const { startMs, stepMs } = this.#steps;
    let samples = 0n;
    let first = -1;
    let last = 0;
    for (const [step, count] of histograms.entries()) {
      samples = samples === 0n ? BigInt(count) : BigInt.asIntN(64, 2n * (samples + BigInt(count)));
      if (count === 0) continue;
      if (first < 0) first = step;
      last = step;
    }
    return { samples, firstMs: startMs + first * stepMs, lastMs: startMs + last * stepMs };
  }
}
