// How the topic is configured, asked of a broker because the native client can't: what a record may
// weigh, how long it is kept, how many replicas must have it. A broker that doesn't tell (access control,
// a service that isn't quite Kafka) is no failure: then flags and defaults count.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import { connectBroker } from './broker-connection.ts';
import type { KafkaSettings } from './flags.ts';
import { int8, int32, type ProtocolReader, text } from './protocol-bytes.ts';

const DESCRIBE_CONFIGS = { key: 32, version: 1 };
const TOPIC = 2;
const WITHIN_MS = 5000;
const NAMES = [
  'max.message.bytes',
  'retention.ms',
  'retention.bytes',
  'min.insync.replicas',
  'cleanup.policy',
];

export interface TopicSettings {
  /** Of a whole batch as it is stored. */
  readonly messageMaxBytes?: number;
  /** Left out when nothing is dropped by age. */
  readonly retentionMs?: number;
  /** Of a partition; left out when nothing is dropped by size. */
  readonly retentionBytes?: number;
  readonly inSyncReplicasMin?: number;
  readonly compacted?: boolean;
}

/** Asks one broker after the other; what none of them tells is left out, with a warning. */
export async function readTopicSettings(
  settings: KafkaSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<TopicSettings> {
  const { topic } = settings;
  let reason: unknown;
  for (const broker of settings.address) {
    try {
      const times = { timeoutMs: WITHIN_MS, nowMs: clock.nowMs() };
      const connection = await connectBroker(broker, settings, times);
      try {
        const answer = await connection.request(DESCRIBE_CONFIGS, describeRequest(topic));
        return topicSettingsOf(parseConfigs(answer));
      } finally {
        connection.close();
      }
    } catch (error) {
      reason = error;
    }
  }
  log.warn(
    { err: reason, topic },
    'kafka: no broker tells how the topic is configured; max.message.bytes and retention are taken from flags (-ingest-storage.kafka.producer-max-record-size-bytes, -ingest-storage.kafka.topic-retention)',
  );
  return {};
}

function describeRequest(topic: string): Buffer {
  const names = [int32(NAMES.length), ...NAMES.map(text)];
  return Buffer.concat([int32(1), int8(TOPIC), text(topic), ...names, int8(0)]);
}

/** The answer to DescribeConfigs of one topic. Throws `unavailable` when it is an error. */
export function parseConfigs(answer: ProtocolReader): ReadonlyMap<string, string> {
  const configs = new Map<string, string>();
  answer.int32();
  answer.list(() => {
    const code = answer.int16();
    const message = answer.nullableText();
    if (code !== 0) throw new WeirError('unavailable', message ?? `error ${code}`);
    answer.int8();
    answer.text();
    answer.list(() => {
      const name = answer.text();
      const value = answer.nullableText();
      for (let field = 0; field < 3; field++) answer.int8();
      answer.list(() => [answer.text(), answer.nullableText(), answer.int8()]);
      if (value !== undefined) configs.set(name, value);
    });
  });
  return configs;
}

export function topicSettingsOf(configs: ReadonlyMap<string, string>): TopicSettings {
  const positive = (name: string) => {
    const value = Number(configs.get(name) ?? '');
    return value > 0 && Number.isSafeInteger(value) ? value : undefined;
  };
  const found = {
    messageMaxBytes: positive('max.message.bytes'),
    retentionMs: positive('retention.ms'),
    retentionBytes: positive('retention.bytes'),
    inSyncReplicasMin: positive('min.insync.replicas'),
    compacted: configs.get('cleanup.policy')?.includes('compact'),
  };
  const known = Object.entries(found).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known);
}
