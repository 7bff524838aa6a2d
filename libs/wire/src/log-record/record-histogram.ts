// Histograms as whoever applies records takes them: read and judged. A record may come from Mimir's
// distributors, which leave the structural checks to the ingester.
import { WeirError } from '@weir/errors';
import { type HistogramSample, parseHistogram } from '../histogram/decode-histogram.ts';
import { histogramFault } from '../histogram/histogram-fault.ts';

/**
 * The Histogram message in bytes[from, to), of a record of either version. `startT` is 0 where the
 * message has none (the series' created timestamp, field 6, may still tell one). Malformed bytes and
 * histograms that can't be stored are `invalid` errors.
 */
export function decodeHistogram(bytes: Uint8Array, from: number, to: number): HistogramSample {
  const sample = parseHistogram(bytes, from, to);
  const fault = histogramFault(sample.histogram);
  if (fault !== undefined) throw new WeirError('invalid', fault.message);
  return sample;
}
