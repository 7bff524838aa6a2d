// Histograms of a record as the second pass takes them: decoded, judged and hashed one by one. One that
// is damaged or can't be stored is refused alone; Mimir's distributors leave some of that to the ingester.
import { isKind } from '@weir/errors';
import { type NativeHistogram, RESET_YES } from '@weir/model';
import { decodeHistogram } from '@weir/wire/log-record';
import { emptyHistogram, type HistogramSample, sampleOf } from '../series/histograms.ts';

/** A chunk of larger ones could take megabytes. */
const BUCKETS_MAX = 65_536;

export interface RecordHistogram {
  readonly t: number;
  /** When its counter began, ms; 0 when the message doesn't tell. */
  readonly startT: number;
  readonly sample: HistogramSample;
}

/** The Histogram message in bytes[from, to), or the reason of its refusal. */
export function readHistogram(
  bytes: Uint8Array,
  from: number,
  to: number,
): RecordHistogram | string {
  try {
    const { t, startT, histogram } = decodeHistogram(bytes, from, to);
    const buckets = histogram.positiveBuckets.length + histogram.negativeBuckets.length;
    if (buckets > BUCKETS_MAX) return 'max_native_histogram_buckets';
    return { t, startT, sample: sampleOf(histogram, bytes.subarray(from, to)) };
  } catch (error) {
    if (!isKind(error, 'invalid')) throw error;
    return 'invalid_native_histogram';
  }
}

/** Nothing observed, in the buckets of the histogram that follows: what a counter is when it begins. */
export function zeroOf({ isFloat, schema, zeroThreshold, customValues }: NativeHistogram) {
  const zero = { ...emptyHistogram(isFloat, false), resetHint: RESET_YES };
  return sampleOf({ ...zero, schema, zeroThreshold, customValues }, new Uint8Array(0));
}
