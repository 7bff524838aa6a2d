// Brokers that know the classic group protocol only, as older ones and some services do: partitions are
// owned, handed over and taken over, and nothing acknowledged is lost. And what is said of a member that
// the group doesn't want any more: then its process ends, instead of going on without partitions.
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultsOf } from '@weir/config';
import { kafkaFlags, openKafkaLog } from '@weir/log/kafka';
import { systemClock } from '@weir/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaProvider, startKafka } from '../providers/kafka.mjs';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { startCluster, type WeirCluster } from '../support/cluster.ts';

const PARTITIONS = 6;
const patience = { timeout: 40_000, interval: 100 };
let kafka: KafkaProvider;
let cluster: WeirCluster | undefined;

beforeAll(async () => {
  kafka = await startKafka({
    own: true,
    properties: { 'group.coordinator.rebalance.protocols': 'classic' },
  });
});
afterAll(async () => {
  await cluster?.stop();
  await kafka?.stop();
});

interface PartitionShown {
  readonly owners: readonly { readonly instance: string; readonly serving: boolean }[];
}

/** How many partitions each ingester serves, by its name. */
async function served(base: string): Promise<Record<string, number>> {
  const headers = { accept: 'application/json' };
  const answer = await fetch(`${base}/ingester/partition-ring`, { headers });
  const { partitions } = (await answer.json()) as { partitions: PartitionShown[] };
  const counts: Record<string, number> = {};
  for (const { owners } of partitions) {
    for (const { instance, serving } of owners) {
      if (serving) counts[instance] = (counts[instance] ?? 0) + 1;
    }
  }
  return counts;
}

const memberOf = async (topic: string, memberId: string, more: object) => {
  const settings = { ...defaultsOf(kafkaFlags), address: [kafka.brokers], topic, ...more };
  const log = await openKafkaLog(settings, { clock: systemClock }, { parkingTopic: 'parking' });
  const nothing = () => {};
  const owned = new Set<number>();
  const assigned = (partitions: readonly number[]) => {
    for (const partition of partitions) owned.add(partition);
  };
  const member = await log.join(topic, memberId, { assigned, revoked: nothing, lost: nothing });
  return { log, owned, member };
};

describe('brokers with the classic group protocol only', () => {
  it('give partitions to ingesters, move them, and nothing is lost', async () => {
    cluster = await startCluster({
      ...{ brokers: kafka.brokers, partitions: PARTITIONS },
      ...{ distributors: 1, ingesters: 2, queriers: 1 },
      flags: ['-log.level=warn', '-ingest-storage.kafka.session-timeout=6s'],
    });
    const [distributor] = cluster.distributors;
    const [stays, leaves] = cluster.ingesters;
    const shared = { 'ingester-0': PARTITIONS / 2, 'ingester-1': PARTITIONS / 2 };
    const shares = () => served(distributor!.base);
    await expect.poll(shares, patience).toEqual(shared);
    const load = new AcknowledgedLoad({
      bases: [distributor!.base],
      ...{ series: 30, seed: 1, stepMs: 1000, metric: 'classic', tenant: 'test' },
      startMs: Math.floor(Date.now() / 15_000) * 15_000 - 3_600_000,
    });
    load.start(1);
    await sleep(1000);
    expect(await leaves!.stop()).toBe(0);
    await expect.poll(shares, patience).toEqual({ 'ingester-0': PARTITIONS });
    await leaves!.start(60_000);
    await expect.poll(shares, patience).toEqual(shared);
    await stays!.kill();
    await expect.poll(shares, patience).toEqual({ 'ingester-1': PARTITIONS });
    await load.stop();
    await load.settle();
    const check = () => load.check(`${cluster!.queriers[0]!.base}/prometheus`).catch(String);
    await expect.poll(check, patience).toEqual([]);
    expect(load.acknowledged.size).toBeGreaterThan(50);
  });

  it('end the log of who wants the other protocol, and say what to do', async () => {
    const { log, member } = await memberOf('wants-848', 'a', { groupProtocol: 'consumer' });
    const error = await log.failed;
    expect(error).toMatchObject({ kind: 'fenced' });
    expect(error!.message).toContain('API version not supported');
    expect(error!.message).toContain('-ingest-storage.kafka.group-protocol=consumer: use classic');
    await expect(member.commit(0, 1, '')).rejects.toBe(error);
    const fromMs = systemClock.steadyMs();
    await log.close();
    expect(systemClock.steadyMs() - fromMs).toBeLessThan(4000);
  });

  // Each comes back once, because a broker that dies in the middle of a join fences a member by itself.
  it('end the log of one of two processes that come under one name', async () => {
    const first = await memberOf('twice', 'a', {});
    await expect.poll(() => first.owned.size, patience).toBeGreaterThan(0);
    const second = await memberOf('twice', 'a', {});
    const ended = [first, second].map(async (one) => ({ one, error: await one.log.failed }));
    const { one: loser, error } = await Promise.race(ended);
    expect(error).toMatchObject({ kind: 'fenced' });
    expect(error!.message).toContain('another process is there as a');
    await loser.log.close();
    const winner = loser === first ? second : first;
    await expect.poll(() => winner.owned.size, patience).toBeGreaterThan(0);
    await winner.log.close();
  });
});
