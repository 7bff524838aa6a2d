// The partition log on a Kafka topic: one producer, readers as needed, a member per joined group.
import { isKind, WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import { silentTelemetry, type Telemetry } from '@weir/telemetry';
import type { GroupMember, PartitionLog, ProduceRecord } from '../partition-log.ts';
import { openAdmin } from './admin.ts';
import { askAgain } from './ask-again.ts';
import { queriesConfig } from './client-config.ts';
import { call, type Driver, disconnect, type KafkaConsumer, loadDriver } from './driver.ts';
import type { KafkaSettings } from './flags.ts';
import { createGroupOffsets } from './group-offsets.ts';
import { joinLasting } from './lasting-member.ts';
import { joinGroup } from './member.ts';
import { openProducer } from './producer.ts';
import { askWatermarks, openReader, outOfRange, type Reader } from './reader.ts';
import { checkSettings } from './settings-check.ts';
import { readTopicSettings, type TopicSettings } from './topic-settings.ts';
import { watchTopic } from './topic-watch.ts';
import { createTrouble, type Trouble } from './trouble.ts';

const QUERY_TIMEOUT_MS = 5000;
const ATTEMPT_MS = 5000;
/** Framing of a batch with one record, key and headers, of what max.message.bytes counts; generously. */
const BATCH_OVERHEAD_BYTES = 1024;

export interface KafkaLogParts {
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
}

export interface KafkaTopicOptions {
  /** Configuration of the topic, should it be created: `{ 'cleanup.policy': 'compact' }`. */
  readonly topicConfig?: Readonly<Record<string, string>>;
  /** An empty value is produced as a tombstone, and a tombstone is read as an empty value. */
  readonly emptyIsTombstone?: boolean;
  /** Makes the memberships static: where members wait that have left; see member.ts. */
  readonly parkingTopic?: string;
}

/** Opens the topic named in the settings, creating it if allowed. */
export async function openKafkaLog(
  settings: KafkaSettings,
  parts: KafkaLogParts,
  options: KafkaTopicOptions = {},
): Promise<PartitionLog> {
  await checkSettings(settings);
  const { clock, telemetry = silentTelemetry() } = parts;
  const { log } = telemetry;
  const { topic } = settings;
  const driver = await loadDriver();
  const trouble = createTrouble(settings, { clock, log });
  const queries = await reach(driver, settings, { clock, trouble });
  const admin = openAdmin(driver, queries, { clock, trouble });
  const wanted = {
    topic,
    create: settings.autoCreateTopicEnabled,
    partitions: settings.autoCreateTopicDefaultPartitions,
    config: options.topicConfig ?? {},
  };
  const { opened, topicSettings, producer } = await (async () => {
    const found = await askAgain(clock, () => admin.ensureTopic(wanted));
    const how = await readTopicSettings(settings, { clock, log });
    checkCleanup(topic, options, how);
    const limits = { ...how, recordSizeMaxBytes: recordSizeMax(settings, how) };
    const { emptyIsTombstone = false } = options;
    const part = { clock, log, emptyIsTombstone, trouble, limits };
    return {
      opened: found,
      topicSettings: how,
      producer: await openProducer(driver, settings, part),
    };
  })().catch(async (error: unknown) => {
    await disconnect(queries);
    throw error;
  });
  const { topicId, partitionCount } = opened;
  const recordSizeMaxBytes = recordSizeMax(settings, topicSettings);
  const watch = watchTopic(topic, opened, topicSettings, { admin, clock, log });
  let replaced: WeirError | undefined;
  void watch.replaced.then((error) => {
    replaced = error;
  });
  let giveUp: (error: WeirError) => void = () => {};
  const gaveUp = new Promise<WeirError>((resolve) => {
    giveUp = resolve;
  });
  const offsets = askWatermarks(queries, topic, clock);
  const groupOffsets = createGroupOffsets(driver, settings, { clock, trouble });
  const readers: Reader[] = [];
  const members = new Set<GroupMember>();
  let opening: Promise<Reader> | undefined;
  let closed = false;

  const checkOpen = () => {
    if (closed) throw new WeirError('closed', 'kafka log is closed');
    if (replaced !== undefined) throw replaced;
  };
  const checkPartition = (partition: number) => {
    checkOpen();
    if (partition >= 0 && partition < partitionCount) return;
    throw new WeirError('invalid', `partition ${partition} is not one of ${partitionCount}`);
  };
  const checkRecords = (records: readonly ProduceRecord[]) => {
    for (const { partition, value } of records) {
      checkPartition(partition);
      if (value.length <= recordSizeMaxBytes) continue;
      const message = `record of ${value.length} bytes is larger than ${recordSizeMaxBytes}`;
      throw new WeirError('invalid', message);
    }
  };
  /** A reader that doesn't have the partition yet: a client reads a partition at one place only. */
  const readerFor = async (partition: number): Promise<Reader> => {
    for (;;) {
      const free = readers.find((reader) => !reader.reads(partition));
      if (free !== undefined) return free;
      opening ??= openReader(driver, settings, { clock, log, offsets, trouble }).finally(() => {
        opening = undefined;
      });
      const opened = await opening;
      if (!readers.includes(opened)) readers.push(opened);
    }
  };

  return {
    topicId,
    partitionCount,
    recordSizeMaxBytes,
    failed: Promise.race([watch.replaced, gaveUp]),
    async produce(records) {
      checkOpen();
      checkRecords(records);
      try {
        return await producer.produce(records);
      } catch (error) {
        const { kind, message } = error as WeirError;
        if (watch.reason === '' || kind !== 'unavailable') throw error;
        throw new WeirError(kind, `${message}: ${watch.reason}`, { cause: error });
      }
    },
    async consume(partition, fromOffset) {
      checkPartition(partition);
      // The client would not say so reliably: look before assigning.
      const { start, end } = await offsets.watermarks(partition);
      if (fromOffset < start || fromOffset > end)
        throw outOfRange(partition, fromOffset, start, end);
      const reader = await readerFor(partition);
      checkOpen();
      return await reader.consume(partition, fromOffset);
    },
    async startOffset(partition) {
      checkPartition(partition);
      return (await offsets.watermarks(partition)).start;
    },
    async endOffset(partition) {
      checkPartition(partition);
      return (await offsets.watermarks(partition)).end;
    },
    async endOffsets(partitions) {
      for (const partition of partitions) checkPartition(partition);
      if (partitions.length === 0) return [];
      const found = await askAgain(clock, () => admin.lastOffsets(topic, partitions));
      // A partition whose leader changes is missing there, and asked again for a while.
      const endOf = async (partition: number) =>
        found.get(partition) ?? (await offsets.watermarks(partition)).end;
      return Promise.all(partitions.map(endOf));
    },
    async offsetForTime(partition, timestampMs) {
      checkPartition(partition);
      const asked = [{ topic, partition, offset: Math.max(0, Math.floor(timestampMs)) }];
      const [found] = await call<{ offset: number }[]>('offset for time', (done) =>
        queries.offsetsForTimes(asked, QUERY_TIMEOUT_MS, done),
      );
      return found !== undefined && found.offset >= 0 ? found.offset : undefined;
    },
    async retention(partition) {
      checkPartition(partition);
      const timeMs = settings.topicRetentionMs || topicSettings.retentionMs;
      return timeMs === undefined ? {} : { timeMs };
    },
    async committed(group, partition) {
      checkPartition(partition);
      return await groupOffsets.committed(group, partition);
    },
    async join(group, memberId, events) {
      checkOpen();
      const { parkingTopic } = options;
      const membership = { group, memberId, events, parkingTopic };
      const member = await joinLasting(
        (client) => {
          const part = { clock, log, trouble, failed: client.failed };
          return joinGroup(driver, settings, { ...membership, events: client.events }, part);
        },
        membership,
        { clock, log, failed: giveUp },
      );
      members.add(member);
      return member;
    },
    async close() {
      if (closed) return;
      closed = true;
      watch.close();
      await Promise.all([...members].map((member) => member.close()));
      await Promise.all(readers.map((reader) => reader.close()));
      await producer.close();
      await groupOffsets.close();
      admin.close();
      await disconnect(queries);
    },
  };
}

/**
 * A connected client, within the start's time. In several attempts: the client waits in a thread that
 * nothing can call off, so a long one would hold up the end of the process.
 */
async function reach(
  driver: Driver,
  settings: KafkaSettings,
  { clock, trouble }: { readonly clock: Clock; readonly trouble: Trouble },
): Promise<KafkaConsumer> {
  const deadlineMs = clock.steadyMs() + settings.startTimeoutMs;
  for (;;) {
    const client = new driver.KafkaConsumer(
      queriesConfig(settings, clock) as object,
    ) as KafkaConsumer;
    trouble.watch(client);
    const leftMs = Math.max(1, deadlineMs - clock.steadyMs());
    try {
      await trouble.connect(client, Math.min(ATTEMPT_MS, leftMs));
      return client;
    } catch (error) {
      if (!isKind(error, 'unavailable') || clock.steadyMs() >= deadlineMs) throw error;
    }
  }
}

/** The largest value that the topic takes alone in a batch. */
function recordSizeMax(settings: KafkaSettings, { messageMaxBytes }: TopicSettings): number {
  const { recordSizeMaxBytes } = settings;
  if (messageMaxBytes === undefined) return recordSizeMaxBytes;
  return Math.max(1, Math.min(recordSizeMaxBytes, messageMaxBytes - BATCH_OVERHEAD_BYTES));
}

/** Compaction drops all but the newest record of a key, which is a tenant. */
function checkCleanup(
  topic: string,
  { topicConfig = {} }: KafkaTopicOptions,
  { compacted }: TopicSettings,
): void {
  const wanted = topicConfig['cleanup.policy'] === 'compact';
  if (compacted === undefined || compacted === wanted) return;
  const message = `cleanup.policy of topic ${topic} must be ${wanted ? 'compact' : 'delete'}`;
  throw new WeirError('invalid', `kafka: ${message}: as it is, the topic loses what is needed`);
}
