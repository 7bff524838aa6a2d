// Cluster state inside one process.
export { createMemoryCluster, type MemoryClusterParts } from './memory-cluster.ts';
