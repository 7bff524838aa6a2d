// kill -9 of any one process of a cluster at random moments under load, and a broker restart, on real
// Kafka. Every acknowledged sample must be readable exactly once after each. WEIR_KAFKA_KILLS sets how
// often (20 for the closing run of a release).
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { startCluster, type WeirCluster } from '../support/cluster.ts';

const KILLS = Number(process.env.WEIR_KAFKA_KILLS ?? 4);
const HOUR_MS = 3_600_000;

function brokers(): string {
  const address = process.env.WEIR_TEST_KAFKA_BROKERS;
  if (!address) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
  return address;
}

/** Reads until the answer is right: an owner that was just killed may still be replaced. */
async function checkUntilRight(load: AcknowledgedLoad, base: string): Promise<void> {
  const until = performance.now() + 60_000;
  for (;;) {
    let problems: string[];
    try {
      problems = await load.check(`${base}/prometheus`);
    } catch (error) {
      problems = [String(error)];
    }
    if (problems.length === 0) return;
    if (performance.now() > until) expect(problems).toEqual([]);
    await sleep(250);
  }
}

describe('kill -9 of any process on Kafka', () => {
  it(
    `loses and doubles nothing over ${KILLS} kills, and nothing when an ingester's disk is lost`,
    async () => {
      const seed = Number(process.env.WEIR_SEED ?? Math.floor(Math.random() * 2 ** 31));
      console.log(`kill-kafka: seed ${seed}`);
      const random = seededRandom(seed);
      const cluster: WeirCluster = await startCluster({
        brokers: brokers(),
        partitions: 8,
        distributors: 2,
        ingesters: 2,
        queriers: 1,
        flags: [
          '-log.level=warn',
          '-blocks-storage.tsdb.ship-interval=500ms',
          '-blocks-storage.tsdb.head-compaction-interval=500ms',
        ],
      });
      const load = new AcknowledgedLoad({
        bases: cluster.distributors.map(({ base }) => base),
        series: 60,
        seed,
        startMs: Math.floor((Date.now() - (11 + 3 * KILLS) * HOUR_MS) / 15_000) * 15_000,
        stepMs: 15_000,
        metric: 'chaos_kafka',
        tenant: 'test',
      });
      try {
        for (let kill = 0; kill < KILLS; kill++) {
          load.start();
          await sleep(200 + random.next() * 1500);
          const victim = cluster.all[Math.floor(random.next() * cluster.all.length)]!;
          await victim.kill();
          await sleep(random.next() * 500);
          await victim.start(60_000);
          await load.stop();
          await load.settle();
          await checkUntilRight(load, cluster.queriers[0]!.base);
        }
        const lost = cluster.ingesters[0]!;
        await lost.stop();
        await rm(join(cluster.directory, 'ingester-0', 'tsdb'), { recursive: true });
        await lost.start(60_000);
        await checkUntilRight(load, cluster.queriers[0]!.base);
        console.log(
          `kill-kafka: ${load.acknowledged.size} steps × 60 series acknowledged, answers ` +
            JSON.stringify([...load.statuses]),
        );
        expect(load.acknowledged.size).toBeGreaterThan(KILLS);
      } finally {
        await cluster.stop();
      }
    },
    180_000 + KILLS * 30_000,
  );
});
