// SIGTERM of each process of a cluster under load: it ends with code 0 in time, answers the push that it
// is receiving, and costs no acknowledged sample; a stopped ingester's partitions are read elsewhere.
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { startCluster } from '../support/cluster.ts';
import { encodeWriteRequest } from '../support/remote-write.ts';

const STOP_WITHIN_MS = 30_000;
const READ_WITHIN_MS = 20_000;

/** Another tenant's: a sample of now would make the load's too old. Sends half of a push; finish() sends the rest and resolves with the status. */
function halfPush(base: string) {
  const body = compressSync(
    encodeWriteRequest([{ labels: { __name__: 'half' }, samples: [[Date.now(), 1]] }]),
  );
  const sent = request(`${base}/api/v1/push`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'content-length': body.length,
      'x-scope-orgid': 'half',
    },
  });
  const status = new Promise<number>((resolve, reject) => {
    sent.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.once('error', reject);
  });
  status.catch(() => undefined);
  sent.write(body.subarray(0, body.length >> 1));
  return {
    finish(): Promise<number> {
      sent.end(body.subarray(body.length >> 1));
      return status;
    },
  };
}

describe('SIGTERM', () => {
  it('of every process in turn, under load', async () => {
    const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
    if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
    const cluster = await startCluster({
      brokers,
      partitions: 8,
      distributors: 2,
      ingesters: 2,
      queriers: 1,
      flags: ['-log.level=warn'],
    });
    const querier = cluster.queriers[0]!;
    const load = new AcknowledgedLoad({
      bases: cluster.distributors.map(({ base }) => base),
      series: 40,
      seed: 3,
      startMs: Math.floor((Date.now() - 20 * 3_600_000) / 15_000) * 15_000,
      stepMs: 10_000, // 7,200 steps until now: more than are sent here
      metric: 'graceful',
      tenant: 'test',
    });
    const readsRight = () =>
      expect
        .poll(() => load.check(`${querier.base}/prometheus`).catch((error) => [String(error)]), {
          timeout: READ_WITHIN_MS,
          interval: 200,
        })
        .toEqual([]);
    try {
      for (const node of cluster.all) {
        load.start();
        await sleep(700);
        const isDistributor = cluster.distributors.includes(node);
        const half = isDistributor ? halfPush(node.base) : undefined;
        await sleep(100);
        const fromMs = performance.now();
        const stopped = node.stop();
        await sleep(100);
        if (half) expect(await half.finish(), 'the push under way').toBe(200);
        expect(await stopped, node.output).toBe(0);
        expect(performance.now() - fromMs).toBeLessThan(STOP_WITHIN_MS);
        // The others serve while it is away.
        if (node !== querier && !isDistributor) {
          await load.stop();
          await load.settle();
          await readsRight();
        }
        await node.start(60_000);
        await load.stop();
        await load.settle();
        await readsRight();
      }
      expect(load.acknowledged.size).toBeGreaterThan(20);
    } finally {
      await cluster.stop();
    }
  });
});
