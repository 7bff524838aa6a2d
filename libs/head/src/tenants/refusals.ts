// Refusals of what the log holds already: counted for metrics, and noted in the tenant's discard log. The
// series limits are decided here; reasons are named as Mimir's discard metrics name them.
import { encodeLabels, labelValue, type MetricMetadata } from '@weir/model';
import { visitMore } from '../removal.ts';
import type { HeadState } from '../state.ts';
import type { Tenant } from '../windows.ts';
import type { RecordPlace } from './discard-log.ts';

const NO_BYTES = new Uint8Array(0);

/** Refuses `count` samples, or a record as a whole. bytes[from, from + length) are the series' labels. */
export function refuse(
  state: HeadState,
  tenant: Tenant,
  reason: string,
  place: RecordPlace,
  count = 1,
  t = Number.NaN,
  bytes: Uint8Array = NO_BYTES,
  from = 0,
  length = 0,
): void {
  state.discard(tenant.name, reason, count);
  tenant.discards.note(reason, place, count, t, bytes, from, length);
}

export function refuseMetadata(
  state: HeadState,
  tenant: Tenant,
  reason: string,
  { metric }: MetricMetadata,
  place: RecordPlace,
): void {
  const labels = encodeLabels([{ name: '__name__', value: metric }]);
  refuse(state, tenant, reason, place, 1, Number.NaN, labels, 0, labels.length);
}

/** Why the tenant may not have another series with these labels; undefined where it may. */
export function overSeriesLimit(
  state: HeadState,
  tenant: Tenant,
  bytes: Uint8Array,
  from: number,
  length: number,
): string | undefined {
  const { seriesMax, seriesPerMetricMax = 0 } = tenant.settings;
  // Series that are being removed don't count.
  while (seriesMax > 0 && tenant.seriesCount >= seriesMax) {
    if (!visitMore(state, tenant)) return 'per_user_series_limit';
  }
  if (seriesPerMetricMax === 0) return undefined;
  const name = labelValue(bytes.subarray(from, from + length), '__name__') ?? '';
  const pair = state.index.pair(tenant.id, '__name__', name);
  while (pair >= 0 && state.index.lists.count(pair) >= seriesPerMetricMax) {
    if (!visitMore(state, tenant)) return 'per_metric_series_limit';
  }
  return undefined;
}
