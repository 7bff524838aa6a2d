// Strong reads over real Kafka: what was acknowledged is in the very next answer, each time; offsets that a
// client names; a time-out that says so; the delay that eventual reads may ask for; freshness.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type WeirCluster } from '../support/cluster.ts';
import { push, type TestSeries } from '../support/remote-write.ts';

const ROUNDS = 200;
const SERIES = 8;

let cluster: WeirCluster;

beforeAll(async () => {
  const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
  if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
  cluster = await startCluster({
    brokers,
    partitions: 6,
    distributors: 1,
    ingesters: 2,
    queriers: 1,
    flags: [
      '-log.level=warn',
      '-ingest-storage.kafka.wait-strong-read-consistency-timeout=3s',
      '-querier.max-concurrent=1',
    ],
  });
}, 120_000);

afterAll(() => cluster?.stop());

interface Answer {
  readonly status: number;
  readonly body: {
    readonly error?: string;
    readonly errorType?: string;
    readonly data?: { readonly result: readonly { readonly value: [number, string] }[] };
  };
}

async function query(headers: Record<string, string>, text: string): Promise<Answer> {
  const base = cluster.queriers[0]!.base;
  const url = `${base}/prometheus/api/v1/query?query=${encodeURIComponent(text)}`;
  const response = await fetch(url, { headers: { 'X-Scope-OrgID': 'test', ...headers } });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

async function pushValue(name: string, value: number): Promise<void> {
  const series: TestSeries[] = Array.from({ length: SERIES }, (_, index) => ({
    labels: { __name__: name, index: String(index) },
    samples: [[Date.now(), value]] as const,
  }));
  expect((await push(cluster.distributors[0]!.base, series)).status).toBe(200);
}

const valuesOf = ({ body }: Answer) => body.data?.result.map(({ value }) => Number(value[1]));

describe('strong reads', () => {
  it('see every acknowledged sample at once', async () => {
    let late = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      await pushValue('strong', round);
      const all = Array.from({ length: SERIES }, () => round);
      const eventual = valuesOf(await query({}, 'strong'));
      if (JSON.stringify(eventual) !== JSON.stringify(all)) late++;
      await pushValue('strong', round + 0.5);
      const strong = await query({ 'X-Read-Consistency': 'strong' }, 'strong');
      expect(strong.status, JSON.stringify(strong.body)).toBe(200);
      expect(valuesOf(strong), `round ${round}`).toEqual(all.map((value) => value + 0.5));
    }
    // Else the pushes were applied so fast that nothing was tested.
    process.stdout.write(`eventual reads that missed their push: ${late} of ${ROUNDS}\n`);
  }, 120_000);

  it('of many clients at once all see their own', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async (_, client) => {
        for (let round = 1; round <= 5; round++) {
          await pushValue(`client_${client}`, round);
          const answer = await query({ 'X-Read-Consistency': 'strong' }, `client_${client}`);
          expect(valuesOf(answer)).toEqual(Array.from({ length: SERIES }, () => round));
        }
      }),
    );
  }, 60_000);

  it('fail in time where an offset is never reached, and hold nobody else up', async () => {
    const offsets = Array.from({ length: 6 }, (_, partition) => `${partition}:-1`);
    const named = (extra: string) => ({
      'X-Read-Consistency': 'strong',
      'X-Read-Consistency-Offsets': `v1=${[...offsets, extra].join()}`,
    });
    expect((await query(named('0:-1'), 'strong')).status).toBe(200);
    const started = performance.now();
    const stuck = [query(named('3:999999999'), 'strong'), query(named('3:999999999'), 'strong')];
    const others = performance.now();
    expect((await query({}, 'strong')).status).toBe(200);
    // One query runs at a time here: those that wait are not among them.
    expect(performance.now() - others).toBeLessThan(1500);
    for (const { status, body } of await Promise.all(stuck)) {
      expect([status, body.errorType]).toEqual([503, 'timeout']);
      expect(body.error).toContain('wait strong read consistency timeout exceeded');
    }
    const waitedMs = performance.now() - started;
    expect(waitedMs).toBeGreaterThan(2900);
    expect(waitedMs).toBeLessThan(6000);
  }, 30_000);

  it('are not needed for a delay that an idle partition keeps', async () => {
    const answer = await query({ 'X-Read-Consistency-Max-Delay': '1ms' }, 'strong');
    expect([200, 503]).toContain(answer.status);
    expect((await query({ 'X-Read-Consistency-Max-Delay': '10s' }, 'strong')).status).toBe(200);
  });

  it('and freshness tell how far partitions are', async () => {
    await pushValue('fresh', 1);
    await query({ 'X-Read-Consistency': 'strong' }, 'fresh');
    const fresh = async () => {
      const response = await fetch(`${cluster.queriers[0]!.base}/api/v1/freshness`, {
        headers: { 'X-Scope-OrgID': 'test' },
      });
      expect(response.status).toBe(200);
      return ((await response.json()) as { data: Record<string, unknown> }).data;
    };
    await expect.poll(fresh, { timeout: 10_000 }).toMatchObject({ lagSeconds: 0, lagRecords: 0 });
    const { partitions, sampleAgeSeconds } = await fresh();
    expect((partitions as unknown[]).length).toBe(6);
    expect(sampleAgeSeconds).toBeLessThan(60);
  });
});
