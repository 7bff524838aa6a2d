// Two senders of the same series and two distributors over Kafka: one is listened to by both distributors, the other takes
// its place when it falls silent, and what is stored is what was answered with 200. Statistics of tenants come along.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaProvider, startKafka } from '../providers/kafka.mjs';
import { startCluster, type WeirCluster } from '../support/cluster.ts';
import { rawSamples } from '../support/prometheus-api.ts';
import { push } from '../support/remote-write.ts';
import type { WeirProcess } from '../support/weir-process.ts';

const TENANT = 'pairs';
const FAILOVER_MS = 4_000;
const EVERY_MS = 250;
const VALUES = { a: 1, b: 2 } as const;
const patience = { timeout: 20_000, interval: 100 };

type Replica = keyof typeof VALUES;

let kafka: KafkaProvider;
let weir: WeirCluster;
let distributors: readonly WeirProcess[];
/** Timestamps and values that were answered with 200. */
const taken: [number, number][] = [];

beforeAll(async () => {
  kafka = await startKafka();
  weir = await startCluster({
    ...{ brokers: kafka.brokers, partitions: 2, distributors: 2, ingesters: 1, queriers: 1 },
    flags: [
      '-distributor.ha-tracker.enable=true',
      '-distributor.ha-tracker.enable-for-all-users=true',
      '-distributor.ha-tracker.update-timeout=1s',
      '-distributor.ha-tracker.update-timeout-jitter-max=0s',
      `-distributor.ha-tracker.failover-timeout=${FAILOVER_MS}ms`,
    ],
  });
  distributors = weir.distributors;
});
afterAll(async () => {
  await weir?.stop();
  await kafka?.stop();
});

let lastMs = 0;

/** A sample of now, with the replica's value. */
async function send(replica: Replica, to: WeirProcess): Promise<number> {
  lastMs = Math.max(lastMs + 1, Date.now());
  const timestampMs = lastMs;
  const labels = { __name__: 'pair', cluster: 'c', __replica__: replica };
  const series = { labels, samples: [[timestampMs, VALUES[replica]]] as const };
  const { status, body } = await push(to.base, [series], { tenant: TENANT });
  if (status === 200) taken.push([timestampMs, VALUES[replica]]);
  else if (status !== 202) throw new Error(`${status} ${body}`);
  return status;
}

async function elected(at: WeirProcess) {
  const answer = await fetch(`${at.base}/distributor/ha_tracker`, {
    headers: { accept: 'application/json' },
  });
  const page = (await answer.json()) as {
    elected: { userID: string; cluster: string; replica: string; electionChanges: number }[];
  };
  return page.elected.map(({ userID, cluster, replica, electionChanges }) => [
    ...[userID, cluster, replica, electionChanges],
  ]);
}

describe('replicas of a sender, over Kafka', () => {
  let first: Replica;
  let second: Replica;

  it('one is elected, by all distributors', async () => {
    const [one, two] = distributors as [WeirProcess, WeirProcess];
    const statuses = await Promise.all([send('a', one), send('b', two)]);
    expect([...statuses].sort()).toEqual([200, 202]);
    [first, second] = statuses[0] === 200 ? ['a', 'b'] : ['b', 'a'];
    for (let round = 0; round < 24; round++) {
      const [mine, other] = round % 2 === 0 ? [one, two] : [two, one];
      expect(await Promise.all([send(first, mine), send(second, other)])).toEqual([200, 202]);
      await sleep(EVERY_MS);
    }
    for (const one of distributors) expect(await elected(one)).toEqual([[TENANT, 'c', first, 0]]);
  });

  it('the other takes its place once it is silent, and keeps it', async () => {
    const [one, two] = distributors as [WeirProcess, WeirProcess];
    expect(await send(first, one)).toBe(200);
    const silentFromMs = performance.now();
    while ((await send(second, two)) === 202) await sleep(EVERY_MS);
    const silentMs = performance.now() - silentFromMs;
    // The cluster may have been told of the last push a second before it, not later.
    expect(silentMs).toBeGreaterThan(FAILOVER_MS - 1_500);
    expect(silentMs).toBeLessThan(FAILOVER_MS + 3_000);
    await expect.poll(() => elected(one), patience).toEqual([[TENANT, 'c', second, 1]]);
    for (let round = 0; round < 8; round++) {
      expect([await send(first, one), await send(first, two)]).toEqual([202, 202]);
      expect(await send(second, round % 2 === 0 ? one : two)).toBe(200);
      await sleep(EVERY_MS);
    }
  });

  it('a distributor that is killed and comes back has not forgotten', async () => {
    const [one, two] = distributors as [WeirProcess, WeirProcess];
    await one.kill();
    expect([await send(second, two), await send(first, two)]).toEqual([200, 202]);
    one.spawn();
    const keepOn = { running: true };
    const keeping = (async () => {
      for (; keepOn.running; await sleep(EVERY_MS)) expect(await send(second, two)).toBe(200);
    })();
    await one.ready(60_000);
    expect([await send(first, one), await send(second, one)]).toEqual([202, 200]);
    keepOn.running = false;
    await keeping;
    for (const each of distributors) {
      expect(await elected(each)).toEqual([[TENANT, 'c', second, 1]]);
    }
  });

  it('what is stored is what was taken, as one series', async () => {
    const querier = weir.queriers[0]!;
    const wanted = [...taken].sort(([a], [b]) => a - b);
    const stored = () => rawSamples(`${querier.base}/prometheus`, 'pair', '1h', lastMs + 1, TENANT);
    await expect.poll(async () => (await stored()).length, patience).toBe(1);
    expect(await stored()).toEqual([
      {
        metric: { __name__: 'pair', cluster: 'c' },
        values: wanted.map(([timestampMs, value]) => [timestampMs / 1000, String(value)]),
      },
    ]);
  });

  it('statistics come from the owners of all partitions', async () => {
    const json = { headers: { accept: 'application/json' } };
    const all = async (at: WeirProcess) => {
      const answer = await fetch(`${at.base}/distributor/all_user_stats`, json);
      return (await answer.json()) as {
        userID: string;
        numSeries: number;
        ingestionRate: number;
      }[];
    };
    for (const each of distributors) {
      await expect
        .poll(() => all(each), patience)
        .toMatchObject([{ userID: TENANT, numSeries: 1, activeSeries: 1 }]);
      await expect
        .poll(async () => (await all(each))[0]!.ingestionRate, patience)
        .toBeGreaterThan(0);
    }
    const own = await fetch(`${weir.queriers[0]!.base}/api/v1/user_stats`, {
      headers: { 'x-scope-orgid': TENANT },
    });
    expect(await own.json()).toMatchObject({ numSeries: 1, RuleIngestionRate: 0 });
  });
});
