// A native histogram sample as every part of the system passes it on: exponential schemas and custom
// buckets, integer and float counts. Counts are absolute (never deltas) and exact up to 2^53. Formats of
// the wire and of chunks are elsewhere; so is what a valid histogram is.

/** What the sender says of counter resets; only GAUGE is believed, the rest is found out. */
export const RESET_UNKNOWN = 0;
export const RESET_YES = 1;
export const RESET_NO = 2;
export const RESET_GAUGE = 3;

/** The schema whose buckets are customValues. */
export const SCHEMA_CUSTOM_BUCKETS = -53;

export interface NativeHistogram {
  /** Counts came as floats; such samples have a chunk encoding of their own. */
  readonly isFloat: boolean;
  readonly resetHint: number;
  /** −4 … 8, or SCHEMA_CUSTOM_BUCKETS. */
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  /** Meaningless where isStale. */
  readonly sum: number;
  /** A staleness marker: the sum's bits are 0x7ff0000000000002 on the wire, all else is empty. */
  readonly isStale: boolean;
  /** Pairs of offset and length. */
  readonly positiveSpans: Int32Array;
  readonly negativeSpans: Int32Array;
  /** A count for each bucket of the spans. */
  readonly positiveBuckets: Float64Array;
  readonly negativeBuckets: Float64Array;
  /** Upper bounds, ascending, without +Inf; empty but for SCHEMA_CUSTOM_BUCKETS. */
  readonly customValues: Float64Array;
}

/** Native histogram samples of one series, beside the columns of its floats. */
export class HistogramColumns {
  /** Milliseconds since the epoch, ascending. */
  readonly t: number[] = [];
  readonly h: NativeHistogram[] = [];
  /** Start timestamps, ms: see SampleColumns.st. 0 where unknown. */
  readonly st: number[] = [];

  get count(): number {
    return this.t.length;
  }

  push(t: number, h: NativeHistogram, st = 0): void {
    this.t.push(t);
    this.h.push(h);
    this.st.push(st);
  }

  clear(): void {
    this.t.length = 0;
    this.h.length = 0;
    this.st.length = 0;
  }
}
