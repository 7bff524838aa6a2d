// A Kafka broker that goes away under load: pushes answer 5xx meanwhile and succeed after, and no
// acknowledged sample is lost. The broker is this test's own, so that it may be killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startKafka } from '../providers/kafka.mjs';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { startCluster } from '../support/cluster.ts';
import { push } from '../support/remote-write.ts';

describe('a broker restart', () => {
  it('costs no acknowledged sample, and pushes say so meanwhile', async () => {
    const kafka = await startKafka({ own: true });
    const cluster = await startCluster({
      brokers: kafka.brokers,
      partitions: 4,
      distributors: 1,
      ingesters: 1,
      queriers: 1,
      flags: ['-log.level=error', '-ingest-storage.kafka.write-timeout=3s'],
    });
    const [distributor] = cluster.distributors;
    const [querier] = cluster.queriers;
    try {
      const load = new AcknowledgedLoad({
        bases: [distributor!.base],
        series: 40,
        seed: 1,
        startMs: Math.floor((Date.now() - 3_600_000) / 15_000) * 15_000,
        stepMs: 1_000,
        metric: 'broker_restart',
        tenant: 'test',
      });
      load.start();
      await sleep(1_500);
      await load.stop();
      await kafka.kill();
      const refused = await push(distributor!.base, [
        { labels: { __name__: 'while_down' }, samples: [[Date.now(), 1]] },
      ]);
      expect(refused.status).toBeGreaterThanOrEqual(500);
      expect(refused.body).not.toBe('');
      load.start();
      await sleep(4_000);
      await kafka.startBroker();
      await sleep(1_000);
      await load.stop();
      await load.settle(60_000);
      const until = performance.now() + 60_000;
      let problems = ['not read yet'];
      while (problems.length > 0 && performance.now() < until) {
        problems = await load
          .check(`${querier!.base}/prometheus`)
          .catch((error) => [String(error)]);
        if (problems.length > 0) await sleep(500);
      }
      expect(problems).toEqual([]);
      expect([...load.statuses.keys()].some((status) => status >= 500)).toBe(true);
    } finally {
      await cluster.stop();
      await kafka.stop();
    }
  });
});
