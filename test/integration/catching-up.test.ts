// An ingester that starts far behind, with many partitions: the memory it takes is bounded by settings, and
// not by what waits in the log. What is pushed again and again is the same samples, refused as out of order, so
// that the head stays small and all that grows is the backlog.
import { setTimeout as sleep } from 'node:timers/promises';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { startCluster } from '../support/cluster.ts';
import { MemoryWatch } from '../support/memory-watch.ts';
import { encodeWriteRequest, type TestSeries } from '../support/remote-write.ts';

const PARTITIONS = 24;
const BACKLOG_BYTES = 240 << 20;
const SAMPLES = 600;
const SERIES = 240;

describe('an ingester far behind', () => {
  it('catches up within its memory, and says how far it is', async () => {
    const brokers = process.env.WEIR_TEST_KAFKA_BROKERS;
    if (!brokers) throw new Error('WEIR_TEST_KAFKA_BROKERS is not set: run npm test');
    const cluster = await startCluster({
      ...{ brokers, partitions: PARTITIONS, distributors: 1, ingesters: 1, queriers: 0 },
      flags: [
        '-log.level=warn',
        `-ingester.consume-bytes-max=${8 << 20}`,
        `-ingest-storage.kafka.max-buffered-bytes=${8 << 20}`,
        '-ingester.out-of-order-time-window=0s',
      ],
    });
    const [ingester] = cluster.ingesters;
    const [distributor] = cluster.distributors;
    if (ingester === undefined || distributor === undefined) throw new Error('no cluster');
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    // Values that don't compress, so that bytes in the log are bytes in memory.
    const series: TestSeries[] = Array.from({ length: SERIES }, (_, index) => ({
      labels: { __name__: 'backlog', index: String(index) },
      samples: Array.from(
        { length: SAMPLES },
        (_, at) => [nowMs - (SAMPLES - at) * 1000, Math.sin(index * SAMPLES + at)] as const,
      ),
    }));
    const body = compressSync(Buffer.from(encodeWriteRequest(series)));
    const pushed = async () => {
      const answer = await fetch(`${distributor.base}/api/v1/push`, {
        ...{ method: 'POST', body },
        headers: {
          ...{ 'X-Scope-OrgID': 'test', 'Content-Encoding': 'snappy' },
          'Content-Type': 'application/x-protobuf',
        },
      });
      expect(answer.status).toBe(200);
      return SERIES * SAMPLES * 19;
    };
    try {
      await pushed();
      const memory = new MemoryWatch(() => ingester.pid, 50);
      await sleep(2000);
      memory.start();
      await sleep(1000);
      const idleMiB = memory.lastMiB;
      await ingester.stop();
      memory.stop();
      for (let bytes = 0; bytes < BACKLOG_BYTES; ) bytes += await pushed();
      const starting = new MemoryWatch(() => ingester.pid, 50);
      ingester.spawn();
      starting.start();
      const startedMs = performance.now();
      let metrics = '';
      const lag = () => Number(/partition_lag_records\{partition="0"\} (\d+)/.exec(metrics)?.[1]);
      let seenLag = 0;
      for (;;) {
        const ready = await fetch(`${ingester.base}/ready`).catch(() => undefined);
        metrics = await fetch(`${ingester.base}/metrics`)
          .then((answer) => answer.text())
          .catch(() => '');
        seenLag = Math.max(seenLag, lag() || 0);
        if (ready?.status === 200) break;
        expect(performance.now() - startedMs).toBeLessThan(120_000);
        await sleep(50);
      }
      const seconds = (performance.now() - startedMs) / 1000;
      starting.stop();
      const peakMiB = starting.peakMiB;
      process.stdout.write(
        `catching up with ${BACKLOG_BYTES >> 20} MiB in ${seconds.toFixed(1)} s: idle ${idleMiB.toFixed(0)} MiB, peak ${peakMiB.toFixed(0)} MiB\n${starting.plot()}\n`,
      );
      expect(seenLag).toBeGreaterThan(0);
      expect(lag()).toBe(0);
      // Twice 8 MiB, the client's own 16, and what waits for the collectors of three threads.
      expect(peakMiB).toBeLessThan(idleMiB + 200);
    } finally {
      await cluster.stop();
    }
  }, 300_000);
});
