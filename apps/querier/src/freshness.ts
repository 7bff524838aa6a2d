// GET /api/v1/freshness: how far behind what was acknowledged the answers of this moment are, for a tenant.
import type { ReadFreshness, TenantReader } from '@weir/query';
import { isoTime } from '@weir/runtime';
import type { EndpointAnswer, EndpointContext } from './endpoint.ts';

/** Lag is that of the whole partition: what waits in it may be another tenant's. */
export async function answerFreshness(
  { clock, signal }: EndpointContext,
  reader: TenantReader,
): Promise<EndpointAnswer> {
  const partitions = await reader.freshness(signal);
  const nowMs = clock.nowMs();
  const newest = partitions.map(({ newestSampleMs }) => newestSampleMs ?? Number.NEGATIVE_INFINITY);
  const newestMs = Math.max(Number.NEGATIVE_INFINITY, ...newest);
  const lags = partitions.map(({ lagMs }) => lagMs);
  const lagKnown = lags.every((lag) => lag !== undefined);
  return {
    kind: 'data',
    data: {
      time: isoTime(nowMs),
      lagSeconds: lagKnown ? Math.max(0, ...lags) / 1000 : null,
      lagRecords: partitions.reduce((sum, { applied, end }) => sum + Math.max(0, end - applied), 0),
      ...sampleFields(newestMs, nowMs),
      partitions: partitions.map((one) => partitionFields(one, nowMs)),
    },
    warnings: [],
  };
}

function partitionFields(one: ReadFreshness, nowMs: number) {
  const { partition, applied, end, lagMs, newestSampleMs } = one;
  return {
    ...{ partition, appliedOffset: applied, endOffset: end },
    lagSeconds: lagMs === undefined ? null : lagMs / 1000,
    ...sampleFields(newestSampleMs ?? Number.NEGATIVE_INFINITY, nowMs),
  };
}

/** A newest sample may lie in the future, as far as the tenant's limits let it. */
function sampleFields(newestMs: number, nowMs: number) {
  const known = Number.isFinite(newestMs);
  return {
    newestSample: known ? isoTime(newestMs) : null,
    sampleAgeSeconds: known ? (nowMs - newestMs) / 1000 : null,
  };
}
