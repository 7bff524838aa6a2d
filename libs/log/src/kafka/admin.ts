// What the adapter asks the cluster: the topic and its identity, first and last offsets.

import type { ListOffsetsResult, TopicDescription, Uuid } from '@confluentinc/kafka-javascript';
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import { ATTEMPT_MS } from './ask-again.ts';
import {
  call as ask,
  CODE,
  codeOf,
  type Driver,
  type KafkaAdmin,
  type KafkaConsumer,
  kafkaError,
} from './driver.ts';
import type { Trouble } from './trouble.ts';

const REQUEST_TIMEOUT_MS = 10_000;
/** A broker that creates a thousand partitions at once is busy for a while. */
const CREATED_WITHIN_MS = 60_000;
const POLL_MS = 50;

export interface ReplicaCount {
  readonly partition: number;
  readonly all: number;
  readonly inSync: number;
}

export interface Topic {
  readonly topicId: string;
  readonly partitionCount: number;
  readonly replicas: readonly ReplicaCount[];
}

export interface WantedTopic {
  readonly topic: string;
  readonly create: boolean;
  /** -1: as the broker is configured. */
  readonly partitions: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface Admin {
  /** The topic as it is now, undefined when there is none. */
  describe(topic: string): Promise<Topic | undefined>;
  ensureTopic(wanted: WantedTopic): Promise<Topic>;
  /** Of each partition that could be asked: the offset of its first record. */
  firstOffsets(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Of each partition that could be asked: the offset that its next record will get. */
  lastOffsets(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  close(): void;
}

/** From the two halves: the text field that the type definitions promise is not there. */
function hexOf({ mostSignificantBits, leastSignificantBits }: Uuid): string {
  const half = (bits: bigint) => BigInt.asUintN(64, bits).toString(16).padStart(16, '0');
  return half(mostSignificantBits) + half(leastSignificantBits);
}

const missing = (topic: string) =>
  `kafka: topic ${topic} does not exist, and -ingest-storage.kafka.auto-create-topic-enabled is false`;

/** What a start can't do without, refused by the broker's access control. */
function mayNot(what: string, security: string): WeirError {
  return new WeirError('invalid', `kafka: this client (${security}) may not ${what}`);
}

/** Asks over a connected client: one of its own would not take OAUTHBEARER's tokens. */
export function openAdmin(
  driver: Driver,
  client: KafkaConsumer,
  { clock, trouble }: { readonly clock: Clock; readonly trouble: Trouble },
): Admin {
  const admin: KafkaAdmin = driver.AdminClient.createFrom(client);
  const timeout = REQUEST_TIMEOUT_MS;
  const call = <Result>(
    what: string,
    start: (done: (error: unknown, result?: Result) => void) => void,
  ) =>
    ask<Result>(what, start).catch((error: unknown) => {
      throw trouble.explain(error);
    });

  const describe = async (topic: string): Promise<Topic | undefined> => {
    const [found] = await call<TopicDescription[]>(`describe topic ${topic}`, (done) =>
      admin.describeTopics([topic], { timeout }, done),
    );
    const { error, partitions, topicId } = found!;
    if (error?.code === CODE.unknownTopic) return undefined;
    if (error?.code === CODE.topicForbidden) throw mayNot(`see topic ${topic}`, trouble.security);
    if (error) throw kafkaError(`describe topic ${topic}`, error);
    const counts = partitions.map(({ partition, replicas, isr }) => ({
      partition,
      all: replicas.length,
      inSync: isr.length,
    }));
    return { topicId: hexOf(topicId), partitionCount: partitions.length, replicas: counts };
  };

  const create = async ({ topic, partitions, config = {} }: WantedTopic) => {
    const definition = { topic, num_partitions: partitions, replication_factor: -1, config };
    try {
      await call(`create topic ${topic}`, (done) => admin.createTopic(definition, timeout, done));
    } catch (error) {
      const code = codeOf(error);
      if (code === CODE.topicExists) return;
      if (code === CODE.topicForbidden || code === CODE.clusterForbidden) {
        throw mayNot(`create topic ${topic}, which does not exist`, trouble.security);
      }
      throw error;
    }
  };

  const listOffsets = async (
    topic: string,
    partitions: readonly number[],
    what: string,
    offset: typeof driver.OffsetSpec.EARLIEST,
  ) => {
    const request = partitions.map((partition) => ({ topic, partition, offset }));
    const results = await call<ListOffsetsResult[]>(what, (done) =>
      admin.listOffsets(request, { timeout: ATTEMPT_MS }, done),
    );
    const sound = results.filter((one) => !one.error && one.offset >= 0);
    return new Map(sound.map((one) => [one.partition, one.offset]));
  };

  return {
    describe,
    async ensureTopic(wanted) {
      const { topic } = wanted;
      let found = await describe(topic);
      if (found !== undefined) return found;
      if (!wanted.create) throw new WeirError('not-found', missing(topic));
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
    firstOffsets: (topic, partitions) =>
      listOffsets(topic, partitions, 'first offsets', driver.OffsetSpec.EARLIEST),
    lastOffsets: (topic, partitions) =>
      listOffsets(topic, partitions, 'last offsets', driver.OffsetSpec.LATEST),
    close() {
      admin.disconnect();
    },
  };
}
