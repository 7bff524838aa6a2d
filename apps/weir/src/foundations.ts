// What holds truth: the log, the bucket, the cluster's state. Kafka when it is configured, else the
// embedded log and a file, which only work when every component runs in this one process.
import { join } from 'node:path';
import type { Bucket } from '@weir/bucket';
import { createBucket } from '@weir/bucket/open';
import type { Cluster } from '@weir/cluster';
import { openFileCluster } from '@weir/cluster/file';
import { clusterTopicOf, openKafkaCluster } from '@weir/cluster/kafka';
import { WeirError } from '@weir/errors';
import type { PartitionLog } from '@weir/log';
import { openEmbeddedLog } from '@weir/log/embedded';
import { type KafkaSettings, openKafkaLog } from '@weir/log/kafka';
import { type Clock, systemRandom } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import type { Component, Configuration } from './configuration.ts';
import { bucketSettings, type Place } from './place.ts';

export interface Foundations {
  readonly log: PartitionLog;
  readonly bucket: Bucket;
  readonly cluster: Cluster;
  /** Everything runs in this process: its own partitions are all there are. */
  readonly alone: boolean;
  close(): Promise<void>;
}

/** No Kafka: what other processes could share isn't there. */
export function isAlone({ kafka }: Pick<Configuration, 'kafka'>): boolean {
  return kafka.address.length === 0;
}

export async function openFoundations(
  configuration: Configuration,
  place: Place,
  components: readonly Component[],
  parts: { readonly clock: Clock; readonly telemetry: Telemetry },
): Promise<Foundations> {
  const alone = isAlone(configuration);
  if (alone && components.length < 3) {
    throw new WeirError(
      'invalid',
      `-target=${components.join(',')} runs beside other processes and needs Kafka: set -ingest-storage.kafka.address, or run -target=all`,
    );
  }
  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async () => {
    for (const part of opened.reverse()) await part.close();
  };
  const keep = <Part extends { close(): Promise<void> }>(part: Part): Part => {
    opened.push(part);
    return part;
  };
  try {
    const bucket = keep(await createBucket(bucketSettings(configuration, place)));
    const log = keep(await openLog(configuration, place, parts, alone));
    const cluster = keep(
      alone
        ? await openFileCluster(join(place.dataDir, 'cluster', 'partitions.json'), {
            clock: parts.clock,
            log: parts.telemetry.log,
          })
        : await openKafkaCluster(
            { ...kafkaSettings(configuration), ...configuration.cluster },
            parts,
          ),
    );
    return { log, bucket, cluster, alone, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Consumers read from the replica in their own zone, where brokers name racks like zones. */
export function kafkaSettings({ kafka, ingester }: Configuration): KafkaSettings {
  return { ...kafka, clientRack: kafka.clientRack || ingester.zone };
}

function openLog(
  configuration: Configuration,
  place: Place,
  parts: { readonly clock: Clock; readonly telemetry: Telemetry },
  alone: boolean,
): Promise<PartitionLog> {
  if (!alone) {
    const kafka = kafkaSettings(configuration);
    const parkingTopic = clusterTopicOf({ ...kafka, ...configuration.cluster });
    return openKafkaLog(kafka, parts, { parkingTopic });
  }
  return openEmbeddedLog(
    {
      directory: place.logDir,
      partitions: place.embeddedPartitions,
      sizeMaxBytes: configuration.weir.embeddedSizeMaxBytes,
    },
    { ...parts, random: systemRandom },
  );
}
