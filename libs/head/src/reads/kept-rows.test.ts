// Kept rows are what the store has, however far it went meanwhile; and what is known is not read again.
import { SampleColumns } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeadStore, PartitionHead } from '../head.ts';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { record, series, writeRequest } from '../records/record-fixture.ts';
import { chunkEntrySize, writeChunkEntry } from '../store/rows.ts';
import { KeptPage, KeptRows, type ReadRow } from './kept-rows.ts';

const STEP_MS = 15_000;
const SERIES = 150;
const CHECKPOINT_STEPS = 60;

function counted() {
  const inner = createMemoryHeadStore();
  const reads = { scans: 0, keys: 0 };
  const store: HeadStore = {
    ...inner,
    scan(from, to) {
      reads.scans++;
      return inner.scan(from, to);
    },
    getMany(keys) {
      reads.keys += keys.length;
      return inner.getMany(keys);
    },
  };
  return { store, reads };
}

async function world() {
  const { store, reads } = counted();
  const head = await openPartitionHead({ partition: 0 }, { store });
  let step = 0;
  return {
    head,
    reads,
    async run(steps: number): Promise<void> {
      for (const end = step + steps; step < end; step++) {
        const scraped = Array.from({ length: SERIES }, (_, at) =>
          series({ __name__: `m${at % 2}`, i: String(at) }, [step * STEP_MS, step * 1000 + at]),
        );
        head.apply([record(step, writeRequest(...scraped))], step + 1);
        if (step % CHECKPOINT_STEPS === CHECKPOINT_STEPS - 1) await head.checkpoint();
      }
    },
    get nowMs() {
      return (step - 1) * STEP_MS;
    },
  };
}

/** The number of samples, and whether each series has all of them, in order. */
async function expectWhole(head: PartitionHead, from: number, to: number): Promise<void> {
  const select = { tenant: 'one', matchers: [], minT: from * STEP_MS, maxT: to * STEP_MS };
  const stream = head.samples(select, true);
  const columns = new SampleColumns();
  let count = 0;
  while (await stream.next()) {
    columns.clear();
    stream.samples(columns);
    expect([...columns.t.subarray(0, columns.count)]).toEqual(
      Array.from({ length: to - from + 1 }, (_, at) => (from + at) * STEP_MS),
    );
    const at = columns.v[0]! - from * 1000;
    for (let index = 0; index < columns.count; index++) {
      expect(columns.v[index]).toBe((from + index) * 1000 + at);
    }
    count++;
  }
  expect(count).toBe(SERIES);
}

describe('kept rows of a head', () => {
  it('are those of the store after any checkpoints and questions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 150 }), fc.nat(400), fc.nat(400)), {
          minLength: 3,
          maxLength: 9,
        }),
        async (rounds) => {
          const { head, run } = await world();
          let steps = 0;
          for (const [more, from, length] of rounds) {
            await run(more);
            steps += more;
            const first = Math.min(from, steps - 1);
            await expectWhole(head, first, Math.min(steps - 1, first + length));
          }
          await head.close();
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);

  it('are not read again, and those of a new checkpoint by their keys', async () => {
    const { head, run, reads } = await world();
    await run(5 * CHECKPOINT_STEPS);
    await expectWhole(head, 10, 290);
    expect(reads.scans + reads.keys).toBeGreaterThan(0);
    const before = { ...reads };
    await expectWhole(head, 10, 290);
    await expectWhole(head, 200, 250);
    expect(reads).toEqual(before);
    await run(CHECKPOINT_STEPS);
    await expectWhole(head, 10, 350);
    expect(reads.scans).toBe(before.scans);
    // Three pages of each metric, one checkpoint more.
    expect(reads.keys - before.keys).toBeLessThanOrEqual(2 * 3);
    await head.close();
  });
});

const PLACE = { tenant: 1, window: 2, generation: 0, metric: 3 };

function rowOf(epoch: number, slots: readonly number[], size = 5): ReadRow {
  const row = new Uint8Array(slots.length * chunkEntrySize(size));
  let at = 0;
  for (const slot of slots) {
    const bytes = new Uint8Array(size).fill(epoch);
    const range = { minRel: epoch, maxRel: epoch + 1 };
    const entry = { pageSlot: slot, outOfOrder: false, encoding: 0, ...range, bytes };
    const placed = { ...entry, window: 2, generation: 0, next: 0, order: 0, address: 0 };
    at = writeChunkEntry(row, new DataView(row.buffer), at, placed);
  }
  return { epoch, row };
}

function told(page: KeptPage | undefined, from = 0, to = 100): [number, number][] {
  const found: [number, number][] = [];
  page?.entries(from, to, (epoch, { slot, minRel, bytes }) => {
    expect([minRel, bytes[0]]).toEqual([epoch, epoch]);
    found.push([epoch, slot]);
  });
  return found;
}

describe('KeptRows', () => {
  it('keeps pages with what comes behind, of the checkpoints asked for', () => {
    const kept = new KeptRows(() => 1e6);
    const place = { ...PLACE, page: 7 };
    const first = new KeptPage(place, { epochFrom: 3, epochTo: 6 }, [rowOf(4, [1, 2])]);
    kept.begin().keep(first);
    expect(kept.find(place, 2)).toBeUndefined();
    expect(kept.find({ ...place, page: 8 }, 3)).toBeUndefined();
    expect(told(kept.find(place, 5))).toEqual([
      [4, 1],
      [4, 2],
    ]);
    const before = kept.endingAt(place, 6);
    expect(before).toBe(first);
    kept
      .begin()
      .keep(new KeptPage(place, { epochFrom: 7, epochTo: 9 }, [rowOf(8, [2, 63])], before));
    expect(told(kept.find(place, 3), 5, 8)).toEqual([
      [8, 2],
      [8, 63],
    ]);
    expect(told(kept.find(place, 3))).toHaveLength(4);
    // What is older does not take the place of what reaches further.
    kept.begin().keep(first);
    expect(kept.find(place, 3)?.epochTo).toBe(9);
  });

  it('forgets a window up to a generation', () => {
    const kept = new KeptRows(() => 1e6);
    const keeping = kept.begin();
    for (const generation of [0, 1]) {
      for (const window of [2, 3]) {
        const place = { ...PLACE, window, generation, page: 1 };
        keeping.keep(new KeptPage(place, { epochFrom: 0, epochTo: 1 }, []));
      }
    }
    kept.forget(1, 2, 0);
    const has = (window: number, generation: number) =>
      kept.find({ ...PLACE, window, generation, page: 1 }, 0) !== undefined;
    expect([has(2, 0), has(2, 1), has(3, 0), has(3, 1)]).toEqual([false, true, true, true]);
    kept.forget(2, 3, 5);
    expect(has(3, 0)).toBe(true);
  });

  it('is bounded: at most three quarters for one read, and the pages asked for last', () => {
    const row = rowOf(1, [0], 4000);
    const page = (number: number) =>
      new KeptPage({ ...PLACE, page: number }, { epochFrom: 0, epochTo: 1 }, [row]);
    const { sizeBytes } = page(0);
    const kept = new KeptRows(() => 4 * sizeBytes);
    const has = (number: number) => kept.find({ ...PLACE, page: number }, 0) !== undefined;
    const keeping = kept.begin();
    for (let at = 0; at < 6; at++) keeping.keep(page(at));
    expect(keeping.isOpen).toBe(false);
    expect([0, 1, 2, 3].map(has)).toEqual([true, true, false, false]);
    expect(kept.sizeBytes).toBe(2 * sizeBytes);
    for (let at = 10; at < 13; at++) kept.begin().keep(page(at));
    expect([0, 1, 10, 11, 12].map(has)).toEqual([false, true, true, true, true]);
    expect(kept.sizeBytes).toBe(4 * sizeBytes);
  });
});
