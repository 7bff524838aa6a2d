// What a tenant is told about itself, in one process and in separate ones: limits that are met after the
// answer to a push, what they refused, active series and cardinality; through a kill, and beside a tenant
// that keeps within its limits.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster } from '../support/cluster.ts';
import { rawSamples } from '../support/prometheus-api.ts';
import { push, type TestSeries } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const PARTITIONS = 3;
const SERIES_MAX = 30;
const PUSHED = 150;
const FLAGS = [
  '-log.level=error',
  `-ingester.max-global-series-per-user=${SERIES_MAX}`,
  '-querier.cardinality-analysis-enabled=true',
  '-ingester.active-series-custom-trackers=even:{parity="0"};none:absent',
];
const patience = { timeout: 30_000 };

/** What the endpoints asked here answer, all together. */
interface Answer {
  readonly data: {
    readonly reasons: readonly {
      readonly reason: string;
      readonly message: string;
      readonly count: number;
      readonly partitions: readonly unknown[];
    }[];
    readonly entries: readonly { readonly series: string }[];
    readonly length: number;
  };
  readonly cardinality: unknown;
}

interface Deployment {
  readonly write: string;
  readonly read: string;
  readonly ingester: WeirProcess;
  stop(): Promise<void>;
}

async function onePlace(): Promise<Deployment> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-tenants-'));
  const ingester = new WeirProcess({
    port: await freePort(),
    flags: [`-data-dir=${directory}`, `-embedded-log.partitions=${PARTITIONS}`, ...FLAGS],
  });
  await ingester.start();
  return {
    ...{ write: ingester.base, read: ingester.base, ingester },
    async stop() {
      await ingester.stop();
      await rm(directory, { recursive: true });
    },
  };
}

async function separate(): Promise<Deployment> {
  const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
  if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
  const cluster = await startCluster({
    ...{ brokers, partitions: PARTITIONS, distributors: 1, ingesters: 1, queriers: 1 },
    flags: FLAGS,
  });
  const [write, ingester, read] = [cluster.distributors, cluster.ingesters, cluster.queriers];
  return {
    ...{ write: write[0]!.base, read: read[0]!.base, ingester: ingester[0]! },
    stop: () => cluster.stop(),
  };
}

function series(count: number, t: number): TestSeries[] {
  return Array.from({ length: count }, (_, at) => ({
    labels: { __name__: 'many', parity: String(at % 2), at: String(at) },
    samples: [[t, at]],
  }));
}

describe.each([
  ['one process', onePlace],
  ['separate processes', separate],
] as const)('a tenant over its limit, in %s', (_name, start) => {
  const t = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  let place: Deployment;
  const get = async (path: string, tenant = 'over') => {
    const answer = await fetch(place.read + path, { headers: { 'x-scope-orgid': tenant } });
    return (await answer.json()) as Answer;
  };
  const metrics = async () => (await fetch(`${place.ingester.base}/metrics`)).text();

  beforeAll(async () => {
    place = await start();
    const pushed = await Promise.all([
      push(place.write, series(PUSHED, t), { tenant: 'over' }),
      push(place.write, series(5, t), { tenant: 'within' }),
    ]);
    expect(pushed.map(({ status }) => status)).toEqual([200, 200]);
  }, 120_000);
  afterAll(() => place?.stop());

  const refused = async () => (await get('/api/v1/discarded?limit=0')).data;

  it('gets as many series as it may have, and is told what was refused', async () => {
    const count = async () => (await refused()).reasons[0]?.count;
    await expect.poll(count, patience).toBe(PUSHED - SERIES_MAX);
    const { reasons, entries } = await refused();
    expect(reasons).toHaveLength(1);
    expect(reasons[0]!.reason).toBe('per_user_series_limit');
    expect(reasons[0]!.message).toContain(`per-user series limit of ${SERIES_MAX} exceeded`);
    expect(reasons[0]!.partitions).toHaveLength(PARTITIONS);
    expect(entries).toHaveLength(PUSHED - SERIES_MAX);
    expect(entries[0]).toMatchObject({ count: 1, sampleTime: t / 1000 });
    expect(entries[0]!.series).toMatch(/^many\{at="\d+", parity="[01]"\}$/);
    const kept = await rawSamples(`${place.read}/prometheus`, 'many', '1h', Date.now(), 'over');
    expect(kept).toHaveLength(SERIES_MAX);
  });

  it('leaves others alone', async () => {
    expect((await get('/api/v1/discarded', 'within')).data).toEqual({ reasons: [], entries: [] });
    const kept = await rawSamples(`${place.read}/prometheus`, 'many', '1h', Date.now(), 'within');
    expect(kept).toHaveLength(5);
  });

  it('can count its series', async () => {
    const cardinality = '/prometheus/api/v1/cardinality';
    const names = await get(`${cardinality}/label_names`);
    expect(names.cardinality).toEqual([
      { label_name: 'at', label_values_count: SERIES_MAX },
      { label_name: 'parity', label_values_count: 2 },
      { label_name: '__name__', label_values_count: 1 },
    ]);
    const active = await get(
      `${cardinality}/label_values?label_names[]=__name__&count_method=active`,
    );
    expect(active).toEqual({
      series_count_total: SERIES_MAX,
      labels: [
        {
          ...{ label_name: '__name__', label_values_count: 1, series_count: SERIES_MAX },
          cardinality: [{ label_value: 'many', series_count: SERIES_MAX }],
        },
      ],
    });
    const even = await get(`${cardinality}/active_series?selector={parity="0"}`);
    const text = await metrics();
    expect(text).toContain(`cortex_ingester_active_series{user="over"} ${SERIES_MAX}\n`);
    expect(text).toContain('cortex_ingester_active_series{user="within"} 5\n');
    const tracked = 'cortex_ingester_active_series_custom_tracker{user="over",name=';
    expect(text).toContain(`${tracked}"even"} ${even.data.length}\n`);
    expect(text).toContain(`${tracked}"none"} 0\n`);
    const total = 'cortex_ingester_memory_series_created_total{user="over"}';
    expect(text).toContain(`${total} ${SERIES_MAX}\n`);
    const discards = 'cortex_discarded_samples_total{user="over",group="",';
    expect(text).toContain(`${discards}reason="per_user_series_limit"} ${PUSHED - SERIES_MAX}\n`);
  });

  it('is told the same after the ingester was killed', async () => {
    const before = await refused();
    await place.ingester.kill();
    await place.ingester.start(60_000);
    await expect
      .poll(async () => (await refused())?.reasons[0]?.count, patience)
      .toBe(PUSHED - SERIES_MAX);
    expect(await refused()).toEqual(before);
    expect(await metrics()).toContain(`cortex_ingester_active_series{user="over"} ${SERIES_MAX}\n`);
  });
});
