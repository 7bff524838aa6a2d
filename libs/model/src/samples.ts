// Float samples as columns: growable arrays that decoders append to and callers reuse.

/** Prometheus's staleness marker is this one NaN bit pattern (0x7ff0000000000002). */
const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 0x00000002;
const QUIET = 0x00080000;
const scratch = new DataView(new ArrayBuffer(8));

export const STALE_NAN: number = (() => {
  scratch.setUint32(0, STALE_HIGH);
  scratch.setUint32(4, STALE_LOW);
  return scratch.getFloat64(0);
})();

/**
 * Also true of the quiet form 0x7ff8000000000002: V8 sets that bit when a double passes through a plain
 * array or Map, and no arithmetic makes such a payload.
 */
export function isStaleNaN(value: number): boolean {
  if (!Number.isNaN(value)) return false;
  scratch.setFloat64(0, value);
  return (scratch.getUint32(0) & ~QUIET) === STALE_HIGH && scratch.getUint32(4) === STALE_LOW;
}

export class SampleColumns {
  /** Milliseconds since the epoch, ascending within [0, count). */
  t: Float64Array;
  v: Float64Array;
  /**
   * Start timestamps, ms: since when a counter's value has been counted; 0 where unknown. There only where
   * whoever made the columns wants them: decoders fill it if it is there.
   */
  st: Float64Array | undefined;
  count = 0;

  constructor(capacity = 256, withStarts = false) {
    this.t = new Float64Array(capacity);
    this.v = new Float64Array(capacity);
    this.st = withStarts ? new Float64Array(capacity) : undefined;
  }

  clear(): void {
    this.count = 0;
  }

  push(t: number, v: number, st = 0): void {
    if (this.count === this.t.length) this.reserve(1);
    this.t[this.count] = t;
    this.v[this.count] = v;
    if (this.st !== undefined) this.st[this.count] = st;
    this.count++;
  }

  /** Makes room for `extra` more samples; decoders call it once a chunk and then write directly. */
  reserve(extra: number): void {
    const wanted = this.count + extra;
    if (wanted <= this.t.length) return;
    const capacity = Math.max(wanted, this.t.length * 2);
    const t = new Float64Array(capacity);
    const v = new Float64Array(capacity);
    t.set(this.t.subarray(0, this.count));
    v.set(this.v.subarray(0, this.count));
    this.t = t;
    this.v = v;
    if (this.st === undefined) return;
    const st = new Float64Array(capacity);
    st.set(this.st.subarray(0, this.count));
    this.st = st;
  }
}
