// What a change of partitions comes to before anything is changed: which ones change, and why it is refused. What
// is refused is not done in part. Pure.
//
// Refused is what loses data or answers: partitions that nobody would ship or read, and a cluster in which
// nothing could be written. What only takes time is not.
import type { ClusterState, IngesterStatus, PartitionStatus } from './cluster-state.ts';

export interface ScalePlan {
  readonly activate: readonly number[];
  readonly deactivate: readonly number[];
  /** Why it is not done; empty when it may be. */
  readonly refusals: readonly string[];
}

/** The first `count` partitions are to be written, all others not. */
export function planScale({ partitions }: ClusterState, count: number): ScalePlan {
  const nothing = { activate: [], deactivate: [] };
  const sorted = [...partitions].sort((a, b) => a.id - b.id);
  if (!Number.isInteger(count) || count < 1) {
    return { ...nothing, refusals: ['at least one partition must be written, or pushes fail'] };
  }
  if (count > sorted.length) {
    const more = `the cluster has ${sorted.length} partitions: add some to the topic and restart first`;
    return { ...nothing, refusals: [more] };
  }
  const activate = sorted.slice(0, count).filter(({ state }) => state !== 'ACTIVE');
  const deactivate = sorted.slice(count).filter(({ state }) => state === 'ACTIVE');
  const refusals = [
    ...[...activate, ...deactivate].flatMap(lockRefusal),
    ...activate.flatMap(activateRefusal),
    ...deactivate.flatMap(deactivateRefusal),
  ];
  return { activate: ids(activate), deactivate: ids(deactivate), refusals };
}

function activateRefusal(one: PartitionStatus): string[] {
  const { id, state, drainedFor } = one;
  if (drainedFor !== undefined) {
    return [
      `partition ${id} goes from ${drainedFor}, which drains, to another ingester, and is written again by itself then`,
    ];
  }
  if (state === 'PENDING' || isServed(one)) return [];
  return [
    `partition ${id} has no ingester that has caught up: what is pushed to it could not be queried`,
  ];
}

function deactivateRefusal(one: PartitionStatus): string[] {
  if (isServed(one)) return [];
  return [
    `partition ${one.id} has no ingester that has caught up: nobody ships what it holds, and the log drops it in time; get it an ingester first`,
  ];
}

/** Why an ingester should not leave; empty when it may. */
export function planDrain({ partitions, ingesters }: ClusterState, id: string): string[] {
  const leaver = ingesters.find((one) => one.id === id);
  if (leaver === undefined) {
    const known = ingesters.map((one) => one.id).join(', ') || 'none';
    return [`there is no ingester ${id}; there are: ${known}`];
  }
  if (!leaver.healthy) {
    return [`ingester ${id} has not been heard of; others take its partitions without being told`];
  }
  const owned = partitions.filter(({ owners }) => owners.some(({ instance }) => instance === id));
  return [
    ...owned.flatMap((one) => [...lockRefusal(one), ...pendingRefusal(one)]),
    ...heirRefusal(owned, leaver, { partitions, ingesters }),
  ];
}

/** Ingesters of its zone take over; without one, other zones have to have what it has. */
function heirRefusal(
  owned: readonly PartitionStatus[],
  leaver: IngesterStatus,
  { partitions, ingesters }: ClusterState,
): string[] {
  const { id, zone } = leaver;
  const heir = ingesters.some(
    (one) => one.id !== id && one.zone === zone && one.healthy && !one.draining,
  );
  if (heir) return [];
  const alone = owned.filter(
    ({ owners }) => !owners.some(({ instance, serving }) => instance !== id && serving),
  );
  if (alone.length === 0) return [];
  const others = partitions.filter((one) => one.state === 'ACTIVE' && !owned.includes(one));
  const writes =
    others.length === 0
      ? 'no push would be taken'
      : `only ${others.length} partitions would be written`;
  const where = zone === '' ? 'no other ingester' : `no other ingester in zone ${zone}`;
  return [
    `${where} can take over ${listed(alone)}, and no other zone has caught up with them: once ${id} has stopped, queries would fail and ${writes}; start another ingester first`,
  ];
}

/** Why partitions can't be locked or unlocked. */
export function planLock({ partitions }: ClusterState, wanted: readonly number[]): string[] {
  const known = new Set(ids(partitions));
  return wanted.filter((id) => !known.has(id)).map((id) => `there is no partition ${id}`);
}

function lockRefusal({ id, locked }: PartitionStatus): string[] {
  return locked ? [`partition ${id} is locked: unlock it first, if who locked it agrees`] : [];
}

function pendingRefusal({ id, state }: PartitionStatus): string[] {
  return state === 'PENDING' ? [`partition ${id} is PENDING: wait until it is written`] : [];
}

export function isServed({ owners }: PartitionStatus): boolean {
  return owners.some(({ serving }) => serving);
}

function ids(partitions: readonly PartitionStatus[]): number[] {
  return partitions.map(({ id }) => id);
}

const LISTED = 10;

export function listed(partitions: readonly PartitionStatus[]): string {
  const shown = ids(partitions).slice(0, LISTED).join(', ');
  const more = partitions.length > LISTED ? ` and ${partitions.length - LISTED} more` : '';
  return `${partitions.length === 1 ? 'partition' : 'partitions'} ${shown}${more}`;
}
