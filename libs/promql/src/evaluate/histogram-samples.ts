// The native histograms of one series as columns, and what their reset hints may be believed to say.
//
// A hint is about the sample just before in storage. That a chunk begins with a reset is forgotten, since
// the chunk before may not be there; comparing counts finds it again. Samples of a subquery aren't
// neighbours in storage, so that theirs say nothing.
import {
  type HistogramColumns,
  RESET_NO,
  RESET_UNKNOWN,
  RESET_YES,
  type SampleColumns,
} from '@weir/model';
import {
  EMPTY_HISTOGRAM,
  fromNative,
  type Histogram,
  isGauge,
  withResetHint,
} from '../histogram/histogram.ts';
import { isReset } from '../histogram/resets.ts';

/** What a histogram weighs against the sample budget, in floats, besides its buckets. */
const FIXED_WEIGHT = 8;

/** How many float samples take as much. */
export function weightOf({ positive, negative }: Histogram): number {
  return FIXED_WEIGHT + positive.index.length + negative.index.length;
}

export class HistogramSamples {
  /** ms, ascending; the first `count`. */
  t = new Float64Array(16);
  /** Start timestamps, where they are wanted: see SampleColumns.st. */
  st: Float64Array | undefined;
  /** Undefined: a staleness marker. */
  readonly h: (Histogram | undefined)[] = [];
  /** Of all in hand, in float samples. */
  weight = 0;

  constructor(withStarts = false) {
    this.st = withStarts ? new Float64Array(16) : undefined;
  }

  get count(): number {
    return this.h.length;
  }

  clear(): void {
    this.h.length = 0;
    this.weight = 0;
  }

  /** A sample that is not the neighbour of the one before. */
  pushApart(t: number, h: Histogram): void {
    this.#push(t, isGauge(h) ? h : withResetHint(h, RESET_UNKNOWN));
  }

  /** `floats` are the series' other samples. */
  takeNative(natives: HistogramColumns, tellsResets: boolean, floats: SampleColumns): void {
    for (let at = 0; at < natives.count; at++) {
      const native = natives.h[at]!;
      const start = this.st && natives.st[at];
      this.#push(natives.t[at]!, native.isStale ? undefined : fromNative(native), start);
    }
    this.#forgetChunkResets();
    if (!tellsResets) return;
    this.#tellResets(floats);
    for (let at = 0; at < this.h.length; at++) {
      const h = this.h[at];
      if (h !== undefined) this.h[at] = withoutBuckets(h);
    }
  }

  /** Without markers of staleness; not to be kept beyond clear(). */
  points(): { t: number; histogram: Histogram }[] {
    return this.h.flatMap((histogram, at) => (histogram ? [{ t: this.t[at]!, histogram }] : []));
  }

  dropStale(): void {
    if (!this.h.includes(undefined)) return;
    let kept = 0;
    for (let at = 0; at < this.h.length; at++) {
      if (this.h[at] === undefined) continue;
      this.t[kept] = this.t[at]!;
      if (this.st !== undefined) this.st[kept] = this.st[at]!;
      this.h[kept++] = this.h[at];
    }
    this.h.length = kept;
  }

  #push(t: number, h: Histogram | undefined, start = 0): void {
    const at = this.h.length;
    if (at === this.t.length) {
      this.t = doubled(this.t);
      this.st = this.st && doubled(this.st);
    }
    this.t[at] = t;
    if (this.st !== undefined) this.st[at] = start;
    this.h.push(h);
    this.weight += h === undefined ? 1 : weightOf(h);
  }

  #forgetChunkResets(): void {
    for (let at = 0; at < this.h.length; at++) {
      const h = this.h[at];
      if (h?.resetHint === RESET_YES) this.h[at] = withResetHint(h, RESET_UNKNOWN);
    }
  }

  /** Compares neighbours where nothing is said; the first, and one after another kind, has none. */
  #tellResets(floats: SampleColumns): void {
    let float = 0;
    for (let at = 1; at < this.h.length; at++) {
      const [before, h] = [this.h[at - 1], this.h[at]];
      while (float < floats.count && floats.t[float]! < this.t[at - 1]!) float++;
      const isNeighbour = float === floats.count || floats.t[float]! > this.t[at]!;
      if (before === undefined || h === undefined || !isNeighbour) continue;
      if (h.resetHint !== RESET_UNKNOWN) continue;
      this.h[at] = withResetHint(h, isReset(before, h) ? RESET_YES : RESET_NO);
    }
  }
}

function doubled(column: Float64Array): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(column.length * 2);
  grown.set(column);
  return grown;
}

/** Where only counts and sums are asked for, buckets that don't fit each other are no news. */
function withoutBuckets(h: Histogram): Histogram {
  return {
    ...EMPTY_HISTOGRAM,
    schema: h.schema,
    resetHint: h.resetHint,
    count: h.count,
    sum: h.sum,
  };
}
