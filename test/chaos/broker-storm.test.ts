// A storm: the only broker is restarted again and again, in order or by kill -9, while samples are pushed.
// Nothing acknowledged is lost or doubled, and each time pushes are acknowledged and partitions are up to
// date again by themselves. WEIR_STORM_RESTARTS sets how many (issue 5 asks for 20); times are printed.
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { startKafka } from '../providers/kafka.mjs';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { startCluster } from '../support/cluster.ts';
import { push } from '../support/remote-write.ts';

const RESTARTS = Number(process.env.WEIR_STORM_RESTARTS ?? 3);
const DOWN_MAX_MS = 1500;
const CALM_MAX_MS = 1000;
const BACK_WITHIN_MS = 30_000;
/** Characters of each process's log that a failure shows. */
const LOG_TAIL = 12_000;

/** Seconds until `attempt` tells no problem for the first time. */
async function secondsUntil(what: string, attempt: () => Promise<string>): Promise<number> {
  const from = performance.now();
  for (;;) {
    const problem = await attempt();
    if (problem === '') break;
    if (performance.now() - from > BACK_WITHIN_MS) {
      throw new Error(`${what}: not within ${BACK_WITHIN_MS} ms: ${problem}`);
    }
    await sleep(25);
  }
  return (performance.now() - from) / 1000;
}

function summary(name: string, seconds: readonly number[]): string {
  const sorted = [...seconds].sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1]!;
  return `${name}: median ${median.toFixed(2)} s, at most ${sorted.at(-1)!.toFixed(2)} s`;
}

describe('a storm of broker restarts', () => {
  it(
    `of ${RESTARTS} loses nothing`,
    async () => {
      const kafka = await startKafka({ own: true });
      const cluster = await startCluster({
        ...{ brokers: kafka.brokers, partitions: 6, distributors: 1, ingesters: 2, queriers: 1 },
        flags: ['-log.level=warn', '-ingest-storage.kafka.write-timeout=3s'],
      });
      const { base } = cluster.distributors[0]!;
      const prometheus = `${cluster.queriers[0]!.base}/prometheus`;
      const random = seededRandom(20);
      const load = new AcknowledgedLoad({
        bases: [base],
        ...{ series: 10, seed: 20, stepMs: 50, metric: 'storm', tenant: 'test' },
        startMs: Math.floor(Date.now() / 15_000) * 15_000 - 3_000_000,
      });
      let marks = 0;
      const acknowledged = async () => {
        const mark = { labels: { __name__: 'mark' }, samples: [[Date.now(), marks++]] as const };
        const signal = AbortSignal.timeout(5000);
        const { status, body } = await push(base, [mark], { signal, tenant: 'marks' });
        return status === 200 ? '' : `${status} ${body}`;
      };
      /** A strong read waits until all that the log holds is applied. */
      const upToDate = async () => {
        const headers = { 'x-scope-orgid': 'test', 'x-read-consistency': 'strong' };
        const url = `${prometheus}/api/v1/query?query=count(storm)`;
        const answer = await fetch(url, { headers });
        const body = await answer.text();
        return answer.status === 200 ? '' : `${answer.status} ${body}`;
      };
      const [down, acks, lags]: number[][] = [[], [], []];
      try {
        expect(await secondsUntil('a push', acknowledged)).toBeLessThan(BACK_WITHIN_MS);
        load.start(2);
        for (let restart = 0; restart < RESTARTS; restart++) {
          await sleep(random.next() * CALM_MAX_MS);
          const fromMs = performance.now();
          if (restart % 2 === 0) await kafka.kill();
          else await kafka.stopBroker();
          await sleep(random.next() * DOWN_MAX_MS);
          await kafka.startBroker();
          down!.push((performance.now() - fromMs) / 1000);
          const backMs = performance.now();
          const ack = secondsUntil('a push', acknowledged);
          lags!.push(await secondsUntil('a strong read', upToDate));
          acks!.push(await ack);
          if (RESTARTS > 3) {
            const total = ((performance.now() - backMs) / 1000).toFixed(2);
            console.log(`restart ${restart + 1}: ${total} s until all is as before`);
          }
        }
        await load.stop();
        await load.settle();
        const check = () => load.check(prometheus).catch((error) => [String(error)]);
        await expect.poll(check, { timeout: 60_000, interval: 500 }).toEqual([]);
        console.log(
          [
            `broker-storm: ${load.acknowledged.size} steps × 10 series acknowledged, answers`,
            JSON.stringify([...load.statuses]),
            summary('broker away', down!),
            summary('from its start until a push is acknowledged', acks!),
            summary('until lag is 0', lags!),
          ].join('\n  '),
        );
      } catch (error) {
        for (const { output } of cluster.all) console.log(output.slice(-LOG_TAIL));
        throw error;
      } finally {
        await cluster.stop();
        await kafka.stop();
      }
    },
    120_000 + RESTARTS * 30_000,
  );
});
