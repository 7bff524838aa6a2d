// Cluster state on a compacted Kafka topic.
export {
  type ClusterSettings,
  clusterFlags,
  clusterTopicOf,
  openKafkaCluster,
} from './kafka-cluster.ts';
