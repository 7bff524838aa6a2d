// States of a cluster for tests, from few words.
import type {
  ClusterState,
  IngesterStatus,
  OwnerStatus,
  PartitionStatus,
} from './cluster-state.ts';

export function ingester(id: string, more: Partial<IngesterStatus> = {}): IngesterStatus {
  return { id, address: `${id}:80`, zone: '', healthy: true, draining: false, ...more };
}

export function owner(instance: string, more: Partial<OwnerStatus> = {}): OwnerStatus {
  return { instance, zone: '', healthy: true, serving: true, applied: 10, ...more };
}

export function partition(
  id: number,
  owners: readonly OwnerStatus[],
  more: Partial<PartitionStatus> = {},
): PartitionStatus {
  const calm = { locked: false, drainedFor: undefined, end: 10 };
  return { id, state: 'ACTIVE', ...calm, owners, ...more };
}

/** Four partitions on two ingesters, all well. */
export function healthy(): ClusterState {
  return {
    ingesters: [ingester('a'), ingester('b')],
    partitions: [0, 1, 2, 3].map((id) => partition(id, [owner(id % 2 === 0 ? 'a' : 'b')])),
  };
}
