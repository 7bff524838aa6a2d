// Ingester pods scaled 4 → 1 → 4 by what rollout-operator does, on a real broker, while samples are pushed and
// queried: nothing acknowledged is lost or doubled, and all comes back to where it was.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { startCluster, type WeirCluster } from '../support/cluster.ts';
import { push } from '../support/remote-write.ts';
import { RolloutOperator } from '../support/rollout-operator.ts';

const PARTITIONS = 8;
const PODS = 4;
const MINUTE_MS = 60_000;

let cluster: WeirCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

interface PartitionShown {
  readonly id: number;
  readonly state_name: string;
  readonly drained_for?: string;
  readonly owners: readonly { readonly instance: string; readonly serving: boolean }[];
}

async function partitionsAt(base: string): Promise<PartitionShown[]> {
  const answer = await fetch(`${base}/ingester/partition-ring`, {
    headers: { accept: 'application/json' },
  });
  return ((await answer.json()) as { partitions: PartitionShown[] }).partitions;
}

async function start(pods: number): Promise<{ base: string; operator: RolloutOperator }> {
  const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
  if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
  cluster = await startCluster({
    ...{ brokers, partitions: PARTITIONS, distributors: 1, ingesters: pods, queriers: 1 },
    flags: ['-log.level=info'],
  });
  const operator = new RolloutOperator(cluster.ingesters, { delayMs: 3000 });
  return { base: cluster.distributors[0]!.base, operator };
}

/** Resolves with the seconds until each partition is ACTIVE and served by `pods` pods in all. */
async function steady(base: string, pods: number): Promise<number> {
  const startMs = performance.now();
  let seen: PartitionShown[] = [];
  const isSteady = () => {
    const owners = new Set(seen.flatMap(({ owners }) => owners.map(({ instance }) => instance)));
    const whole = seen.every(
      ({ state_name, owners }) => state_name === 'ACTIVE' && owners.some(({ serving }) => serving),
    );
    return whole && owners.size === pods && seen.length === PARTITIONS;
  };
  while (!isSteady()) {
    if (performance.now() - startMs > MINUTE_MS) {
      throw new Error(`never steady with ${pods} pods: ${JSON.stringify(seen)}`);
    }
    await sleep(100);
    seen = await partitionsAt(base);
  }
  return (performance.now() - startMs) / 1000;
}

/** Asks once a quarter of a second until stopped; counts what fails. */
function queryAllTheTime(base: string) {
  let running = true;
  const failures: string[] = [];
  let asked = 0;
  const done = (async () => {
    while (running) {
      const url = `${base}/prometheus/api/v1/query?query=count(load)`;
      asked++;
      await fetch(url, { headers: { 'x-scope-orgid': 'tenant-a' } }).then(
        async (answer) => {
          const text = await answer.text();
          if (answer.status !== 200) failures.push(`${answer.status} ${text}`);
        },
        (error: unknown) => failures.push(String(error)),
      );
      await sleep(250);
    }
  })();
  return {
    failures,
    get asked() {
      return asked;
    },
    async stop() {
      running = false;
      await done;
    },
  };
}

describe('ingester pods', () => {
  it('scale 4 → 1 → 4 under load, and nothing acknowledged is lost', async () => {
    const { base, operator } = await start(PODS);
    const querier = cluster!.queriers[0]!.base;
    await steady(base, PODS);
    const load = new AcknowledgedLoad({
      ...{ bases: [base], series: 50, seed: 7, stepMs: 1000, metric: 'load', tenant: 'tenant-a' },
      startMs: Math.floor(Date.now() / 1000) * 1000 - 1_200_000,
    });
    load.start(2);
    await expect.poll(() => load.acknowledged.size).toBeGreaterThan(20);
    const queries = queryAllTheTime(querier);
    const nothingLost = async () => {
      await load.stop();
      await load.settle();
      await expect.poll(() => load.check(`${querier}/prometheus`), { timeout: 30_000 }).toEqual([]);
    };

    await operator.scaleTo(1);
    operator.note(`steady after ${(await steady(base, 1)).toFixed(1)} s`);
    await nothingLost();
    const atOne = load.acknowledged.size;
    load.start(2);
    await operator.scaleTo(PODS);
    operator.note(`steady after ${(await steady(base, PODS)).toFixed(1)} s`);
    await expect.poll(() => load.acknowledged.size).toBeGreaterThan(atOne + 20);

    await nothingLost();
    await queries.stop();
    const states = await partitionsAt(base);
    expect(states.every((one) => one.drained_for === undefined)).toBe(true);
    const owned = new Map<string, number>();
    for (const { owners } of states) {
      for (const { instance } of owners) owned.set(instance, (owned.get(instance) ?? 0) + 1);
    }
    expect([...owned.values()]).toEqual([2, 2, 2, 2]);
    const statuses = [...load.statuses].map(([status, count]) => `${count} × ${status}`);
    operator.note(`pushes ${statuses.join(', ')}; ${load.acknowledged.size} steps acknowledged`);
    operator.note(`queries ${queries.asked}`);
    console.log(operator.events.join('\n'));
    expect(queries.failures).toEqual([]);
  });

  it('stay where a partition is locked, and go once it is not', async () => {
    const { base, operator } = await start(2);
    await steady(base, 2);
    const [locked] = (await partitionsAt(base)).filter(
      ({ owners }) => owners[0]?.instance === 'ingester-1',
    );
    const lock = (value: boolean) =>
      fetch(`${base}/ingester/partition-ring`, {
        ...{ method: 'POST', redirect: 'manual' },
        body: new URLSearchParams({
          ...{ action: 'state_change_lock', partition_id: String(locked!.id) },
          locked: String(value),
        }),
      }).then(({ status }) => expect(status).toBe(302));
    await lock(true);
    for (let turn = 0; turn < 3; turn++) await operator.turn(1);
    expect([operator.replicas, operator.events.length]).toEqual([2, 3]);
    const states = await partitionsAt(base);
    expect(states.every(({ state_name }) => state_name === 'ACTIVE')).toBe(true);
    await lock(false);
    await operator.scaleTo(1);
    await steady(base, 1);
    // Scaled to nothing, what it held is in the bucket; then all of it comes back.
    const series = [{ labels: { __name__: 'kept' }, samples: [[Date.now(), 1]] as const }];
    expect((await push(base, series, { tenant: 'tenant-a' })).status).toBe(200);
    await operator.scaleTo(0);
    expect(await partitionsAt(base)).toHaveLength(PARTITIONS);
    await operator.scaleTo(2);
    await steady(base, 2);
    const answer = await fetch(
      `${cluster!.queriers[0]!.base}/prometheus/api/v1/query?query=count(last_over_time(kept[1h]))`,
      { headers: { 'x-scope-orgid': 'tenant-a' } },
    );
    const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
    expect(data.result[0]?.value[1]).toBe('1');
  });
});
