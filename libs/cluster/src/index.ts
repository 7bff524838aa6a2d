// Cluster state: instances, partitions, owners. Adapters are sub-path exports.
export type {
  Cluster,
  ClusterEntry,
  ClusterView,
  InstanceEntry,
  OutbidEntries,
  OwnerEntry,
  PartitionEntry,
  PartitionState,
  Target,
} from './cluster.ts';
export { activePartitions, healthyInstances, ownersOf, readPartitions } from './view.ts';
