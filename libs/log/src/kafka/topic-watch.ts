// Looks at the topic from time to time: the client itself goes on as if nothing had happened when the
// topic is deleted and created again, and never tells why a record isn't acknowledged while replicas
// are missing. Decides nothing about records.
import { WeirError } from '@weir/errors';
import type { Clock, Timer } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { Admin, Topic } from './admin.ts';
import type { TopicSettings } from './topic-settings.ts';

const EVERY_MS = 5000;

export interface TopicWatch {
  /** Resolves when the topic is another one: nothing that this process knows of it holds any more. */
  readonly replaced: Promise<WeirError>;
  /** Why records may wait without end, as of the last look; empty when all is well. */
  readonly reason: string;
  close(): void;
}

export interface TopicWatchParts {
  readonly admin: Admin;
  readonly clock: Clock;
  readonly log: Logger;
}

export function watchTopic(
  name: string,
  opened: Topic,
  { inSyncReplicasMin = 1 }: TopicSettings,
  { admin, clock, log }: TopicWatchParts,
): TopicWatch {
  let timer: Timer | undefined;
  let closed = false;
  let reason = '';
  let announce: (error: WeirError) => void = () => {};
  const replaced = new Promise<WeirError>((resolve) => {
    announce = resolve;
  });

  const reasonOf = (topic: Topic | undefined): string => {
    if (topic === undefined) return `topic ${name} does not exist any more`;
    // Kafka 4 asks no partition for more replicas than it has; before, none of these would be written.
    const short = topic.replicas.find(
      ({ all, inSync }) => inSync < Math.min(all, inSyncReplicasMin),
    );
    if (short === undefined) return '';
    const { partition, inSync } = short;
    return `partition ${partition} of topic ${name} has ${inSync} in-sync replicas, min.insync.replicas is ${inSyncReplicasMin}`;
  };
  const take = (topic: Topic | undefined) => {
    if (topic !== undefined && topic.topicId !== opened.topicId) {
      const message = `kafka: topic ${name} was deleted and created again (id ${topic.topicId}, before ${opened.topicId})`;
      log.error({ topic: name }, message);
      announce(new WeirError('unavailable', `${message}: start again`));
      return;
    }
    const now = reasonOf(topic);
    if (now !== reason && now !== '') log.error({ topic: name }, `kafka: ${now}`);
    if (now !== reason && now === '') log.info({ topic: name }, 'kafka: the topic is well again');
    reason = now;
    if (topic !== undefined && topic.partitionCount !== opened.partitionCount) {
      const change = { topic: name, partitions: topic.partitionCount, was: opened.partitionCount };
      log.warn(
        change,
        'kafka: the number of partitions has changed; it counts from the next start',
      );
    }
  };
  const next = () => {
    timer = clock.after(EVERY_MS, () => void look());
  };
  const look = async () => {
    try {
      const topic = await admin.describe(name);
      if (!closed) take(topic);
    } catch (error) {
      if (!closed) log.warn({ err: error, topic: name }, 'kafka: the topic could not be looked at');
    }
    if (!closed) next();
  };

  const fewest = Math.min(...opened.replicas.map(({ all }) => all));
  if (fewest < inSyncReplicasMin) {
    const counts = { topic: name, replicas: fewest, minInsyncReplicas: inSyncReplicasMin };
    log.warn(counts, 'kafka: the topic has fewer replicas than min.insync.replicas asks for');
  }
  take(opened);
  next();
  return {
    replaced,
    get reason() {
      return reason;
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
