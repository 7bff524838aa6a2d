// From a series' metric name to its family: remote write 2.0 sends metadata with series, whose names
// carry the suffixes of histograms and summaries.
import { text } from '@weir/bytes';

/** MetricMetadata.MetricType numbers. */
const HISTOGRAM = 3;
const GAUGE_HISTOGRAM = 4;
const SUMMARY = 5;

export function familyOf(metric: Uint8Array, type: number): Uint8Array {
  if (type !== HISTOGRAM && type !== GAUGE_HISTOGRAM && type !== SUMMARY) return metric;
  const suffix = /_(?:bucket|count|sum)$/.exec(text(metric));
  return suffix === null ? metric : metric.subarray(0, metric.length - suffix[0].length);
}
