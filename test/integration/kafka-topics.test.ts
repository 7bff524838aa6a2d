// What the log asks of its topic, and what it says when the topic is otherwise: size of records,
// retention, replicas, a topic that is missing, compacted, or another one. On a real broker.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '@weir/bytes';
import { defaultsOf } from '@weir/config';
import { kafkaFlags, openKafkaLog } from '@weir/log/kafka';
import { systemClock } from '@weir/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaProvider, startKafka } from '../providers/kafka.mjs';
import { call, openRaw } from '../support/kafka-raw.ts';
import { push } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const BIG = 1 << 20;
const patience = { timeout: 30_000, interval: 50 };
let kafka: KafkaProvider;
let topics = 0;

beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka?.stop());

const newTopic = () => `topics-${systemClock.nowMs()}-${topics++}`;
const openLog = (topic: string, more: object = {}) => {
  const settings = {
    ...defaultsOf(kafkaFlags),
    address: [kafka.brokers],
    topic,
    autoCreateTopicDefaultPartitions: 1,
    writeTimeoutMs: 2000,
    ...more,
  };
  return openKafkaLog(settings, { clock: systemClock });
};
async function create(topic: string, config: Readonly<Record<string, string>>): Promise<string> {
  const { admin } = openRaw(kafka.brokers);
  const definition = { topic, num_partitions: 1, replication_factor: 1, config };
  await call((done) => admin.createTopic(definition, 10_000, done));
  admin.disconnect();
  return topic;
}
const record = (value: Uint8Array) => ({ partition: 0, key: utf8('t'), value, version: 1 });
/** Bytes that no codec makes smaller. */
const noise = (size: number) => new Uint8Array(randomBytes(size));

describe('the size of records', () => {
  it("follows the topic's max.message.bytes: at it and below taken and read, above refused", async () => {
    const log = await openLog(await create(newTopic(), { 'max.message.bytes': '100000' }));
    const limit = log.recordSizeMaxBytes;
    expect(limit).toBe(100_000 - 1024);
    const [at, below] = [noise(limit), noise(limit - 1)];
    await log.produce([{ ...record(at), key: utf8('t'.repeat(150)) }]);
    await log.produce([record(below)]);
    await expect(log.produce([record(noise(limit + 1))])).rejects.toMatchObject({
      kind: 'invalid',
    });
    const consumer = await log.consume(0, 0);
    for (const value of [at, below]) {
      const { records } = await consumer.next(1);
      expect(Buffer.compare(records[0]!.value, value)).toBe(0);
    }
    await log.close();
  });

  it('many records that are above it together are divided into batches', async () => {
    const log = await openLog(await create(newTopic(), { 'max.message.bytes': '100000' }));
    const values = Array.from({ length: 60 }, () => record(noise(9000)));
    expect((await log.produce(values)).length).toBe(60);
    await log.close();
  });

  it('reaches 16 MB where the topic allows it', async () => {
    const log = await openLog(newTopic(), { writeTimeoutMs: 10_000 });
    expect(log.recordSizeMaxBytes).toBe(15_983_616);
    const value = noise(log.recordSizeMaxBytes);
    await log.produce([record(value)]);
    const consumer = await log.consume(0, 0);
    const { records } = await consumer.next(BIG);
    expect(Buffer.compare(records[0]!.value, value)).toBe(0);
    await log.close();
  });
});

describe('the topic', () => {
  it('tells its retention, unless the flag does', async () => {
    const topic = await create(newTopic(), { 'retention.ms': '7200000' });
    const log = await openLog(topic);
    expect(await log.retention!(0)).toEqual({ timeMs: 7_200_000 });
    await log.close();
    const told = await openLog(topic, { topicRetentionMs: 5000 });
    expect(await told.retention!(0)).toEqual({ timeMs: 5000 });
    await told.close();
    const forever = await openLog(await create(newTopic(), { 'retention.ms': '-1' }));
    expect(await forever.retention!(0)).toEqual({});
    await forever.close();
  });

  it('is refused when it is missing and must not be created', async () => {
    const missing = openLog(newTopic(), { autoCreateTopicEnabled: false });
    await expect(missing).rejects.toMatchObject({ kind: 'not-found' });
    await expect(missing).rejects.toThrow('-ingest-storage.kafka.auto-create-topic-enabled');
  });

  it('is created with the partitions asked for', async () => {
    const log = await openLog(newTopic(), { autoCreateTopicDefaultPartitions: 7 });
    expect(log.partitionCount).toBe(7);
    await log.close();
  });

  it('is refused when it is compacted, which would drop samples', async () => {
    const topic = await create(newTopic(), { 'cleanup.policy': 'compact' });
    await expect(openLog(topic)).rejects.toMatchObject({ kind: 'invalid' });
    await expect(openLog(topic)).rejects.toThrow(`cleanup.policy of topic ${topic} must be delete`);
  });

  it('that is deleted and created again ends the log: it is another one', async () => {
    const topic = newTopic();
    const log = await openLog(topic);
    await log.produce([record(noise(10))]);
    const { admin } = openRaw(kafka.brokers);
    await call((done) => admin.deleteTopic(topic, 10_000, done));
    admin.disconnect();
    await expect
      .poll(() => create(topic, {}).then(() => 'created', String), patience)
      .toBe('created');
    const error = await log.failed;
    expect(error!.message).toContain(`topic ${topic} was deleted and created again`);
    await expect(log.produce([record(noise(10))])).rejects.toMatchObject({ kind: 'unavailable' });
    await log.close();
    const again = await openLog(topic);
    expect(again.topicId).not.toBe(log.topicId);
    await again.close();
  });
});

describe('too few in-sync replicas', () => {
  let pair: KafkaProvider;
  let directory: string;
  let weir: WeirProcess;
  beforeAll(async () => {
    pair = await startKafka({ own: true, follower: true });
    directory = await mkdtemp(join(tmpdir(), 'weir-topics-'));
  });
  afterAll(async () => {
    await weir?.kill();
    await pair?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('answer pushes with 503 and Retry-After; when they are back nothing is lost', async () => {
    const topic = newTopic();
    const { admin } = openRaw(pair.brokers);
    const config = { 'min.insync.replicas': '2' };
    const definition = { topic, num_partitions: 1, replication_factor: 2, config };
    await call((done) => admin.createTopic(definition, 10_000, done));
    admin.disconnect();
    weir = new WeirProcess({
      port: await freePort(),
      flags: [
        `-data-dir=${directory}`,
        `-ingest-storage.kafka.address=${pair.brokers}`,
        `-ingest-storage.kafka.topic=${topic}`,
        '-ingest-storage.kafka.write-timeout=2s',
      ],
    });
    await weir.start();
    const acknowledged: string[] = [];
    let tried = 0;
    const pushOne = async () => {
      const name = `kept_${tried++}`;
      const samples = [[systemClock.nowMs(), 1]] as [number, number][];
      const answer = await push(weir.base, [{ labels: { __name__: name }, samples }]);
      if (answer.status === 200) acknowledged.push(name);
      return answer;
    };
    expect((await pushOne()).status).toBe(200);
    await pair.stopFollower!();
    const refused = await pushOne();
    expect(refused).toMatchObject({ status: 503 });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    await pair.startFollower!();
    await expect.poll(async () => (await pushOne()).status, patience).toBe(200);
    const names = async () => {
      const at = `${weir.base}/prometheus/api/v1/label/__name__/values`;
      const response = await fetch(at, { headers: { 'x-scope-orgid': 'test' } });
      return ((await response.json()) as { data: string[] }).data;
    };
    await expect.poll(names, patience).toEqual(expect.arrayContaining(acknowledged));
    expect(acknowledged.length).toBeGreaterThan(1);
  });
});
