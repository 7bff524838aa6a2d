// Dense rows of buckets, as OpenTelemetry has them, as the sparse ones of native histograms: empty buckets
// are left out where more than two lie together, and resolutions finer than Prometheus's finest are merged.
//
// OpenTelemetry's bucket i covers (base^i, base^(i+1)], Prometheus's (base^(i-1), base^i]: one further.

export interface NativeBuckets {
  /** Offset and length, in turn. */
  readonly spans: Int32Array;
  readonly counts: Float64Array;
}

const NONE: NativeBuckets = { spans: new Int32Array(0), counts: new Float64Array(0) };
/** Empty buckets that are told rather than skipped. */
const GAP_MAX = 2;

/** Buckets of an exponential histogram whose scale is `scaleDown` finer than the schema. */
export function exponentialBuckets(
  counts: Float64Array,
  offset: number,
  scaleDown: number,
): NativeBuckets {
  // A shift beyond 31 would wrap: all buckets of a side are one by then.
  const shift = Math.min(scaleDown, 31);
  return sparse(counts, (index) => Math.floor((index + offset) / 2 ** shift) + 1);
}

/** Buckets between explicit bounds. */
export function customBuckets(counts: Float64Array): NativeBuckets {
  return sparse(counts, (index) => index);
}

function sparse(counts: Float64Array, place: (index: number) => number): NativeBuckets {
  const spans: number[] = [];
  const found: number[] = [];
  /** Behind the last bucket told. */
  let next = 0;
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index]!;
    if (count === 0) continue;
    const at = place(index);
    if (found.length > 0 && at === next - 1) {
      found[found.length - 1]! += count;
      continue;
    }
    const gap = at - next;
    if (spans.length === 0 || gap > GAP_MAX) spans.push(gap, 0);
    else for (let empty = 0; empty < gap; empty++) found.push(0);
    spans[spans.length - 1]! += 1 + (spans.at(-1) === 0 ? 0 : Math.max(0, gap));
    found.push(count);
    next = at + 1;
  }
  if (found.length === 0) return NONE;
  return { spans: Int32Array.from(spans), counts: Float64Array.from(found) };
}
