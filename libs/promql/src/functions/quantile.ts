// Quantiles over plain values and over classic histogram buckets, with Prometheus's interpolation.

/** The q-quantile; sorts `values` in place. NaN sorts first. Empty: NaN. */
export function quantileOf(q: number, values: Float64Array): number {
  const n = values.length;
  if (n === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  sortNaNFirst(values);
  const rank = q * (n - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(n - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return values[lower]! * (1 - weight) + values[upper]! * weight;
}

/** Typed arrays sort NaN last; PromQL wants it first. */
function sortNaNFirst(values: Float64Array): void {
  values.sort();
  let last = values.length;
  while (last > 0 && Number.isNaN(values[last - 1]!)) last--;
  const missing = values.length - last;
  if (missing === 0 || last === 0) return;
  values.copyWithin(missing, 0, last);
  values.fill(Number.NaN, 0, missing);
}

export interface BucketQuantile {
  value: number;
  /** Set when cumulative counts had to be raised; for an info. */
  forced: { from: number; to: number; maxDifference: number } | undefined;
}

const SMALL_DIFFERENCE = 1e-12;
const MIN_NORMAL = 2.2250738585072014e-308;

/**
 * The q-quantile of cumulative bucket counts, ascending by upper bound; `counts` is changed. Method:
 * Prometheus's documentation of histogram_quantile: linear interpolation within the bucket.
 */
export function bucketQuantile(
  q: number,
  bounds: Float64Array,
  counts: Float64Array,
  given: number,
): BucketQuantile {
  const result: BucketQuantile = { value: Number.NaN, forced: undefined };
  if (Number.isNaN(q)) return result;
  if (q < 0) result.value = Number.NEGATIVE_INFINITY;
  if (q > 1) result.value = Number.POSITIVE_INFINITY;
  if (q < 0 || q > 1) return result;
  if (given === 0 || bounds[given - 1] !== Number.POSITIVE_INFINITY) return result;
  const size = mergeEqualBounds(bounds, counts, given);
  result.forced = makeMonotonic(bounds, counts, size);
  if (size < 2 || counts[size - 1] === 0) return result;
  const observations = counts[size - 1]!;
  if (Number.isNaN(observations)) return result;
  let rank = q * observations;
  let bucket = 0;
  while (bucket < size - 1 && !(counts[bucket]! >= rank)) bucket++;
  if (bucket === size - 1) {
    result.value = bounds[size - 2]!;
    return result;
  }
  if (bucket === 0 && bounds[0]! <= 0) {
    result.value = bounds[0]!;
    return result;
  }
  const start = bucket === 0 ? 0 : bounds[bucket - 1]!;
  const below = bucket === 0 ? 0 : counts[bucket - 1]!;
  rank -= below;
  result.value = start + (bounds[bucket]! - start) * (rank / (counts[bucket]! - below));
  return result;
}

/** Bounds that are written in several ways; returns how many are left. */
export function mergeEqualBounds(
  bounds: Float64Array,
  counts: Float64Array,
  given: number,
): number {
  let last = 0;
  for (let at = 1; at < given; at++) {
    if (bounds[at] === bounds[last]) counts[last] = counts[last]! + counts[at]!;
    else {
      last++;
      bounds[last] = bounds[at]!;
      counts[last] = counts[at]!;
    }
  }
  return last + 1;
}

function makeMonotonic(
  bounds: Float64Array,
  counts: Float64Array,
  size: number,
): BucketQuantile['forced'] {
  let forced: BucketQuantile['forced'];
  let previous = counts[0]!;
  for (let at = 1; at < size; at++) {
    const current = counts[at]!;
    if (current === previous) continue;
    if (almostEqual(previous, current)) {
      counts[at] = previous;
      continue;
    }
    if (current < previous) {
      counts[at] = previous;
      forced ??= { from: bounds[at]!, to: bounds[at]!, maxDifference: 0 };
      forced.to = bounds[at]!;
      forced.maxDifference = Math.max(forced.maxDifference, previous - current);
      continue;
    }
    previous = current;
  }
  return forced;
}

function almostEqual(a: number, b: number): boolean {
  const difference = Math.abs(a - b);
  const sum = Math.abs(a) + Math.abs(b);
  if (a === 0 || b === 0 || sum < MIN_NORMAL) return difference < SMALL_DIFFERENCE * MIN_NORMAL;
  return difference / Math.min(sum, Number.MAX_VALUE) < SMALL_DIFFERENCE;
}
