// Who can go on when an ingester goes: pure questions about a view, so that all instances come to the same
// answer once they see the same.
import type { ClusterView, InstanceEntry } from './cluster.ts';
import { healthyInstances } from './view.ts';

export interface SuccessionSettings {
  readonly instanceId: string;
  readonly zone: string;
  readonly heartbeatTimeoutMs: number;
}

/**
 * Whether another ingester of the zone is to have this one's partitions while it drains: one that doesn't
 * drain, or began to later. So of those that all drain, the last keeps them.
 */
export function hasSuccessor(
  view: ClusterView,
  own: SuccessionSettings,
  drainingSinceMs: number,
  nowMs: number,
): boolean {
  return otherIngesters(view, own, nowMs).some(
    ({ id, zone, drainingSinceMs: since = Infinity }) => {
      if (zone !== own.zone) return false;
      return since === drainingSinceMs ? id > own.instanceId : since > drainingSinceMs;
    },
  );
}

/** Whether an ingester, in any zone, is to stay: what this one holds is held, or will be, by it too. */
export function othersStay(view: ClusterView, own: SuccessionSettings, nowMs: number): boolean {
  return otherIngesters(view, own, nowMs).some(
    ({ drainingSinceMs, shutdownPreparedMs }) =>
      drainingSinceMs === undefined && shutdownPreparedMs === undefined,
  );
}

/** That don't stop just now. */
function otherIngesters(
  view: ClusterView,
  { instanceId, heartbeatTimeoutMs }: SuccessionSettings,
  nowMs: number,
): InstanceEntry[] {
  return healthyInstances(view, nowMs, heartbeatTimeoutMs).filter(
    ({ id, targets, leavingSinceMs }) =>
      id !== instanceId && leavingSinceMs === undefined && targets.includes('ingester'),
  );
}
