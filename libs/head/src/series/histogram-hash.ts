// What makes two histogram samples the same: two words of hash over all that a sample says, whichever way
// it was written. Buckets without observations don't count, as chunks add some; nor does the reset hint,
// as chunks work it out anew. Used to tell a repeated sample from a conflicting one, and in digests.
import type { NativeHistogram } from '@weir/model';

export interface HistogramHash {
  readonly a: number;
  readonly b: number;
}

const double = new Float64Array(1);
const words = new Int32Array(double.buffer);
let a = 0;
let b = 0;

function add(word: number): void {
  a = Math.imul(a ^ word, 0x9e3779b1);
  a ^= a >>> 15;
  b = Math.imul(b ^ Math.imul(word, 0x85ebca6b), 0xc2b2ae35);
  b ^= b >>> 13;
}

function addNumber(value: number): void {
  // All NaNs are one: JavaScript doesn't promise to keep their bits.
  double[0] = Number.isNaN(value) ? Number.NaN : value;
  add(words[0]);
  add(words[1]);
}

function addBuckets(spans: Int32Array, buckets: Float64Array): void {
  let index = 0;
  let at = 0;
  for (let span = 0; span < spans.length; span += 2) {
    index += spans[span];
    for (let left = spans[span + 1]; left > 0; left--, index++, at++) {
      if (buckets[at] === 0) continue;
      add(index);
      addNumber(buckets[at]);
    }
  }
  add(0x7fffffff);
}

export function hashHistogram(histogram: NativeHistogram): HistogramHash {
  a = 0x2545f491;
  b = 0x4f6cdd1d;
  add(histogram.isFloat ? 2 : 1);
  add(histogram.isStale ? 1 : 0);
  if (!histogram.isStale) {
    add(histogram.schema);
    addNumber(histogram.zeroThreshold);
    addNumber(histogram.zeroCount);
    addNumber(histogram.count);
    addNumber(histogram.sum);
    addBuckets(histogram.positiveSpans, histogram.positiveBuckets);
    addBuckets(histogram.negativeSpans, histogram.negativeBuckets);
    for (const bound of histogram.customValues) addNumber(bound);
  }
  return { a, b };
}
