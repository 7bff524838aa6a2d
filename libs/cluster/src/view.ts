// Questions about a view of the cluster, as pure functions; the time is passed in.
import type { ClusterView, InstanceEntry, OwnerEntry, PartitionEntry } from './cluster.ts';

/**
 * The partitions that are written, ascending; of those that the log had when this process opened it: another may
 * have found more since.
 */
export function activePartitions(view: ClusterView, partitionCount = Infinity): number[] {
  return partitionsIn(
    view,
    ({ state, partition }) => state === 'ACTIVE' && partition < partitionCount,
  );
}

/** Partitions that are written or will be: among so many is divided what a tenant may have in all. */
export function countShares(view: ClusterView): number {
  let count = 0;
  for (const { state } of view.partitions.values()) {
    if (state === 'ACTIVE' || state === 'PENDING') count++;
  }
  return count;
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

/** The instance that answers reads: the owner, or until it serves the one that handed the partition to it. */
export function answererOf({ serving, instance, handedBy }: OwnerEntry): string | undefined {
  return serving ? instance : handedBy;
}

function byServingThenZone(a: OwnerEntry, b: OwnerEntry): number {
  if (a.serving !== b.serving) return a.serving ? -1 : 1;
  return a.zone < b.zone ? -1 : a.zone > b.zone ? 1 : 0;
}

/**
 * How long what is logged now will wait until it is applied, ms, by partition: the least of the owners on healthy
 * instances that serve, since the most advanced one answers; or of all where none does. Left out are partitions
 * where it will not, or of which no healthy owner tells.
 */
export function partitionDelays(
  view: ClusterView,
  nowMs: number,
  heartbeatTimeoutMs: number,
): Map<number, number> {
  const least = new Map<number, number>();
  for (const [partition, owners] of ownersOf(view, nowMs, heartbeatTimeoutMs)) {
    const serving = owners.filter((owner) => owner.serving);
    const asked = serving.length > 0 ? serving : owners;
    const delay = Math.min(...asked.map(({ instance }) => delayOf(view, instance, partition)));
    if (delay > 0) least.set(partition, delay);
  }
  return least;
}

/** An entry that says nothing says that there is none; one that is no number was not written by us. */
function delayOf(view: ClusterView, instance: string, partition: number): number {
  const delay: unknown = view.instances.get(instance)?.delayMs?.[partition] ?? 0;
  return typeof delay === 'number' ? delay : 0;
}
