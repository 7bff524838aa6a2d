// Partitions that move back and forth between ingesters, with blocks shipped in between: every answer is
// either whole or an error, at any moment, though each ingester keeps its old local store, and the
// querier's list of blocks is older than the newest block.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startCluster } from '../support/cluster.ts';
import { rawSamples } from '../support/prometheus-api.ts';
import { push, type TestSeries } from '../support/remote-write.ts';

const SERIES = 40;
const STEP_MS = 15_000;
const WHOLE_WITHIN_MS = 30_000;

describe('partitions that move', () => {
  it('are answered whole or not at all', async () => {
    const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
    if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
    const cluster = await startCluster({
      brokers,
      partitions: 8,
      distributors: 1,
      ingesters: 2,
      queriers: 1,
      flags: ['-log.level=warn'],
    });
    const distributor = cluster.distributors[0]!;
    const base = `${cluster.queriers[0]!.base}/prometheus`;
    const startMs = Math.floor(Date.now() / 60_000) * 60_000 - 1_200_000;
    let steps = 0;
    const pushStep = async () => {
      const t = startMs + steps++ * STEP_MS;
      const series: TestSeries[] = Array.from({ length: SERIES }, (_, index) => ({
        labels: { __name__: 'moving', index: String(index) },
        samples: [[t, index]] as const,
      }));
      expect((await push(distributor.base, series)).status).toBe(200);
    };
    const counts = async () => {
      const read = await rawSamples(base, 'moving', '1h', startMs + 1_800_000);
      return read.map(({ values }) => values.length);
    };
    /** Errors are fine for a while; an answer with less than was applied before never is. */
    const wholeAgain = async (what: string) => {
      const until = performance.now() + WHOLE_WITHIN_MS;
      const whole = Array.from({ length: SERIES }, () => steps);
      let failure: unknown;
      while (performance.now() < until) {
        try {
          expect(await counts(), `${what}: ${failure}`).toEqual(whole);
          return;
        } catch (error) {
          if (error instanceof Error && error.name === 'AssertionError') throw error;
          failure = error;
        }
        await sleep(50);
      }
      throw new Error(`${what}: no answer, last ${failure}`);
    };
    const applied = () =>
      expect
        .poll(() => counts().catch(String), { timeout: WHOLE_WITHIN_MS, interval: 100 })
        .toEqual(Array.from({ length: SERIES }, () => steps));
    const flush = (node: { readonly base: string }) =>
      fetch(`${node.base}/ingester/flush?wait=true`, { method: 'POST' }).then(({ status }) =>
        expect(status).toBe(204),
      );
    try {
      for (let round = 0; round < 3; round++) {
        const leaver = cluster.ingesters[round % 2]!;
        await pushStep();
        await pushStep();
        await applied();
        await flush(leaver);
        await pushStep();
        await applied();
        expect(await leaver.stop()).toBe(0);
        await wholeAgain(`round ${round}, one left`);
        await pushStep();
        await applied();
        await Promise.all(cluster.ingesters.filter((node) => node !== leaver).map(flush));
        await leaver.start(60_000);
        await wholeAgain(`round ${round}, it came back`);
      }
    } finally {
      await cluster.stop();
    }
  });
});
