// The texts of everything that is refused after the answer, to the letter: with the tenant's limit, and without.
import { defaultsOf } from '@weir/config';
import { limitsFlags } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import { discardText } from './discard-texts.ts';

const contact = (flag: string) =>
  `. To adjust the related per-tenant limit, configure -${flag}, or contact your service administrator.`;

const LIMITED = [
  [
    'per_user_series_limit',
    'seriesMax',
    'per-user series limit of 3 exceeded',
    'max-series-per-user',
    'ingester.max-global-series-per-user',
  ],
  [
    'per_metric_series_limit',
    'seriesPerMetricMax',
    'per-metric series limit of 3 exceeded',
    'max-series-per-metric',
    'ingester.max-global-series-per-metric',
  ],
  [
    'max_active_series',
    'activeSeriesMax',
    'the sample has been rejected because the tenant exceeded the active series limit, set to 3',
    'max-active-series',
    'distributor.max-active-series-per-user',
  ],
  [
    'per_user_metadata_limit',
    'metadataMax',
    'per-user metric metadata limit of 3 exceeded',
    'max-metadata-per-user',
    'ingester.max-global-metadata-per-user',
  ],
  [
    'per_metric_metadata_limit',
    'metadataPerMetricMax',
    'per-metric metadata limit of 3 exceeded',
    'max-metadata-per-metric',
    'ingester.max-global-metadata-per-metric',
  ],
] as const;

const PLAIN = [
  [
    'sample_timestamp_too_old',
    'the sample has been rejected because its timestamp is too old (err-mimir-sample-timestamp-too-old)',
  ],
  [
    'sample_out_of_order',
    'the sample has been rejected because another sample with a more recent timestamp has already been ingested and out-of-order samples are not allowed (err-mimir-sample-out-of-order)',
  ],
  [
    'sample_duplicate_timestamp',
    'the sample has been rejected because another sample with the same timestamp, but a different value, has already been ingested (err-mimir-sample-duplicate-timestamp)',
  ],
  ['missing_metric_name', 'received series has no metric name (err-mimir-missing-metric-name)'],
  ['sample_timestamp_out_of_range', 'the timestamp is no date'],
  ['labels_too_long', 'the labels of the series together are longer than 64 KiB'],
  ['undecodable_record', 'a record of the log could not be decoded and was passed over'],
  ['a reason of a later version', 'a reason of a later version'],
] as const;

describe('a reason of the discard log', () => {
  it.each(LIMITED)('%s', (reason, limit, text, id, flag) => {
    const limits = { ...defaultsOf(limitsFlags), [limit]: 3 };
    expect(discardText(reason, limits)).toBe(`${text} (err-mimir-${id})${contact(flag)}`);
    const unknown = text.replace('of 3 ', '').replace('set to 3', 'set to a lower number');
    expect(discardText(reason, undefined)).toBe(`${unknown} (err-mimir-${id})${contact(flag)}`);
  });

  it.each(PLAIN)('%s', (reason, text) => {
    expect(discardText(reason, undefined)).toBe(text);
    expect(discardText(reason, defaultsOf(limitsFlags))).toBe(text);
  });
});
