// Which tenants' windows are cut before they close: those that have sent nothing for long, so that they
// cost next to nothing, and, where the head has more series than it should, those of whose series enough
// have got no sample for a while. Decides only; the head does it (cutEarly), the shipper as usual.
import type { PartitionHead } from '@weir/head';

export interface EarlyCutSettings {
  /** A tenant without samples for this long is cut; 0: never. */
  readonly closeIdleMs: number;
  /** Series of a head from which on series without samples leave early; 0: never. */
  readonly seriesMin: number;
  /** A tenant is cut early only where this share of its series would leave, percent. */
  readonly reductionPercentMin: number;
  /** Series without samples for so long are taken for gone; as long as for activity(), by which it is decided. */
  readonly seriesIdleMs: number;
}

export interface EarlyCut {
  readonly tenant: string;
  readonly idleMs: number;
}

/**
 * A tenant is idle by `nowMs`: a partition that gets nothing has no log time that moves. Which series are
 * gone is a matter of log time: behind a backlog they only seem to be.
 */
export function earlyCuts(
  head: Pick<PartitionHead, 'tenants' | 'activity' | 'seriesCount'>,
  settings: EarlyCutSettings,
  nowMs: number,
): EarlyCut[] {
  const { closeIdleMs, seriesMin, reductionPercentMin, seriesIdleMs } = settings;
  const isFull = seriesMin > 0 && head.seriesCount >= seriesMin;
  const active = activeSeries(head, isFull ? undefined : nowMs);
  const activeNow = isFull ? activeSeries(head, nowMs) : active;
  return head.tenants().flatMap(({ tenant, series, eventTimeMs }) => {
    if (series === 0) return [];
    const isOld = closeIdleMs > 0 && nowMs - eventTimeMs >= closeIdleMs;
    // Old samples that are being sent now are no idle tenant's.
    if (isOld && (activeNow.get(tenant) ?? 0) === 0) return [{ tenant, idleMs: 0 }];
    if (!isFull) return [];
    const idle = series - (active.get(tenant) ?? series);
    if (idle * 100 < reductionPercentMin * series || idle === 0) return [];
    return [{ tenant, idleMs: seriesIdleMs }];
  });
}

function activeSeries(head: Pick<PartitionHead, 'activity'>, atMs?: number): Map<string, number> {
  return new Map(head.activity(atMs).map(({ tenant, active }) => [tenant, active]));
}
