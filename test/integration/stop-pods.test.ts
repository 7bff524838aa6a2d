// How an ingester goes, on a real broker: for a moment, when nothing moves; killed while it drains, when it comes
// back draining; shut down over HTTP, when the process stays and others have its partitions.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCluster, type WeirCluster } from '../support/cluster.ts';
import type { WeirProcess } from '../support/weir-process.ts';

const PARTITIONS = 4;
const MINUTE_MS = 60_000;

interface Shown {
  readonly id: number;
  readonly state_name: string;
  readonly owners: readonly { readonly instance: string; readonly serving: boolean }[];
}

let cluster: WeirCluster;
let pods: readonly WeirProcess[];

beforeAll(async () => {
  const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
  if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
  cluster = await startCluster({
    ...{ brokers, partitions: PARTITIONS, distributors: 1, ingesters: 2, queriers: 0 },
    flags: ['-log.level=info'],
  });
  pods = cluster.ingesters;
});
afterAll(() => cluster?.stop());

async function shown(): Promise<readonly Shown[]> {
  const answer = await fetch(`${cluster.distributors[0]!.base}/ingester/partition-ring`, {
    headers: { accept: 'application/json' },
  });
  return ((await answer.json()) as { partitions: Shown[] }).partitions;
}

/** Serving owners and how many partitions each has, all of them ACTIVE. */
async function counts(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { state_name, owners } of await shown()) {
    for (const { instance, serving } of owners) {
      if (serving && state_name === 'ACTIVE') found[instance] = (found[instance] ?? 0) + 1;
    }
  }
  return found;
}

const ownedBy = (expected: Record<string, number>) =>
  expect.poll(counts, { timeout: MINUTE_MS, interval: 100 }).toEqual(expected);

async function ask(pod: WeirProcess, method: string, path: string, body?: string) {
  const init = { method, ...(body === undefined ? {} : { body }) };
  const answer = await fetch(`${pod.base}/ingester/${path}`, init);
  return `${answer.status} ${await answer.text()}`;
}

it('that is to come back keeps its partitions', async () => {
  await ownedBy({ 'ingester-0': 2, 'ingester-1': 2 });
  const pod = pods[1]!;
  const before = (await shown()).map(({ owners }) => owners[0]?.instance);
  const body = '{"unregister":false}';
  expect(await ask(pod, 'PUT', 'unregister-on-shutdown', body)).toBe(`200 ${body}`);
  expect(await pod.stop()).toBe(0);
  const seen = new Set<string>();
  for (let turn = 0; turn < 20; turn++) {
    seen.add(String((await shown()).map(({ owners }) => owners[0]?.instance)));
    await sleep(100);
  }
  await pod.start(MINUTE_MS);
  await ownedBy({ 'ingester-0': 2, 'ingester-1': 2 });
  seen.add(String((await shown()).map(({ owners }) => owners[0]?.instance)));
  expect([...seen]).toEqual([String(before)]);
});

it('that drains and is killed comes back draining, until that is taken back', async () => {
  const pod = pods[1]!;
  expect(await ask(pod, 'POST', 'prepare-partition-downscale')).toMatch(/^200 .*:[1-9]/);
  await ownedBy({ 'ingester-0': 4 });
  await pod.kill();
  await pod.start(MINUTE_MS);
  expect(await ask(pod, 'GET', 'prepare-partition-downscale')).toMatch(/^200 .*:[1-9]/);
  expect(await counts()).toEqual({ 'ingester-0': 4 });
  expect(await ask(pod, 'DELETE', 'prepare-partition-downscale')).toBe('200 {"timestamp":0}');
  await ownedBy({ 'ingester-0': 2, 'ingester-1': 2 });
});

it('that is shut down over HTTP hands over, and its process stays', async () => {
  const pod = pods[1]!;
  expect(await ask(pod, 'POST', 'shutdown')).toBe('204 ');
  await ownedBy({ 'ingester-0': 4 });
  const ready = await fetch(`${pod.base}/ready`);
  expect([ready.status, await ready.text()]).toEqual([
    ...[503, 'Some services are not Running:\nTerminated: 1\n'],
  ]);
  expect(await ask(pod, 'GET', 'prepare-shutdown')).toBe('503 ');
  expect(await pod.stop()).toBe(0);
  await pod.start(MINUTE_MS);
  await ownedBy({ 'ingester-0': 2, 'ingester-1': 2 });
});
