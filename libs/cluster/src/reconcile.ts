// What has happened to partitions and instances, as told by a view, the time, and what the process that asks
// knows of the partitions it owns. Pure: the entries to put and to remove come out; the same view, facts and
// time give the same. Each process may do it; the order of entries decides who was first, and doing it twice
// does no harm. One process does what needs doing once a cluster, so that they don't all speak at once.
import type { ClusterView, InstanceEntry, OwnerEntry, PartitionEntry } from './cluster.ts';
import { partitionEntry } from './fold.ts';
import { isLocked, nextPartition, type PartitionEvent } from './life-cycle.ts';
import { healthyInstances } from './view.ts';

export interface LifeCycleSettings {
  /** An instance without a heartbeat for longer is not healthy. */
  readonly heartbeatTimeoutMs: number;
  /** An instance without a heartbeat for longer is forgotten. */
  readonly forgetInstanceMs: number;
  /** Owners, of different zones, that must have served a PENDING partition, and for how long. */
  readonly ownersMin: number;
  readonly ownersMinMs: number;
  /** An INACTIVE partition is deleted when it is empty and has been INACTIVE for longer. 0: never. */
  readonly deleteInactiveMs: number;
}

/** What only this process knows. */
export interface OwnFacts {
  readonly instance: string;
  /** Partitions that the log has: 0 to this number, without it. */
  readonly partitionCount: number;
  /** Of partitions it serves: whether it holds samples that are not in the bucket, or are still to be applied. */
  readonly holdsData: ReadonlyMap<number, boolean>;
}

export interface DueChanges {
  readonly put: readonly PartitionEntry[];
  readonly remove: readonly InstanceEntry[];
}

export function dueChanges(
  view: ClusterView,
  own: OwnFacts,
  settings: LifeCycleSettings,
  nowMs: number,
): DueChanges {
  const put: PartitionEntry[] = [];
  const keeps = isKeeper(view, own.instance, settings.heartbeatTimeoutMs, nowMs);
  const healthy = new Map(
    healthyInstances(view, nowMs, settings.heartbeatTimeoutMs).map((each) => [each.id, each]),
  );
  const seen = { healthy, serving: servingOwners(view, healthy) };
  for (const partition of partitionNumbers(view, own.partitionCount)) {
    const event =
      (keeps ? eventOfKeeper(view, partition, seen, settings, nowMs) : undefined) ??
      eventOfOwner(view, partition, own, settings, nowMs);
    const entry = partitionEntry(view, partition);
    if (event === undefined || (isLocked(entry) && event.kind !== 'hidden')) continue;
    const next = nextPartition(partition, entry, event, nowMs);
    if (next !== undefined) put.push(next);
  }
  return { put, remove: keeps ? forgotten(view, settings.forgetInstanceMs, nowMs) : [] };
}

/** The healthy ingester with the lowest id does what is to be done once a cluster. */
export function isKeeper(
  view: ClusterView,
  instance: string,
  heartbeatTimeoutMs: number,
  nowMs: number,
): boolean {
  const ingesters = healthyInstances(view, nowMs, heartbeatTimeoutMs).filter(({ targets }) =>
    targets.includes('ingester'),
  );
  return ingesters[0]?.id === instance;
}

function partitionNumbers(view: ClusterView, partitionCount: number): number[] {
  const numbers = new Set([...view.partitions.keys(), ...view.deleted.keys()]);
  for (let partition = 0; partition < partitionCount; partition++) numbers.add(partition);
  return [...numbers].sort((a, b) => a - b);
}

interface ServingOwner {
  readonly owner: OwnerEntry;
  readonly draining: boolean;
}

/** What a view says at this moment. */
interface Seen {
  readonly healthy: ReadonlyMap<string, InstanceEntry>;
  readonly serving: ReadonlyMap<number, readonly ServingOwner[]>;
}

function servingOwners(view: ClusterView, healthy: Seen['healthy']): Map<number, ServingOwner[]> {
  const serving = new Map<number, ServingOwner[]>();
  for (const owner of view.owners.values()) {
    const instance = healthy.get(owner.instance);
    if (instance === undefined || !owner.serving) continue;
    const of = serving.get(owner.partition) ?? [];
    of.push({ owner, draining: instance.drainingSinceMs !== undefined });
    serving.set(owner.partition, of);
  }
  return serving;
}

function eventOfOwner(
  view: ClusterView,
  partition: number,
  own: OwnFacts,
  { deleteInactiveMs }: LifeCycleSettings,
  nowMs: number,
): PartitionEvent | undefined {
  const holdsData = own.holdsData.get(partition);
  if (holdsData === undefined) return undefined;
  const entry = partitionEntry(view, partition);
  if (holdsData) return entry?.state === 'DELETED' ? { kind: 'holds-data' } : undefined;
  const isOld = entry?.state === 'INACTIVE' && nowMs - entry.sinceMs > deleteInactiveMs;
  return isOld && deleteInactiveMs > 0 ? { kind: 'expired' } : undefined;
}

function eventOfKeeper(
  view: ClusterView,
  partition: number,
  seen: Seen,
  { ownersMin, ownersMinMs }: LifeCycleSettings,
  nowMs: number,
): PartitionEvent | undefined {
  const entry = partitionEntry(view, partition);
  if (entry === undefined) return { kind: 'found' };
  if (view.hidden.has(partition)) return { kind: 'hidden' };
  const serving = seen.serving.get(partition) ?? [];
  const staying = serving.filter(({ draining }) => !draining).map(({ owner }) => owner);
  if (entry.state === 'PENDING') {
    const ready = staying.filter((owner) => nowMs - (owner.servingSinceMs ?? 0) >= ownersMinMs);
    return ready.length >= Math.max(1, ownersMin) ? { kind: 'owners-ready' } : undefined;
  }
  const { drained } = entry;
  if (drained !== undefined) {
    const isNext = (owner: OwnerEntry) =>
      owner.zone === drained.zone && owner.instance !== drained.instance;
    if (staying.some(isNext)) return { kind: 'taken-over' };
    const tagged = seen.healthy.get(drained.instance);
    const stays = tagged !== undefined && tagged.drainingSinceMs === undefined;
    return stays ? { kind: 'undrain', instance: drained.instance } : undefined;
  }
  const leaver = serving.find(({ draining }) => draining)?.owner;
  if (entry.state !== 'ACTIVE' || leaver === undefined) return undefined;
  return { kind: 'drain', instance: leaver.instance, zone: leaver.zone };
}

/** Their owners' entries stay: claims must not begin again. Nobody asks the owner that no instance is. */
function forgotten(view: ClusterView, forgetInstanceMs: number, nowMs: number): InstanceEntry[] {
  return [...view.instances.values()].filter(
    ({ heartbeatMs }) => nowMs - heartbeatMs > forgetInstanceMs,
  );
}

/** Instances that a view names as owners, by their partitions, ascending. */
export function partitionsOf(view: ClusterView, instance: string): number[] {
  return [...view.owners.values()]
    .filter((owner) => owner.instance === instance)
    .map(({ partition }) => partition)
    .sort((a, b) => a - b);
}
