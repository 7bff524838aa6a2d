// Partitions of made-up series, so that a process can rehearse queries before the first real one: V8 compiles what
// has run for a while, and a dashboard's first queries would take several times as long as its hundredth. They are
// opened, written, cut and read as any partition is, one in each thread of partitions; no log has their records.
import { rm } from 'node:fs/promises';
import type { Owner } from '@weir/query';
import type { ApplyRecord, PartitionHost, PartitionWorkers } from '../workers/partition-host.ts';
import { madeUpSamples, madeUpSeries } from './made-up-series.ts';
import { encodeWriteRequest } from './write-request.ts';

/** No user's: the API refuses the colon. */
const TENANT = 'weir:rehearsal';
/** Numbers from here on are no partitions of a log. */
const FIRST_PARTITION = 2 ** 30;
/** Where a window of blocks begins; a block lies before it, a head behind it. */
const BOUNDARY_MS = 1_767_225_600_000;
const STEP_MS = 15_000;
const BLOCK_STEPS = 60;
const HEAD_STEPS = 100;

export interface Rehearsal {
  readonly tenant: string;
  /** Of the oldest samples, which are in blocks, and of the newest, in heads. */
  readonly oldestMs: number;
  readonly newestMs: number;
  readonly owners: readonly Owner[];
  /** Fills the partitions, step by step. */
  fill(): AsyncGenerator<void>;
  /** Leaves nothing behind, however far fill() has come; it must not be in the middle of a step. */
  end(): Promise<void>;
}

/** `dir` is a folder that nothing else uses; what a process left there that was killed is removed. */
export function createRehearsal(workers: PartitionWorkers, dir: string): Rehearsal {
  const partitions = workers.pinned(FIRST_PARTITION);
  const remove = () => rm(dir, { recursive: true, force: true });
  return {
    tenant: TENANT,
    oldestMs: BOUNDARY_MS - BLOCK_STEPS * STEP_MS,
    newestMs: BOUNDARY_MS + (HEAD_STEPS - 1) * STEP_MS,
    owners: partitions.map((partition) => ({
      port: workers.hostOf(partition),
      partitions: [partition],
      thread: workers.threadOf(partition),
    })),
    async *fill() {
      await remove();
      for (const partition of partitions) {
        yield* fillPartition(workers.hostOf(partition), partition, dir);
      }
    },
    async end() {
      const closed = await Promise.allSettled(
        partitions.map(async (partition) =>
          workers.hostOf(partition).close({ partition, checkpoint: false }),
        ),
      );
      await remove();
      for (const one of closed) if (one.status === 'rejected') throw one.reason;
    },
  };
}

async function* fillPartition(
  host: PartitionHost,
  partition: number,
  dir: string,
): AsyncGenerator<void> {
  await host.open({ partition, dir, topicId: 'rehearsal' });
  await host.start({ partition, position: 0, shipped: [] });
  const series = madeUpSeries(partition);
  for (let step = 0; step < BLOCK_STEPS + HEAD_STEPS; step++) {
    if (step === BLOCK_STEPS) {
      const cut = await host.cut({ partition, all: true, tenants: [] });
      await host.drop({ partition, windows: cut.map(({ window }) => window) });
    }
    const t = BOUNDARY_MS + (step - BLOCK_STEPS) * STEP_MS;
    const value = encodeWriteRequest(madeUpSamples(series, t, step));
    const record: ApplyRecord = { offset: step, timestampMs: t, tenant: TENANT, value, version: 1 };
    const batch = { partition, fromOffset: step, nextOffset: step + 1 };
    await host.apply({ ...batch, records: [record], settings: [] });
    yield;
  }
}
