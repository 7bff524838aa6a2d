// Which counts a histogram chunk can hold: those of integer histograms are integers up to 2^53, exact in
// JavaScript numbers as long as their second differences are.
import { WeirError } from '@weir/errors';
import type { NativeHistogram } from '@weir/model';
import { bucketCount } from './histogram-layout.ts';
import { BUCKETS, COUNT, ZERO_COUNT } from './histogram-state.ts';

/** Above it second differences of counts aren't exact: such samples get a chunk each. */
const COUNT_MAX_SHARED = 2 ** 50;

/** Throws `invalid` on buckets that aren't those of the spans, and on counts that aren't counts. */
export function checkCounts(h: NativeHistogram): void {
  if (
    bucketCount(h.positiveSpans) !== h.positiveBuckets.length ||
    bucketCount(h.negativeSpans) !== h.negativeBuckets.length
  ) {
    throw new WeirError('invalid', 'a histogram has other buckets than its spans say');
  }
  if (h.isFloat) return;
  if (!isCount(h.count) || !isCount(h.zeroCount)) throw notCounts();
  for (const count of h.positiveBuckets) if (!isCount(count)) throw notCounts();
  for (const count of h.negativeBuckets) if (!isCount(count)) throw notCounts();
}

function isCount(value: number): boolean {
  return value >= 0 && Number.isSafeInteger(value);
}

function notCounts(): WeirError {
  return new WeirError('invalid', 'an integer histogram has counts that are not integers');
}

export function isHugeSample(h: NativeHistogram): boolean {
  const { count, zeroCount } = h;
  if (count > COUNT_MAX_SHARED || zeroCount > COUNT_MAX_SHARED) return true;
  return isHugeAmong(h.positiveBuckets, 0) || isHugeAmong(h.negativeBuckets, 0);
}

export function hasHugeValues(values: Float64Array): boolean {
  if (values[COUNT]! > COUNT_MAX_SHARED || values[ZERO_COUNT]! > COUNT_MAX_SHARED) return true;
  return isHugeAmong(values, BUCKETS);
}

function isHugeAmong(values: Float64Array, from: number): boolean {
  for (let at = from; at < values.length; at++) if (values[at]! > COUNT_MAX_SHARED) return true;
  return false;
}
