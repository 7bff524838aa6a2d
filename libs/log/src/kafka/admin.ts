// What the adapter asks the cluster: the topic and its identity, group offsets, first offsets.

import type {
  GroupResults,
  ListOffsetsResult,
  TopicDescription,
  Uuid,
} from '@confluentinc/kafka-javascript';
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { CommittedOffset } from '../partition-log.ts';
import { clientConfig } from './client-config.ts';
import { CODE, call, type Driver, type KafkaAdmin } from './driver.ts';
import type { KafkaSettings } from './flags.ts';

const REQUEST_TIMEOUT_MS = 10_000;
const CREATED_WITHIN_MS = 10_000;
const POLL_MS = 50;

export interface Topic {
  readonly topicId: string;
  readonly partitionCount: number;
}

export interface TopicSettings {
  readonly topic: string;
  readonly create: boolean;
  /** -1: as the broker is configured. */
  readonly partitions: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface Admin {
  ensureTopic(settings: TopicSettings): Promise<Topic>;
  committed(group: string, topic: string, partition: number): Promise<CommittedOffset | undefined>;
  firstOffsets(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  close(): void;
}

/** From the two halves: the text field that the type definitions promise is not there. */
function hexOf({ mostSignificantBits, leastSignificantBits }: Uuid): string {
  const half = (bits: bigint) => BigInt.asUintN(64, bits).toString(16).padStart(16, '0');
  return half(mostSignificantBits) + half(leastSignificantBits);
}

export function openAdmin(driver: Driver, settings: KafkaSettings, clock: Clock): Admin {
  const admin: KafkaAdmin = driver.AdminClient.create(clientConfig(settings) as object);
  const timeout = REQUEST_TIMEOUT_MS;

  const describe = async (topic: string): Promise<Topic | undefined> => {
    const [found] = await call<TopicDescription[]>(`describe topic ${topic}`, (done) =>
      admin.describeTopics([topic], { timeout }, done),
    );
    const { error, partitions, topicId } = found!;
    if (error?.code === CODE.unknownTopic) return undefined;
    if (error)
      throw new WeirError('unavailable', `kafka: describe topic ${topic}: ${error.message}`);
    return { topicId: hexOf(topicId), partitionCount: partitions.length };
  };

  const create = async ({ topic, partitions, config = {} }: TopicSettings) => {
    const definition = { topic, num_partitions: partitions, replication_factor: -1, config };
    try {
      await call(`create topic ${topic}`, (done) => admin.createTopic(definition, timeout, done));
    } catch (error) {
      const { code } = (error as WeirError).cause as { code?: number };
      if (code !== CODE.topicExists) throw error;
    }
  };

  return {
    async ensureTopic(wanted) {
      const { topic } = wanted;
      let found = await describe(topic);
      if (found !== undefined) return found;
      if (!wanted.create) throw new WeirError('not-found', `kafka: topic ${topic} does not exist`);
      await create(wanted);
      const deadlineMs = clock.steadyMs() + CREATED_WITHIN_MS;
      for (;;) {
        found = await describe(topic);
        if (found !== undefined && found.partitionCount > 0) return found;
        if (clock.steadyMs() > deadlineMs) {
          throw new WeirError('unavailable', `kafka: topic ${topic} was created but is not there`);
        }
        await clock.sleep(POLL_MS);
      }
    },
    async committed(groupId, topic, partition) {
      const request = [{ groupId, partitions: [{ topic, partition }] }];
      const [result] = await call<GroupResults[]>(`offsets of group ${groupId}`, (done) =>
        admin.listConsumerGroupOffsets(request, { timeout }, done),
      );
      const found = result!.partitions.find((one) => one.partition === partition);
      const error = result!.error ?? found?.error;
      if (error)
        throw new WeirError('unavailable', `kafka: offsets of ${groupId}: ${error.message}`);
      if (found === undefined || !(found.offset >= 0)) return undefined;
      return { nextOffset: found.offset, metadata: found.metadata ?? '' };
    },
    async firstOffsets(topic, partitions) {
      const offset = driver.OffsetSpec.EARLIEST;
      const request = partitions.map((partition) => ({ topic, partition, offset }));
      const results = await call<ListOffsetsResult[]>('first offsets', (done) =>
        admin.listOffsets(request, { timeout }, done),
      );
      const sound = results.filter((one) => !one.error && one.offset >= 0);
      return new Map(sound.map((one) => [one.partition, one.offset]));
    },
    close() {
      admin.disconnect();
    },
  };
}
