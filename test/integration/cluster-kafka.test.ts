// Cluster state on a compacted topic of a real broker: shared, replayed, removed, and surviving the broker.
import { changeOf, type InstanceEntry, type OwnerEntry, putChanges } from '@weir/cluster';
import { clusterFlags, openKafkaCluster } from '@weir/cluster/kafka';
import { defaultsOf } from '@weir/config';
import { kafkaFlags } from '@weir/log/kafka';
import { systemClock } from '@weir/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaProvider, startKafka } from '../providers/kafka.mjs';

let kafka: KafkaProvider;
beforeAll(async () => {
  kafka = await startKafka({ own: true });
});
afterAll(() => kafka?.stop());

const open = (clusterTopic: string) =>
  openKafkaCluster(
    {
      ...defaultsOf(kafkaFlags),
      ...defaultsOf(clusterFlags),
      address: [kafka.brokers],
      clusterTopic,
    },
    { clock: systemClock },
  );

const instance = (id: string, heartbeatMs: number): InstanceEntry => ({
  kind: 'instance',
  id,
  address: '127.0.0.1:80',
  zone: 'a',
  targets: ['ingester', 'querier'],
  heartbeatMs,
});
const owner = (name: string, claim: number): OwnerEntry => ({
  kind: 'owner',
  partition: 3,
  zone: 'a',
  instance: name,
  serving: true,
  claim,
});
const patience = { timeout: 20_000 };

describe('cluster on kafka', () => {
  it('is seen by every process, replayed by a late one, and forgotten when removed', async () => {
    const topic = `cluster-${systemClock.nowMs()}`;
    const first = await open(topic);
    const second = await open(topic);
    await first.put(instance('one', 1));
    await first.put(instance('two', 1));
    await first.put(instance('one', 2));
    expect(first.view.instances.get('one')!.heartbeatMs).toBe(2);
    await expect.poll(() => second.view.instances.get('one')?.heartbeatMs, patience).toBe(2);
    await second.put(owner('two', 8));
    await second.put(owner('one', 7));
    await second.remove(instance('two', 0));
    await expect.poll(() => first.view.owners.get('3/a')?.instance, patience).toBe('two');
    const third = await open(topic);
    expect([...third.view.instances.keys()]).toEqual(['one']);
    expect(third.view.owners.get('3/a')!.claim).toBe(8);
    for (const cluster of [first, second, third]) await cluster.close();
  });

  it('lets the first of two changes of a partition count, for everybody', async () => {
    const topic = `cluster-race-${systemClock.nowMs()}`;
    const clusters = [await open(topic), await open(topic)];
    const [first, second] = clusters;
    const entry = { kind: 'partition', partition: 0, sinceMs: 1 } as const;
    await first!.put({ ...entry, state: 'PENDING', version: 1 });
    await Promise.all([
      first!.put({ ...entry, state: 'ACTIVE', version: 2 }),
      second!.put({ ...entry, state: 'INACTIVE', version: 2 }),
    ]);
    clusters.push(await open(topic));
    const views = clusters.map(({ view }) => [view.partitions.get(0), [...view.hidden]]);
    expect(views[0]).toMatchObject([{ version: 2 }, [0]]);
    expect(views).toEqual([views[0], views[0], views[0]]);
    await putChanges(second!, (view) => changeOf(view, 0, { kind: 'hidden' }, 9));
    await expect.poll(() => first!.view.partitions.get(0)?.version, patience).toBe(3);
    expect(first!.view.hidden.size).toBe(0);
    for (const cluster of clusters) await cluster.close();
  });

  it('refuses changes while the broker is away and goes on when it is back', async () => {
    const topic = `cluster-restart-${systemClock.nowMs()}`;
    const cluster = await open(topic);
    await cluster.put(instance('one', 1));
    await kafka.kill();
    await expect(cluster.put(instance('one', 2))).rejects.toMatchObject({ kind: 'unavailable' });
    await kafka.startBroker();
    await expect
      .poll(() => cluster.put(instance('one', 3)).then(() => 'ok', String), patience)
      .toBe('ok');
    expect(cluster.view.instances.get('one')!.heartbeatMs).toBe(3);
    await cluster.close();
  });
});
