// A member of a consumer group: it is given partitions and stores offsets, and reads nothing. Every
// partition stays paused. A commit resolves when the broker has taken it and rejects when it hasn't
// (the client's own commit callback says "fine" in both cases, so the commit event is used).
//
// With a parking topic the membership is static: a process that died gets its partitions back as soon as
// it is started again under the same id, and so does one that stays when it closes. A static member can't
// leave, so close() subscribes to the parking topic instead, which moves its partitions at once. Started again within the session time-out
// such a member is given what it was left with, without a rebalance: it parks once more and comes back,
// because only a changed subscription makes the group assign anew.
import { WeirError } from '@weir/errors';
import type { Clock, Timer } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { GroupEvents, GroupMember } from '../partition-log.ts';
import { clientConfig } from './client-config.ts';
import {
  type ClientConfig,
  CODE,
  type Driver,
  disconnect,
  type KafkaConsumer,
  kafkaError,
} from './driver.ts';
import type { KafkaSettings } from './flags.ts';
import type { Trouble } from './trouble.ts';

const POLL_EVERY_MS = 50;
/** While a commit waits for its answer. */
const POLL_BUSY_MS = 2;
const COMMIT_WITHIN_MS = 10_000;
/** A new member waits for the others to give partitions up; after that it asks for a rebalance. */
const EMPTY_HANDED_MS = 4_000;
/** How long leaving waits for the others to take over. */
const PARK_WITHIN_MS = 5_000;

type Assignment = { topic: string; partition: number; offset?: number };

interface Commit {
  readonly partition: number;
  readonly offset: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Members of a classic group learn of a rebalance by their heartbeat. */
const HEARTBEAT_MS = 1000;

const PROTOCOLS = new Map<string, ClientConfig>([
  [
    'classic',
    {
      'partition.assignment.strategy': 'cooperative-sticky',
      'heartbeat.interval.ms': HEARTBEAT_MS,
    },
  ],
  [
    'classic-eager',
    { 'partition.assignment.strategy': 'range', 'heartbeat.interval.ms': HEARTBEAT_MS },
  ],
  ['consumer', { 'group.protocol': 'consumer' }],
]);

export interface Membership {
  readonly group: string;
  readonly memberId: string;
  readonly events: GroupEvents;
  /** An existing topic that holds nothing for this group; with it the membership is static. */
  readonly parkingTopic?: string | undefined;
}

export function memberConfig(settings: KafkaSettings, membership: Membership, clock: Clock) {
  const { group, memberId, parkingTopic } = membership;
  const protocol = PROTOCOLS.get(settings.groupProtocol);
  if (protocol === undefined) {
    const known = [...PROTOCOLS.keys()].join(', ');
    const message = `ingest-storage.kafka.group-protocol is '${settings.groupProtocol}', not one of ${known}`;
    throw new WeirError('invalid', message);
  }
  return {
    ...clientConfig(settings, clock),
    ...protocol,
    'client.id': `${settings.clientId}-${memberId}`,
    'group.id': group,
    ...(parkingTopic !== undefined && { 'group.instance.id': memberId }),
    // With the protocol of KIP-848 the broker decides.
    ...(settings.groupProtocol !== 'consumer' && {
      'session.timeout.ms': settings.sessionTimeoutMs,
    }),
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    // Nothing is read, so no offset is ever picked.
    'auto.offset.reset': 'latest',
    offset_commit_cb: true,
  };
}

export interface MemberParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly trouble: Trouble;
  /**
   * Told once when the client has given up for good: it will never be given partitions again. `fenced`: the
   * group knows another client under its name.
   */
  failed(error: WeirError, fenced: boolean): void;
}

export async function joinGroup(
  driver: Driver,
  settings: KafkaSettings,
  membership: Membership,
  { clock, log, trouble, failed }: MemberParts,
): Promise<GroupMember> {
  const { topic } = settings;
  const { group, memberId, events, parkingTopic } = membership;
  const commits: Commit[] = [];
  let closed = false;
  let poll: Timer | undefined;
  let emptyHanded: Timer | undefined;
  /** Called at the next assignment while the member is parked. */
  let parked: (() => void) | undefined;
  let everAssigned = false;
  /** Why the group doesn't take this member, as it said last. */
  let refusal: WeirError | undefined;
  let gaveUp = false;

  const park = (topicToWaitAt: string, then: () => void) => {
    client.subscribe([topicToWaitAt]);
    parked = then;
  };
  /** The group has to assign anew: leave the topic and come back. */
  const askForRebalance = () => {
    if (closed || everAssigned || parked !== undefined || parkingTopic === undefined) return;
    everAssigned = true;
    log.info({ group, memberId }, 'kafka member: asks for its partitions by coming back');
    park(parkingTopic, () => client.subscribe([topic]));
  };
  const onAssigned = (assignment: readonly Assignment[], partitions: readonly number[]) => {
    const unpark = parked;
    parked = undefined;
    // Not from inside the callback: the client is still taking the assignment.
    if (unpark !== undefined) clock.after(0, unpark);
    else if (assignment.length > partitions.length) clock.after(0, askForRebalance);
    else if (assignment.length === 0) emptyHanded ??= clock.after(EMPTY_HANDED_MS, askForRebalance);
    if (partitions.length === 0) return;
    everAssigned = true;
    refusal = undefined;
    events.assigned(partitions);
  };

  const onRebalance = (error: { code: number } | undefined, assignment: Assignment[]) => {
    const partitions = assignment.filter((one) => one.topic === topic).map((one) => one.partition);
    const cooperative = client.rebalanceProtocol() === 'COOPERATIVE';
    if (error?.code === CODE.assignPartitions) {
      if (cooperative) client.incrementalAssign(assignment);
      else client.assign(assignment);
      client.pause(assignment);
      onAssigned(assignment, partitions);
      return;
    }
    const lost = client.assignmentLost();
    // While closing, the protocol reads NONE, and only a plain unassign is taken.
    if (cooperative) client.incrementalUnassign(assignment);
    else client.unassign();
    if (partitions.length === 0) return;
    if (lost) events.lost(partitions);
    else events.revoked(partitions);
  };

  const config = {
    ...memberConfig(settings, membership, clock),
    rebalance_cb: (error: { code: number } | undefined, assignment: Assignment[]) => {
      try {
        onRebalance(error, assignment);
      } catch (failure) {
        log.error({ err: failure, group, memberId }, 'kafka member: rebalance failed');
      }
    },
  };
  const client = new driver.KafkaConsumer(config as object) as KafkaConsumer;
  client.setDefaultConsumeTimeout(0);
  client.setDefaultIsTimeoutOnlyForFirstMessage(true);
  trouble.watch(client);
  client.on('offset.commit', (error, offsets) => {
    for (const { partition, offset, error: own } of offsets) {
      const index = commits.findIndex(
        (one) => one.partition === partition && one.offset === offset,
      );
      if (index < 0) continue;
      const [commit] = commits.splice(index, 1);
      const failure = error ?? own;
      if (failure) commit!.reject(kafkaError(`commit of partition ${partition}`, failure));
      else commit!.resolve();
    }
  });

  const onPollError = (error: { code?: number }) => {
    log.warn({ err: error, group, memberId }, 'kafka member');
    if (error.code === CODE.fatal) {
      giveUp(error);
      return;
    }
    if (error.code !== CODE.groupForbidden && error.code !== CODE.topicForbidden) return;
    refusal = kafkaError(`member of group ${group} (${trouble.security})`, error);
    for (const commit of commits.splice(0)) commit.reject(refusal);
  };

  const giveUp = (error: { code?: number }) => {
    const what = `member ${memberId} of group ${group} has ended for good`;
    const failure = trouble.explain(kafkaError(what, error)) as WeirError;
    const fenced = /fenced by other consumer/i.test(failure.message);
    const hint = fenced
      ? ` (another process is there as ${memberId})`
      : hintOf(failure.message, settings);
    refusal = new WeirError('fenced', failure.message + hint, { cause: error });
    for (const commit of commits.splice(0)) commit.reject(refusal);
    if (!closed && !gaveUp) failed(refusal, fenced);
    gaveUp = true;
  };

  /** Events of the client come only while it is asked for messages. */
  const schedulePoll = () => {
    if (closed || gaveUp) return;
    poll?.cancel();
    poll = clock.after(commits.length > 0 ? POLL_BUSY_MS : POLL_EVERY_MS, () => {
      client.consume(1, (error) => {
        if (error) onPollError(error);
        schedulePoll();
      });
    });
  };

  const sendCommit = (partition: number, offset: number, metadata: string) =>
    new Promise<void>((resolve, reject) => {
      const commit = { partition, offset, resolve, reject };
      commits.push(commit);
      try {
        client.commit([{ topic, partition, offset, metadata }]);
      } catch (error) {
        commits.splice(commits.indexOf(commit), 1);
        reject(kafkaError(`commit of partition ${partition}`, error));
        return;
      }
      const deadline = clock.after(COMMIT_WITHIN_MS, () => {
        const index = commits.indexOf(commit);
        if (index >= 0) commits.splice(index, 1);
        const what = `kafka: no answer to commit of partition ${partition}`;
        const why = refusal === undefined ? '' : `: ${refusal.message}`;
        reject(new WeirError('unavailable', what + why));
      });
      commit.resolve = () => {
        deadline.cancel();
        resolve();
      };
      commit.reject = (error) => {
        deadline.cancel();
        reject(error);
      };
      schedulePoll();
    });

  /** Resolves when the group has taken the partitions away, or when it doesn't answer. */
  const leave = async () => {
    everAssigned = true;
    if (parkingTopic === undefined) return;
    await new Promise<void>((resolve) => {
      const deadline = clock.after(PARK_WITHIN_MS, resolve);
      park(parkingTopic, () => {
        deadline.cancel();
        resolve();
      });
    });
  };

  await trouble.connect(client, settings.dialTimeoutMs + settings.writeTimeoutMs);
  client.subscribe([topic]);
  schedulePoll();
  return {
    async commit(partition, nextOffset, metadata) {
      if (closed) throw new WeirError('closed', `member ${memberId} has left group ${group}`);
      if (gaveUp) throw refusal!;
      await sendCommit(partition, nextOffset, metadata);
    },
    async close({ stay = false } = {}) {
      if (closed) return;
      if (!stay && !gaveUp) await leave();
      closed = true;
      emptyHanded?.cancel();
      poll?.cancel();
      for (const commit of commits.splice(0)) {
        commit.reject(new WeirError('closed', `member ${memberId} has left group ${group}`));
      }
      await disconnect(client);
    },
  };
}

/** What to do about a client that has given up. */
function hintOf(message: string, { groupProtocol }: KafkaSettings): string {
  if (!message.includes('ConsumerGroupHeartbeat') || !message.includes('not supported')) return '';
  return ` (brokers don't offer -ingest-storage.kafka.group-protocol=${groupProtocol}: use classic)`;
}
