// One of three brokers dies and comes back: what is asked of the log about offsets and groups is answered all the
// time, though late while leaders and the group's coordinator move. The driver alone would go on asking the dead one.
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultsOf } from '@weir/config';
import type { PartitionLog } from '@weir/log';
import { kafkaFlags, openKafkaLog } from '@weir/log/kafka';
import { systemClock } from '@weir/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type KafkaCluster, startKafkaCluster } from '../providers/kafka-cluster.mjs';

const PARTITIONS = 6;
/** More groups than brokers: of one each broker is the coordinator. */
const GROUPS = ['group-0', 'group-1', 'group-2', 'group-3'];
const ASK_EACH_MS = 250;
const QUICK_MS = 2_000;

let kafka: KafkaCluster;
let log: PartitionLog;

beforeAll(async () => {
  kafka = await startKafkaCluster({
    properties: { 'broker.session.timeout.ms': '4000', 'broker.heartbeat.interval.ms': '500' },
  });
  const address = kafka.brokers.split(',');
  const more = { address, topic: 'failover', autoCreateTopicDefaultPartitions: PARTITIONS };
  log = await openKafkaLog({ ...defaultsOf(kafkaFlags), ...more }, { clock: systemClock });
});
afterAll(async () => {
  await log?.close();
  await kafka?.stop();
});

it('answers about offsets and groups while a broker is away, and after it came back', async () => {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const tookMs = new Map<string, number[]>();
  const failures: string[] = [];
  let running = true;
  const askAllTheTime = async (what: string, ask: () => Promise<unknown>) => {
    const times: number[] = [];
    tookMs.set(what, times);
    while (running) {
      const fromMs = performance.now();
      await ask().catch((error) => failures.push(`${what}: ${error}`));
      times.push(performance.now() - fromMs);
      await sleep(ASK_EACH_MS);
    }
  };
  const asking = [
    askAllTheTime('ends', () => log.endOffsets(partitions)),
    ...partitions.map((one) => askAllTheTime(`start of ${one}`, () => log.startOffset(one))),
    ...GROUPS.map((group) => askAllTheTime(group, () => log.committed(group, 0))),
  ];
  await sleep(1_000);
  for (const id of kafka.ids) {
    await kafka.kill(id);
    await sleep(6_000);
    await kafka.startBroker(id);
    await sleep(4_000);
  }
  for (const times of tookMs.values()) times.length = 0;
  await sleep(1_000);
  running = false;
  await Promise.all(asking);
  expect(failures).toEqual([]);
  for (const [what, times] of tookMs) expect(Math.max(...times), what).toBeLessThan(QUICK_MS);
}, 120_000);
