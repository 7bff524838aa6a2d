// What a reason of the discard log means, for people: Mimir's texts and ids where it has the error.
import type { TenantLimits } from '@weir/limits';

function limited(message: string, id: string, flag: string): string {
  return `${message} (err-mimir-${id}). To adjust the related per-tenant limit, configure -${flag}, or contact your service administrator.`;
}

type Text = (limits: TenantLimits | undefined) => string;

/** `of 10 ` where the limit is known. */
const of = (limit: number | undefined) => (limit === undefined ? '' : `of ${limit} `);

const TEXTS: Readonly<Record<string, Text>> = {
  per_user_series_limit: (limits) =>
    limited(
      `per-user series limit ${of(limits?.seriesMax)}exceeded`,
      'max-series-per-user',
      'ingester.max-global-series-per-user',
    ),
  per_metric_series_limit: (limits) =>
    limited(
      `per-metric series limit ${of(limits?.seriesPerMetricMax)}exceeded`,
      'max-series-per-metric',
      'ingester.max-global-series-per-metric',
    ),
  max_active_series: (limits) =>
    limited(
      `the sample has been rejected because the tenant exceeded the active series limit, set to ${limits?.activeSeriesMax ?? 'a lower number'}`,
      'max-active-series',
      'distributor.max-active-series-per-user',
    ),
  per_user_metadata_limit: (limits) =>
    limited(
      `per-user metric metadata limit ${of(limits?.metadataMax)}exceeded`,
      'max-metadata-per-user',
      'ingester.max-global-metadata-per-user',
    ),
  per_metric_metadata_limit: (limits) =>
    limited(
      `per-metric metadata limit ${of(limits?.metadataPerMetricMax)}exceeded`,
      'max-metadata-per-metric',
      'ingester.max-global-metadata-per-metric',
    ),
  sample_timestamp_too_old: () =>
    'the sample has been rejected because its timestamp is too old (err-mimir-sample-timestamp-too-old)',
  sample_out_of_order: () =>
    'the sample has been rejected because another sample with a more recent timestamp has already been ingested and out-of-order samples are not allowed (err-mimir-sample-out-of-order)',
  sample_duplicate_timestamp: () =>
    'the sample has been rejected because another sample with the same timestamp, but a different value, has already been ingested (err-mimir-sample-duplicate-timestamp)',
  missing_metric_name: () => 'received series has no metric name (err-mimir-missing-metric-name)',
  sample_timestamp_out_of_range: () => 'the timestamp is no date',
  labels_too_long: () => 'the labels of the series together are longer than 64 KiB',
  undecodable_record: () => 'a record of the log could not be decoded and was passed over',
};

/** The reason itself where it has no text. */
export function discardText(reason: string, limits: TenantLimits | undefined): string {
  return TEXTS[reason]?.(limits) ?? reason;
}
