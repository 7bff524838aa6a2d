// What a store holds after any moment of a busy life: records, checkpoints in all stages, cuts and drops
// in steps, all interleaved. A head opened on a copy of the store and given the rest of the log must
// answer as the one that never stopped. Seed 100 once found a page's two rows of two positions.
import { SampleColumns } from '@weir/model';
import { seededRandom } from '@weir/runtime';
import { decodeXorChunk } from '@weir/tsdb/chunk';
import { describe, expect, it } from 'vitest';
import type { HeadRecord, PartitionHead, ShippedWindow } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, series, writeRequest } from './records/record-fixture.ts';

const SERIES = 1500;
const PER_RECORD = 100;
const METRICS = 25;
const STEP_MS = 15_000;
const ROUNDS = 4;
const TENANT = 'one';

/** Samples by series. */
async function counts(head: PartitionHead): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  const columns = new SampleColumns();
  for await (const batch of head.select({ tenant: TENANT, matchers: [], minT: 0, maxT: 1e12 })) {
    for (const { labels, chunks } of batch) {
      columns.clear();
      for (const { bytes } of chunks) decodeXorChunk(bytes, columns, -Infinity, Infinity);
      found[Buffer.from(labels).toString('latin1')] = columns.count;
    }
  }
  return found;
}

async function live(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random.next() * limit);
  const store = createMemoryHeadStore();
  const head = await openPartitionHead({ partition: 0 }, { store });
  const records: HeadRecord[] = [];
  const shipped: ShippedWindow[] = [];
  let checkpoint: Promise<void> = Promise.resolve();
  let step = 1;
  let first = 0;

  /** Applies a record, after some turns in which a checkpoint may go on. */
  async function apply(): Promise<void> {
    for (let turns = below(6); turns > 0; turns--) await null;
    await head.room();
    const scraped = Array.from({ length: PER_RECORD }, (_, at) => {
      const labels = { __name__: `m${(first + at) % METRICS}`, i: String(first + at) };
      return series(labels, [step * STEP_MS, step]);
    });
    records.push(record(records.length, writeRequest(...scraped), TENANT));
    head.apply(records.slice(-1), records.length);
    first += PER_RECORD;
    if (first < SERIES) return;
    first = 0;
    step++;
  }

  async function maybeCheckpoint(oneIn: number): Promise<void> {
    if (below(oneIn) > 0) return;
    checkpoint = head.checkpoint();
    if (below(2) === 0) await checkpoint;
  }

  async function cutAndDrop(): Promise<void> {
    for (const _ of head.prepareCut(true)) await apply();
    const due = head.cutDue(true);
    // Without samples behind the cut, all series leave the head and come again while they do.
    const isQuiet = below(3) > 0;
    for (const window of due) {
      for await (const _ of head.cut(window).series()) if (!isQuiet) await apply();
    }
    for (const window of due) {
      shipped.push({ ...window, throughOffset: window.lastOffset });
      for (const _ of head.dropSteps(window)) {
        if (below(2) === 0) await apply();
        await maybeCheckpoint(3);
      }
    }
  }

  for (let round = 0; round < ROUNDS; round++) {
    for (let left = 100 + below(100); left > 0; left--) {
      await apply();
      await maybeCheckpoint(40);
    }
    await cutAndDrop();
    for (let left = 10 + below(60); left > 0; left--) await apply();
    const again = await openPartitionHead({ partition: 0 }, { store: store.copy() });
    again.markShipped(shipped);
    for (const window of shipped) {
      again.drop({ ...window, firstOffset: 0, lastOffset: window.throughOffset });
    }
    again.apply(records.slice(again.position), records.length);
    expect(await counts(again), `seed ${seed}, round ${round}`).toEqual(await counts(head));
    await again.close();
  }
  await checkpoint;
  await head.close();
}

describe('a head under checkpoints, cuts and drops at once', () => {
  it.each([1, 2, 3, 100])('is restored from wherever it is (seed %i)', live, 30_000);
});
