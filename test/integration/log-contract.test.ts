// The Kafka log keeps the contract, on a real broker.
import { defaultsOf } from '@weir/config';
import type { PartitionLog } from '@weir/log';
import { closingCase, contractCases } from '@weir/log/contract';
import { kafkaFlags, openKafkaLog } from '@weir/log/kafka';
import { systemClock } from '@weir/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaProvider, startKafka } from '../providers/kafka.mjs';

let kafka: KafkaProvider;

const settingsFor = (topic: string, groupProtocol = 'classic') => ({
  ...defaultsOf(kafkaFlags),
  address: [kafka.brokers],
  topic,
  groupProtocol,
  autoCreateTopicDefaultPartitions: 4,
  recordSizeMaxBytes: 2_000_000,
});

beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka?.stop());

for (const protocol of ['classic', 'classic-eager', 'consumer']) {
  describe(`kafka log, group protocol ${protocol}`, () => {
    let log: PartitionLog;
    const topic = `contract-${protocol}-${systemClock.nowMs()}`;
    beforeAll(async () => {
      log = await openKafkaLog(settingsFor(topic, protocol), { clock: systemClock });
    });
    const cases = [...contractCases, closingCase];
    for (const { name, run } of cases) it(name, () => run(log));

    it('has the same identity when opened again', async () => {
      const again = await openKafkaLog(settingsFor(topic), { clock: systemClock });
      expect(again.topicId).toBe(log.topicId);
      expect(again.topicId).toMatch(/^[0-9a-f]{32}$/);
      expect(again.partitionCount).toBe(4);
      await again.close();
    });
  });
}
