// Cluster state on a compacted Kafka topic with one partition, beside the topic of the data.
import { defineFlags, type SettingsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { type KafkaLogParts, type KafkaSettings, openKafkaLog } from '@weir/log/kafka';
import { silentTelemetry } from '@weir/telemetry';
import type { Cluster } from '../cluster.ts';
import { openLogCluster } from '../log-cluster.ts';

export const clusterFlags = defineFlags({
  clusterTopic: {
    kind: 'string',
    flag: 'ingest-storage.kafka.cluster-topic',
    yaml: 'ingest_storage.kafka.cluster_topic',
    default: '',
    help: "The compacted topic of the cluster's state; empty: the data's topic with -cluster behind.",
  },
});

export type ClusterSettings = KafkaSettings & SettingsOf<typeof clusterFlags>;

/** State changes are small, rare and awaited. */
const LINGER_MS = 0;
const TOPIC_CONFIG = {
  'cleanup.policy': 'compact',
  'segment.ms': '3600000',
  // Time to say again what a stale entry hides (SPEC.md, K4).
  'min.compaction.lag.ms': '3600000',
  'min.cleanable.dirty.ratio': '0.1',
};

export function clusterTopicOf(settings: ClusterSettings): string {
  return settings.clusterTopic || `${settings.topic}-cluster`;
}

/** Opens the cluster's topic, creating it if allowed, and replays it to its end. */
export async function openKafkaCluster(
  settings: ClusterSettings,
  parts: KafkaLogParts,
): Promise<Cluster> {
  const topic = clusterTopicOf(settings);
  const clusterLog = await openKafkaLog(
    { ...settings, topic, lingerMs: LINGER_MS, autoCreateTopicDefaultPartitions: 1 },
    parts,
    { topicConfig: TOPIC_CONFIG, emptyIsTombstone: true },
  );
  if (clusterLog.partitionCount !== 1) {
    await clusterLog.close();
    const message = `cluster topic ${topic} has ${clusterLog.partitionCount} partitions; it must have one`;
    throw new WeirError('invalid', message);
  }
  const { log } = parts.telemetry ?? silentTelemetry();
  return await openLogCluster({ clusterLog, log });
}
