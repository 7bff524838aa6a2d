// Whether a counter histogram was reset between two samples: told by the hint, or seen in any count that
// fell, in a resolution that rose, or in a zero bucket that shrank.
import { RESET_NO, RESET_YES } from '@weir/model';
import { type Buckets, type Histogram, hasCustomBuckets } from './histogram.ts';
import { commonShape, reshape, sameBounds, widenedZero, withSchema } from './shape.ts';

export function isReset(previous: Histogram, h: Histogram): boolean {
  if (h.resetHint === RESET_YES) return true;
  if (h.resetHint === RESET_NO) return false;
  if (hasCustomBuckets(h) !== hasCustomBuckets(previous) || h.count < previous.count) return true;
  return hasCustomBuckets(h) ? customReset(previous, h) : exponentialReset(previous, h);
}

function customReset(previous: Histogram, h: Histogram): boolean {
  if (sameBounds(previous.customValues, h.customValues)) {
    return anyFell(previous.positive, h.positive);
  }
  const shape = commonShape(previous, h)!;
  return anyFell(reshape(previous, shape).positive, reshape(h, shape).positive, false);
}

function exponentialReset(previous: Histogram, h: Histogram): boolean {
  if (h.schema > previous.schema || h.zeroThreshold < previous.zeroThreshold) return true;
  // A threshold within a bucket that was populated can't come about without a reset.
  if (widenedZero(previous, h.zeroThreshold) !== h.zeroThreshold) return true;
  const before = reshape(previous, { ...h, schema: previous.schema });
  if (h.zeroCount < before.zeroCount) return true;
  const { positive, negative } = withSchema(before, h.schema);
  return anyFell(positive, h.positive) || anyFell(negative, h.negative);
}

/** `isLost`: a bucket that is gone has fallen, whatever it held, which in differences may be less than nothing. */
function anyFell(before: Buckets, after: Buckets, isLost = true): boolean {
  for (let at = 0, now = 0; at < before.index.length; at++) {
    while (now < after.index.length && after.index[now]! < before.index[at]!) now++;
    const isThere = after.index[now] === before.index[at];
    if (!isThere && isLost && before.count[at] !== 0) return true;
    if ((isThere ? after.count[now]! : 0) < before.count[at]!) return true;
  }
  return false;
}
