// A histogram of exponential buckets at half the resolution: each pair of neighbours becomes one bucket.
// Bucket i of schema s reaches up to 2^(i·2^-s), so it falls into bucket ⌈i/2⌉ of schema s − 1.
import { type NativeHistogram, SCHEMA_CUSTOM_BUCKETS } from '@weir/model';

const SCHEMA_LOWEST = -4;
const OFFSET_MAX = 2 ** 31 - 1;

/** Buckets of both sides, empty ones included. */
export function bucketCount(h: NativeHistogram): number {
  return h.positiveBuckets.length + h.negativeBuckets.length;
}

/** The same observations at the next lower schema; undefined where there is none. */
export function reduceHistogram(h: NativeHistogram): NativeHistogram | undefined {
  if (h.schema === SCHEMA_CUSTOM_BUCKETS || h.schema <= SCHEMA_LOWEST) return undefined;
  const positive = mergePairs(h.positiveSpans, h.positiveBuckets);
  const negative = mergePairs(h.negativeSpans, h.negativeBuckets);
  if (positive === undefined || negative === undefined) return undefined;
  return {
    ...h,
    schema: h.schema - 1,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
  };
}

/** Spans must hold as many buckets as there are. Undefined where an index is beyond any offset. */
function mergePairs(
  spans: Int32Array,
  buckets: Float64Array,
): { readonly spans: Int32Array; readonly buckets: Float64Array } | undefined {
  const merged: number[] = [];
  const offsets: number[] = [];
  const lengths: number[] = [];
  let index = 0;
  let bucket = 0;
  let last = -1;
  for (let part = 0; part < spans.length; part += 2) {
    index += spans[part]!;
    for (let left = spans[part + 1]!; left > 0; left--) {
      const target = Math.ceil(index / 2);
      const count = buckets[bucket++]!;
      index++;
      if (merged.length > 0 && target === last) {
        merged[merged.length - 1]! += count;
        continue;
      }
      if (merged.length > 0 && target === last + 1) lengths[lengths.length - 1]! += 1;
      else {
        const offset = merged.length === 0 ? target : target - last - 1;
        if (Math.abs(offset) > OFFSET_MAX) return undefined;
        offsets.push(offset);
        lengths.push(1);
      }
      merged.push(count);
      last = target;
    }
  }
  const pairs = new Int32Array(offsets.length * 2);
  for (const [at, offset] of offsets.entries()) {
    pairs[at * 2] = offset;
    pairs[at * 2 + 1] = lengths[at]!;
  }
  return { spans: pairs, buckets: Float64Array.from(merged) };
}
