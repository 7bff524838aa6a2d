// Cluster state inside one process.
export { createMemoryCluster } from './memory-cluster.ts';
