// What people and rollout tools ask of partitions, as the entries that do it: scale to a number, drain an
// instance or take that back, change a state, lock. Pure; all of it is refused or none, where one view allows
// all or not. Who writes them tells the cluster of the instance first (reconcile.ts puts right what a process
// that died in between has left).
import { WeirError } from '@weir/errors';
import type { ClusterView, PartitionEntry } from './cluster.ts';
import { partitionEntry } from './fold.ts';
import { nextPartition, type PartitionEvent } from './life-cycle.ts';
import { partitionsOf } from './reconcile.ts';

/**
 * The partitions below `count` are to be written, all others not. Throws `invalid` when there are not so many,
 * or with status 409 when a locked one stands against it.
 */
export function scaleChanges(view: ClusterView, count: number, nowMs: number): PartitionEntry[] {
  const known = [...view.partitions.keys(), ...view.deleted.keys()].sort((a, b) => a - b);
  if (!Number.isInteger(count) || count < 1 || count > known.length) {
    const message = `${count} partitions can't be written: at least 1, and the log has ${known.length}`;
    throw new WeirError('invalid', message);
  }
  return known.flatMap((partition, index) =>
    changeOf(view, partition, { kind: index < count ? 'activate' : 'deactivate' }, nowMs),
  );
}

/** The partitions of an instance that is about to leave. Throws 409 when one of them is PENDING or locked. */
export function drainChanges(view: ClusterView, instance: string, nowMs: number): PartitionEntry[] {
  const zone = view.instances.get(instance)?.zone ?? '';
  return partitionsOf(view, instance).flatMap((partition) =>
    changeOf(view, partition, { kind: 'drain', instance, zone }, nowMs),
  );
}

/** Whatever was drained for the instance, though it be another's by now. Throws 409 when one is locked. */
export function undrainChanges(
  view: ClusterView,
  instance: string,
  nowMs: number,
): PartitionEntry[] {
  return [...view.partitions.keys()].flatMap((partition) =>
    changeOf(view, partition, { kind: 'undrain', instance }, nowMs),
  );
}

/** One partition; throws as nextPartition does. */
export function changeOf(
  view: ClusterView,
  partition: number,
  event: PartitionEvent,
  nowMs: number,
): PartitionEntry[] {
  const next = nextPartition(partition, partitionEntry(view, partition), event, nowMs);
  return next === undefined ? [] : [next];
}
