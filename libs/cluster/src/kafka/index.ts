// Cluster state on a compacted Kafka topic.
export { type ClusterSettings, clusterFlags, openKafkaCluster } from './kafka-cluster.ts';
