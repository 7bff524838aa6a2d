// The native Kafka client, loaded when first asked for: a process without Kafka never needs the addon.
// Also its errors, typed by what the caller does next, and the calls that its type definitions lack.
// Main thread only: in a worker thread the addon aborts the process.
import type * as Kafka from '@confluentinc/kafka-javascript';
import { type ErrorKind, WeirError } from '@weir/errors';

export type Driver = typeof Kafka;
export type KafkaConsumer = Kafka.KafkaConsumer & {
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void;
  incrementalAssign(partitions: readonly Kafka.Assignment[]): void;
  incrementalUnassign(partitions: readonly Kafka.Assignment[]): void;
  rebalanceProtocol(): 'NONE' | 'EAGER' | 'COOPERATIVE';
  assignmentLost(): boolean;
};
export type KafkaProducer = Kafka.Producer;
export type KafkaMessage = Kafka.Message;
export type KafkaAdmin = Kafka.IAdminClient;
export type ClientConfig = Readonly<Record<string, unknown>>;

/** Codes of librdkafka (negative) and of the Kafka protocol. */
export const CODE = {
  timedOut: -185,
  messageTimedOut: -192,
  transport: -195,
  maxPollExceeded: -147,
  fatal: -150,
  /** What waits when the client has failed for good. */
  purgedInFlight: -151,
  purgedInQueue: -152,
  autoOffsetReset: -140,
  assignPartitions: -175,
  revokePartitions: -174,
  offsetOutOfRange: 1,
  unknownTopic: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  brokerNotAvailable: 8,
  replicaNotAvailable: 9,
  messageTooLarge: 10,
  network: 13,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  illegalGeneration: 22,
  unknownMember: 25,
  topicForbidden: 29,
  groupForbidden: 30,
  clusterForbidden: 31,
  topicExists: 36,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  offsetNotAvailable: 78,
  fencedInstance: 82,
  fencedMemberEpoch: 110,
  staleMemberEpoch: 113,
} as const;

const KINDS = new Map<number, ErrorKind>([
  [CODE.messageTooLarge, 'invalid'],
  [CODE.illegalGeneration, 'fenced'],
  [CODE.unknownMember, 'fenced'],
  [CODE.fencedInstance, 'fenced'],
  [CODE.fencedMemberEpoch, 'fenced'],
  [CODE.staleMemberEpoch, 'fenced'],
]);

export async function loadDriver(): Promise<Driver> {
  try {
    const module = await import('@confluentinc/kafka-javascript');
    return (module as Driver & { default?: Driver }).default ?? module;
  } catch (error) {
    const message = 'the Kafka client is not built for this machine: run `npm run kafka:build`';
    throw new WeirError('unavailable', message, { cause: error });
  }
}

/** An error of the client; anything it doesn't explain may work when tried again. */
export function kafkaError(what: string, error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  const { code, message } = error as { code?: number; message?: string };
  const kind = (code === undefined ? undefined : KINDS.get(code)) ?? 'unavailable';
  const text = message ?? String(error);
  return new WeirError(kind, `kafka: ${what}: ${text}`, { cause: error });
}

/** A call with a Node callback, as a promise that rejects with a WeirError. */
export function call<Result>(
  what: string,
  start: (done: (error: unknown, result?: Result) => void) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const done = (error: unknown, result?: Result) => {
      if (error) reject(kafkaError(what, error));
      else resolve(result as Result);
    };
    try {
      start(done);
    } catch (error) {
      reject(kafkaError(what, error));
    }
  });
}

/** The client's code of an error, also of one that call() or kafkaError() has made. */
export function codeOf(error: unknown): number | undefined {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'number') return code;
  return error instanceof WeirError && cause !== undefined ? codeOf(cause) : undefined;
}

export function disconnect(client: KafkaConsumer | KafkaProducer): Promise<unknown> {
  if (!client.isConnected()) return Promise.resolve();
  return call('disconnect', (done) => (client as KafkaConsumer).disconnect(done));
}
