// One native histogram of a push: read, judged and, where it has too many buckets, brought to a lower
// resolution. What is good keeps the bytes it came in. A bad one costs this sample, not the request.

import { SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import { type HistogramSample, parseHistogram } from '../histogram/decode-histogram.ts';
import { encodeHistogram } from '../histogram/encode-histogram.ts';
import { histogramFault, isKnownSchema } from '../histogram/histogram-fault.ts';
import { bucketCount, reduceHistogram } from '../histogram/reduce-histogram.ts';
import type { AcceptedWrite } from './accepted-write.ts';
import { type HistogramRefusal, histogramRefusal } from './histogram-refusals.ts';
import { type NamedLabel, refusal } from './refusal-texts.ts';
import type { WriteRules } from './write-rules.ts';

export interface HistogramDraft {
  readonly t: number;
  /** Since when it counts, ms; 0 where unknown. */
  readonly startT: number;
  /** The Histogram message. */
  readonly bytes: Uint8Array;
  readonly buckets: number;
}

/** Asked for in an error's text only. */
export interface DraftedSeries {
  readonly list: readonly NamedLabel[];
  readonly metric: Uint8Array;
}

/** The histogram in `bytes` as it is to be logged; undefined (and counted in `out`) when it is refused. */
export function draftHistogram(
  bytes: Uint8Array,
  series: DraftedSeries,
  rules: WriteRules,
  out: AcceptedWrite,
): HistogramDraft | undefined {
  const sample = parseHistogram(bytes, 0, bytes.length);
  const refused = judge(sample, series, rules);
  if (refused !== undefined) {
    out.reject(refused.reason, 1, refused.message);
    return undefined;
  }
  const { t, startT, histogram } = sample;
  const buckets = bucketCount(histogram);
  const limit = rules.histogramBucketsMax;
  if (limit === 0 || buckets <= limit) return { t, startT, bytes, buckets };
  return reduced(sample, series, rules, out);
}

function judge(
  { t, histogram }: HistogramSample,
  series: DraftedSeries,
  rules: WriteRules,
): HistogramRefusal | undefined {
  if (t > rules.timestampMaxMs) {
    return { reason: 'too_far_in_future', message: () => refusal.tooFarInFuture(t, series.metric) };
  }
  if (t < rules.timestampMinMs || !Number.isSafeInteger(t)) {
    return { reason: 'too_far_in_past', message: () => refusal.tooFarInPast(t, series.metric) };
  }
  const fault = histogramFault(histogram);
  if (fault === undefined) return undefined;
  if (!isKnownSchema(histogram.schema)) return histogramRefusal.schema(fault.message);
  return histogramRefusal.fault(fault, t, series.list);
}

/** Halves the resolution until the buckets are fewer than the limit, as Mimir does. */
function reduced(
  sample: HistogramSample,
  series: DraftedSeries,
  rules: WriteRules,
  out: AcceptedWrite,
): HistogramDraft | undefined {
  const { t, startT } = sample;
  const limit = rules.histogramBucketsMax;
  const found = bucketCount(sample.histogram);
  const refuse = (message: () => string) => out.reject('max_native_histogram_buckets', 1, message);
  if (sample.histogram.schema === SCHEMA_CUSTOM_BUCKETS) {
    refuse(() => histogramRefusal.tooManyCustom(t, series.list, found, limit));
    return undefined;
  }
  if (!rules.histogramsReduced) {
    refuse(() => histogramRefusal.tooMany(t, series.list, found, limit));
    return undefined;
  }
  let histogram = sample.histogram;
  while (bucketCount(histogram) >= limit) {
    const next = reduceHistogram(histogram);
    if (next === undefined) {
      refuse(() => histogramRefusal.notReducible(t, series.list, found, limit));
      return undefined;
    }
    histogram = next;
  }
  const bytes = encodeHistogram({ t, startT, histogram });
  return { t, startT, bytes, buckets: bucketCount(histogram) };
}
