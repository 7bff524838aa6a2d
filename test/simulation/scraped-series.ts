// A series as a sender scrapes it: what kind of samples it has, how they grow, when its counter begins
// anew, and what else goes with them. All of it from the dice.
import {
  labelsOf,
  type NativeHistogram,
  RESET_GAUGE,
  RESET_UNKNOWN,
  SCHEMA_CUSTOM_BUCKETS,
  STALE_NAN,
} from '@weir/model';
import type { Dice } from './dice.ts';
import type { AgentSample } from './samples.ts';

const KINDS = [
  'gauge',
  'counter',
  'counter',
  'histogram',
  'histogram',
  'float histogram',
  'custom histogram',
  'gauge histogram',
  'mixed',
] as const;

type Kind = (typeof KINDS)[number];

const BUCKETS = 6;
const CUSTOM_BOUNDS = Float64Array.from([0.1, 0.5, 1, 5, 10, 60]);
const NO_BUCKETS = new Float64Array(0);
const NO_SPANS = new Int32Array(0);

/** Nothing observed. */
const EMPTY: NativeHistogram = Object.freeze({
  ...{ isFloat: false, isStale: false, schema: 0, resetHint: RESET_UNKNOWN },
  ...{ zeroThreshold: 0, zeroCount: 0, count: 0, sum: 0 },
  ...{ positiveSpans: NO_SPANS, negativeSpans: NO_SPANS },
  ...{ positiveBuckets: NO_BUCKETS, negativeBuckets: NO_BUCKETS, customValues: NO_BUCKETS },
});

export function emptyHistogram(): NativeHistogram {
  return EMPTY;
}

export class ScrapedSeries {
  readonly labels: Uint8Array;
  readonly #dice: Dice;
  readonly #kind: Kind;
  readonly #schema: number;
  readonly #isFloat: boolean;
  readonly #tellsCreated: boolean;
  readonly #exemplarRate: number;
  #createdMs: number;
  #value: number;
  #counts = new Float64Array(BUCKETS);
  #isHistogram: boolean;

  /** `nowMs` is when it is made: its counter began before. */
  constructor(labels: Uint8Array, dice: Dice, nowMs: number) {
    this.labels = labels;
    this.#dice = dice;
    this.#kind = dice.chance(0.7) ? 'gauge' : dice.pick(KINDS);
    this.#schema = this.#kind === 'custom histogram' ? SCHEMA_CUSTOM_BUCKETS : dice.int(-1, 3);
    this.#isFloat =
      this.#kind === 'float histogram' || (this.#kind === 'mixed' && dice.chance(0.3));
    this.#isHistogram = this.#kind.endsWith('histogram');
    this.#tellsCreated = this.#kind !== 'gauge' && dice.chance(0.5);
    this.#exemplarRate = dice.pick([0, 0, 0.05, 0.3]);
    this.#value = dice.int(0, 1000);
    this.#createdMs = Math.floor(nowMs) - dice.int(1, dice.pick([1_000, 100_000, 4_000_000]));
  }

  /** What a scrape at t finds. */
  scrape(t: number): AgentSample {
    const dice = this.#dice;
    if (dice.chance(0.01)) return this.stale(t);
    if (this.#kind === 'mixed' && dice.chance(0.05)) this.#isHistogram = !this.#isHistogram;
    const mayReset = this.#kind !== 'gauge' && this.#kind !== 'gauge histogram';
    if (mayReset && dice.chance(0.01)) {
      this.#counts.fill(0);
      this.#value = 0;
      this.#createdMs = t - dice.int(1, dice.pick([1_000, 10_000, 100_000]));
    }
    if (!dice.chance(0.3)) this.#grow();
    const sample = this.#sampleOf(t, this.#isHistogram ? this.#histogram() : this.#value);
    if (!dice.chance(this.#exemplarRate)) return sample;
    const labels = labelsOf({ trace_id: String(dice.int(0, 1e9)) });
    return { ...sample, exemplar: { labels, t: t - dice.int(0, 1_000), value: dice.int(0, 9) } };
  }

  /** A marker as Prometheus sends it when a target is gone: of floats, or of what the series had. */
  stale(t: number): AgentSample {
    const isFloat = !this.#isHistogram || this.#dice.chance(0.5);
    return this.#sampleOf(t, isFloat ? STALE_NAN : { ...this.#empty(), isStale: true });
  }

  /** Something from its past, or of nowhere. */
  late(t: number): AgentSample {
    const dice = this.#dice;
    const isHistogram = dice.chance(0.9) ? this.#isHistogram : !this.#isHistogram;
    if (!isHistogram) return this.#sampleOf(t, dice.chance(0.05) ? STALE_NAN : dice.int(0, 1000));
    const counts = this.#counts;
    this.#counts = counts.map((count) => Math.floor(count * dice.next()));
    const sample = this.#sampleOf(t, this.#histogram());
    this.#counts = counts;
    return sample;
  }

  #sampleOf(t: number, v: number | NativeHistogram): AgentSample {
    const createdMs = this.#tellsCreated ? this.#createdMs : 0;
    return { labels: this.labels, t, v, createdMs };
  }

  #grow(): void {
    const dice = this.#dice;
    if (!this.#isHistogram) {
      this.#value += dice.int(0, 100);
      return;
    }
    const at = dice.int(0, BUCKETS - 1);
    const shrinks = this.#kind === 'gauge histogram' && dice.chance(0.5);
    this.#counts[at] = shrinks ? 0 : this.#counts[at]! + dice.int(1, 20);
  }

  #empty(): NativeHistogram {
    const resetHint = this.#kind === 'gauge histogram' ? RESET_GAUGE : RESET_UNKNOWN;
    return { ...EMPTY, isFloat: this.#isFloat, schema: this.#schema, resetHint };
  }

  /** The last two buckets are negative ones, but for custom buckets; empty ones at the end are left out. */
  #histogram(): NativeHistogram {
    const isCustom = this.#schema === SCHEMA_CUSTOM_BUCKETS;
    const counts = this.#isFloat ? this.#counts.map((count) => count / 4) : this.#counts;
    const positive = withoutEnd(counts.subarray(0, isCustom ? BUCKETS : BUCKETS - 2));
    const negative = isCustom ? NO_BUCKETS : withoutEnd(counts.subarray(BUCKETS - 2));
    const count = [...positive, ...negative].reduce((sum, one) => sum + one, 0);
    return {
      ...this.#empty(),
      ...{ count, sum: count * 1.5 },
      ...{ positiveSpans: spanOf(positive), positiveBuckets: positive },
      ...{ negativeSpans: spanOf(negative), negativeBuckets: negative },
      customValues: isCustom ? CUSTOM_BOUNDS : NO_BUCKETS,
    };
  }
}

/** The same series and time, another value. */
export function contradicted(sample: AgentSample): AgentSample {
  const { v } = sample;
  if (typeof v === 'number') return { ...sample, v: Number.isNaN(v) ? 1 : v + 0.5 };
  return { ...sample, v: { ...v, isStale: false, sum: v.sum + 0.5 } };
}

function withoutEnd(counts: Float64Array): Float64Array {
  let end = counts.length;
  while (end > 0 && counts[end - 1] === 0) end--;
  return counts.slice(0, end);
}

function spanOf(buckets: Float64Array): Int32Array {
  return buckets.length === 0 ? NO_SPANS : Int32Array.of(0, buckets.length);
}
