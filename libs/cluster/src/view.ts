// Questions about a view of the cluster, as pure functions; the time is passed in.
import type { ClusterView, InstanceEntry, OwnerEntry, PartitionEntry } from './cluster.ts';

/** The partitions that are written, ascending. */
export function activePartitions(view: ClusterView): number[] {
  return partitionsIn(view, (entry) => entry.state === 'ACTIVE');
}

/** Partitions that are written or will be: among so many is divided what a tenant may have in all. */
export function countShares(view: ClusterView): number {
  return partitionsIn(view, ({ state }) => state === 'ACTIVE' || state === 'PENDING').length;
}

/** The partitions that are read: those written and those no longer written, ascending. */
export function readPartitions(view: ClusterView): number[] {
  return partitionsIn(view, (entry) => entry.state !== 'PENDING');
}

function partitionsIn(view: ClusterView, wanted: (entry: PartitionEntry) => boolean): number[] {
  return [...view.partitions.values()]
    .filter(wanted)
    .map((entry) => entry.partition)
    .sort((a, b) => a - b);
}

/** Instances whose last heartbeat is younger than the time-out, by id. */
export function healthyInstances(
  view: ClusterView,
  nowMs: number,
  heartbeatTimeoutMs: number,
): InstanceEntry[] {
  return [...view.instances.values()]
    .filter((instance) => nowMs - instance.heartbeatMs < heartbeatTimeoutMs)
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/** Per partition its owners on healthy instances: those that serve first, then by zone. */
export function ownersOf(
  view: ClusterView,
  nowMs: number,
  heartbeatTimeoutMs: number,
): Map<number, OwnerEntry[]> {
  const healthy = new Set(
    healthyInstances(view, nowMs, heartbeatTimeoutMs).map((instance) => instance.id),
  );
  const owners = new Map<number, OwnerEntry[]>();
  for (const owner of view.owners.values()) {
    if (!healthy.has(owner.instance)) continue;
    const others = owners.get(owner.partition) ?? [];
    owners.set(owner.partition, [...others, owner].sort(byServingThenZone));
  }
  return owners;
}

function byServingThenZone(a: OwnerEntry, b: OwnerEntry): number {
  if (a.serving !== b.serving) return a.serving ? -1 : 1;
  return a.zone < b.zone ? -1 : a.zone > b.zone ? 1 : 0;
}
