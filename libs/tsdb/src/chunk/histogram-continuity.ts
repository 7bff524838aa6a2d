// Whether a histogram can follow another in one chunk, and whether its counter was reset in between: a
// count went down, a bucket with observations is gone, or the sender says so.
import { type NativeHistogram, RESET_GAUGE, RESET_YES } from '@weir/model';
import { bucketIndexes, sameNumbers } from './histogram-layout.ts';
import { BUCKETS, COUNT, type HistogramState, ZERO_COUNT } from './histogram-state.ts';

export const CONTINUES = 0;
export const RESETS = 1;
/** Another layout or kind, or it comes after a staleness marker: whether it was reset isn't known. */
export const DIFFERS = 2;

/** `h` is no staleness marker; those follow anything. */
export function continuity(last: HistogramState, h: NativeHistogram): number {
  const isGauge = h.resetHint === RESET_GAUGE;
  if (isGauge !== last.isGauge || h.isFloat !== last.isFloat) return DIFFERS;
  if (h.resetHint === RESET_YES) return RESETS;
  if (last.isStale) return DIFFERS;
  const { layout } = last;
  const sameBounds = sameNumbers(h.customValues, layout.customValues);
  const sameScale =
    h.schema === layout.schema && h.zeroThreshold === layout.zeroThreshold && sameBounds;
  if (isGauge) return sameScale ? CONTINUES : DIFFERS;
  if (h.count < last.values[COUNT]!) return RESETS;
  if (!sameScale) return sameBounds ? DIFFERS : RESETS;
  if (h.zeroCount < last.values[ZERO_COUNT]!) return RESETS;
  const negativeFrom = BUCKETS + last.positiveCount;
  const { values } = last;
  return bucketsFell(values, BUCKETS, layout.positiveSpans, h.positiveSpans, h.positiveBuckets) ||
    bucketsFell(values, negativeFrom, layout.negativeSpans, h.negativeSpans, h.negativeBuckets)
    ? RESETS
    : CONTINUES;
}

/** The counts before begin at `from` of `values`. */
function bucketsFell(
  values: Float64Array,
  from: number,
  beforeSpans: Int32Array,
  afterSpans: Int32Array,
  after: Float64Array,
): boolean {
  if (sameNumbers(beforeSpans, afterSpans)) {
    for (let at = 0; at < after.length; at++) if (after[at]! < values[from + at]!) return true;
    return false;
  }
  const beforeAt = bucketIndexes(beforeSpans);
  const afterAt = bucketIndexes(afterSpans);
  let next = 0;
  for (let at = 0; at < beforeAt.length; at++) {
    while (next < after.length && afterAt[next]! < beforeAt[at]!) next++;
    const isThere = next < after.length && afterAt[next] === beforeAt[at];
    if ((isThere ? after[next]! : 0) < values[from + at]!) return true;
  }
  return false;
}
