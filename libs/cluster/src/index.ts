// Cluster state: instances, partitions, owners; the life of partitions; which of them a tenant writes and
// reads. Adapters are sub-path exports.
export type {
  Cluster,
  ClusterEntry,
  ClusterView,
  InstanceEntry,
  OutbidEntries,
  OwnerEntry,
  PartitionEntry,
  PartitionState,
  ReplicaEntry,
  Target,
} from './cluster.ts';
export { partitionEntry, viewOf } from './fold.ts';
export {
  isLocked,
  type LifeState,
  lifeStateOf,
  nextPartition,
  type PartitionEvent,
  type PartitionEventKind,
} from './life-cycle.ts';
export { putChanges } from './put-changes.ts';
export {
  type DueChanges,
  dueChanges,
  isKeeper,
  type LifeCycleSettings,
  type OwnFacts,
  partitionsOf,
} from './reconcile.ts';
export { createRouter, type Router } from './router.ts';
export { changeOf, drainChanges, scaleChanges, undrainChanges } from './scaling.ts';
export { lookBackShard, tenantSeed, tenantShard } from './shard.ts';
export { SlotTable } from './slot-table.ts';
export { hasSuccessor, othersStay, type SuccessionSettings } from './succession.ts';
export {
  activePartitions,
  answererOf,
  countShares,
  healthyInstances,
  ownersOf,
  partitionDelays,
  readPartitions,
} from './view.ts';
