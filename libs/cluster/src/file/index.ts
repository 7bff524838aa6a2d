// Cluster state of a process that is alone, whose partitions keep their states over restarts.
export { type FileClusterParts, openFileCluster } from './file-cluster.ts';
