// kill -9 of the whole process at random moments under load, on the embedded log. After each restart
// every acknowledged sample must be readable exactly once. WEIR_KILLS sets how often (100 for the
// closing run of a release).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const KILLS = Number(process.env.WEIR_KILLS ?? 8);
const HOUR_MS = 3_600_000;
const STEP_MS = 15_000;
/** More than are ever sent between two kills. */
const STEPS_A_KILL_MAX = 300;

describe('kill -9 on the embedded log', () => {
  it(
    `loses and doubles nothing over ${KILLS} kills, and nothing when the head's disk is lost`,
    async () => {
      const seed = Number(process.env.WEIR_SEED ?? Math.floor(Math.random() * 2 ** 31));
      console.log(`kill-embedded: seed ${seed}`);
      const random = seededRandom(seed);
      const directory = await mkdtemp(join(tmpdir(), 'weir-kill-'));
      const weir = new WeirProcess({
        port: await freePort(),
        flags: [
          '-target=all',
          `-data-dir=${directory}`,
          '-log.level=warn',
          '-blocks-storage.tsdb.ship-interval=300ms',
          '-blocks-storage.tsdb.head-compaction-interval=300ms',
        ],
      });
      const load = new AcknowledgedLoad({
        bases: [weir.base],
        series: 60,
        seed,
        // Far enough back that the load never runs into the future.
        startMs: Math.floor((Date.now() - HOUR_MS) / STEP_MS - KILLS * STEPS_A_KILL_MAX) * STEP_MS,
        stepMs: STEP_MS,
        metric: 'chaos_embedded',
        tenant: 'test',
      });
      const restartMs: number[] = [];
      await weir.start();
      for (let kill = 0; kill < KILLS; kill++) {
        load.start();
        await sleep(50 + random.next() * 700);
        await weir.kill();
        await load.stop();
        const from = performance.now();
        await weir.start();
        restartMs.push(performance.now() - from);
        expect(await load.check(`${weir.base}/prometheus`), `after kill ${kill}`).toEqual([]);
        await load.settle();
      }
      restartMs.sort((a, b) => a - b);
      console.log(
        `kill-embedded: ${load.acknowledged.size} steps × 60 series acknowledged, restart median ` +
          `${restartMs[restartMs.length >> 1]?.toFixed(0)} ms, max ${restartMs.at(-1)?.toFixed(0)} ms, ` +
          `answers ${JSON.stringify([...load.statuses])}`,
      );
      expect(load.acknowledged.size).toBeGreaterThan(KILLS);

      await weir.stop();
      await rm(join(directory, 'tsdb'), { recursive: true });
      await weir.start();
      expect(await load.check(`${weir.base}/prometheus`), 'after the disk was lost').toEqual([]);
      await weir.stop();
      await rm(directory, { recursive: true });
    },
    120_000 + KILLS * 6_000,
  );
});
