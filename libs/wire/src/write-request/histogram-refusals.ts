// The texts of refused native histograms, with Mimir's ids: of its distributor for schema and buckets,
// of its ingester for what is wrong inside (there the affected time and series follow).
import { isoTime } from '@weir/runtime';
import type { HistogramFault } from '../histogram/histogram-fault.ts';
import { type NamedLabel, seriesText, withId } from './refusal-texts.ts';

/** Beyond it a time has no date. */
const DATE_MAX_MS = 8.64e15;

export interface HistogramRefusal {
  readonly reason: string;
  readonly message: () => string;
}

export const histogramRefusal = {
  schema: (message: string): HistogramRefusal => ({
    reason: 'invalid_native_histogram_schema',
    message: () => withId(message, 'invalid-native-histogram-schema'),
  }),
  fault: (
    { id, message }: HistogramFault,
    t: number,
    labels: readonly NamedLabel[],
  ): HistogramRefusal => ({
    reason: (id ?? 'invalid-native-histogram').replaceAll('-', '_'),
    message: () =>
      `${id === undefined ? message : withId(message, id)}. The affected sample has timestamp ${shortTime(t)} and is from series ${seriesText(labels)}`,
  }),
  tooMany: (t: number, labels: readonly NamedLabel[], buckets: number, limit: number) =>
    withId(
      `received a native histogram sample with too many buckets, timestamp: ${t} series: ${seriesText(labels)}, buckets: ${buckets}, limit: ${limit}`,
      'max-native-histogram-buckets',
    ),
  tooManyCustom: (t: number, labels: readonly NamedLabel[], buckets: number, limit: number) =>
    withId(
      `received a native histogram sample with more custom buckets than the limit, timestamp: ${t} series: ${seriesText(labels)}, buckets: ${buckets}, limit: ${limit}`,
      'native-histogram-custom-buckets-not-reducible',
    ),
  notReducible: (t: number, labels: readonly NamedLabel[], buckets: number, limit: number) =>
    withId(
      `received a native histogram sample with too many buckets and cannot reduce, timestamp: ${t} series: ${seriesText(labels)}, buckets: ${buckets}, limit: ${limit}`,
      'not-reducible-native-histogram',
    ),
};

/** As Go prints RFC 3339: no zeros at the end of a fraction. */
function shortTime(ms: number): string {
  return Math.abs(ms) > DATE_MAX_MS ? `${ms}` : isoTime(ms).replace(/\.?0+Z$/, 'Z');
}
