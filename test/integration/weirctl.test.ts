// weirctl, the built program, on a real cluster over Kafka: what it shows, refuses and changes, while samples are
// pushed and queried.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type WeirCluster } from '../support/cluster.ts';
import { push } from '../support/remote-write.ts';

const PARTITIONS = 6;
const PROGRAM = fileURLToPath(new URL('../../apps/weir/dist/weirctl.js', import.meta.url));
let cluster: WeirCluster;

beforeAll(async () => {
  const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
  if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
  cluster = await startCluster({
    ...{ brokers, partitions: PARTITIONS, distributors: 1, ingesters: 2, queriers: 1 },
    flags: ['-log.level=warn', '-ingester.ring.heartbeat-period=1s'],
  });
}, 120_000);

afterAll(() => cluster?.stop());

interface Run {
  readonly code: number;
  readonly out: string;
}

function weirctl(...args: string[]): Promise<Run> {
  const env = { ...process.env, WEIR_ADDRESS: cluster.distributors[0]!.base };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'partitions', ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out: out + err });
    });
  });
}

interface Listed {
  readonly partitions: readonly {
    readonly id: number;
    readonly state: string;
    readonly owners: readonly { readonly instance: string; readonly own?: { series: number } }[];
  }[];
}

async function list(): Promise<Listed['partitions']> {
  const { code, out } = await weirctl('list', '--json');
  expect(code, out).toBe(0);
  return (JSON.parse(out) as Listed).partitions;
}

const states = async () => (await list()).map(({ state }) => state);
const owners = async () =>
  new Set((await list()).flatMap((one) => one.owners.map(({ instance }) => instance)));

/** Pushes series and reads them back at once, all of them. */
async function pushAndRead(value: number): Promise<void> {
  const series = Array.from({ length: 60 }, (_, index) => ({
    labels: { __name__: 'ctl', index: String(index) },
    samples: [[Date.now(), value]] as const,
  }));
  expect((await push(cluster.distributors[0]!.base, series)).status).toBe(200);
  const url = `${cluster.queriers[0]!.base}/prometheus/api/v1/query?query=count(ctl==${value})`;
  const answer = await fetch(url, {
    headers: { 'X-Scope-OrgID': 'test', 'X-Read-Consistency': 'strong' },
  });
  const body = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  expect(answer.status, JSON.stringify(body)).toBe(200);
  expect(body.data.result[0]?.value[1]).toBe('60');
}

describe('weirctl partitions', () => {
  it('lists what there is, with what owners say', async () => {
    await pushAndRead(1);
    const { code, out } = await weirctl('list');
    expect(code, out).toBe(0);
    expect(out).toContain(
      `${PARTITIONS} partitions (${PARTITIONS} ACTIVE), 2 of 2 ingesters healthy`,
    );
    const series = (await list()).flatMap((one) => one.owners.map(({ own }) => own?.series ?? 0));
    expect(series.reduce((sum, count) => sum + count, 0)).toBe(60);
  });

  it('scales down and up, and refuses where there is a lock', async () => {
    expect((await weirctl('lock', '5')).code).toBe(0);
    const refused = await weirctl('scale', '--to', '2');
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('partition 5 is locked');
    expect(await states()).toEqual(Array(PARTITIONS).fill('ACTIVE'));
    expect((await weirctl('unlock', '5')).code).toBe(0);
    const down = await weirctl('scale', '--to', '2');
    expect(down.code, down.out).toBe(0);
    await expect.poll(states).toEqual(['ACTIVE', 'ACTIVE', ...Array(4).fill('INACTIVE')]);
    await pushAndRead(2);
    const up = await weirctl('scale', '--to', String(PARTITIONS));
    expect(up.code, up.out).toBe(0);
    await expect.poll(states).toEqual(Array(PARTITIONS).fill('ACTIVE'));
    await pushAndRead(3);
  });

  it('drains an ingester, refuses to drain the last one, and takes it back', async () => {
    const drained = await weirctl('drain', 'ingester-0');
    expect(drained.code, drained.out).toBe(0);
    expect(drained.out).toContain('ingester-0 owns nothing any more');
    expect(await owners()).toEqual(new Set(['ingester-1']));
    expect(await states()).toEqual(Array(PARTITIONS).fill('ACTIVE'));
    await pushAndRead(4);
    const last = await weirctl('drain', 'ingester-1');
    expect(last.code).toBe(1);
    expect(last.out).toContain('start another ingester first');
    expect((await weirctl('drain', 'ingester-0', '--undo')).code).toBe(0);
    await expect
      .poll(owners, { timeout: 60_000, interval: 500 })
      .toEqual(new Set(['ingester-0', 'ingester-1']));
    await expect
      .poll(() => pushAndRead(5).then(() => 'read', String), { timeout: 30_000 })
      .toBe('read');
  });
});
