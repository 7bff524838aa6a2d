// What keeps ingest even: a checkpoint that is outrun makes applying wait, so that memory stays bounded,
// and a cut's work is done in steps before it, without changing what is cut.
import { describe, expect, it } from 'vitest';
import type { HeadStore, PartitionHead } from './head.ts';
import { createMemoryHeadStore, type MemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, series, writeRequest } from './records/record-fixture.ts';

const SERIES = 5_000;
/** Their images, 46 KB for 256 series, are more than may wait. */
const CROWD = 100_000;
const STEP_MS = 15_000;

/** Applies a sample of each series in fifty records, each after `between`. */
async function applyStep(
  head: PartitionHead,
  t: number,
  count = SERIES,
  between: () => Promise<void> | void = () => {},
): Promise<void> {
  const length = count / 50;
  for (let from = 0; from < count; from += length) {
    await between();
    const all = Array.from({ length }, (_, index) =>
      series({ __name__: 'm', i: String(from + index) }, [t, from + index]),
    );
    head.apply([record(head.position, writeRequest(...all))], head.position + 1);
  }
}

/** A memory store whose writes wait at the gate while there is one, and that counts what waits. */
function gatedStore() {
  const memory = createMemoryHeadStore();
  const gate = { opened: Promise.resolve(), open: () => {} };
  const close = () => {
    gate.opened = new Promise((resolve) => {
      gate.open = resolve;
    });
  };
  const store: HeadStore = {
    ...memory,
    async write(batch, sync) {
      // As the port says: copied before the call returns.
      const puts = batch.puts.map(([key, value]) => [key.slice(), value.slice()] as const);
      const { deletes } = batch;
      await gate.opened;
      await memory.write({ puts, deletes }, sync);
    },
  };
  return { store, memory, close, open: () => gate.open() };
}

describe('a checkpoint that is outrun', () => {
  it('makes applying wait after some 16 MB of changed groups, and goes on', async () => {
    const { store, memory, close, open } = gatedStore();
    const head = await openPartitionHead({ partition: 0 }, { store });
    await applyStep(head, STEP_MS, CROWD);
    expect(head.room()).toBeUndefined();
    close();
    const checkpoint = head.checkpoint();
    const position = head.position;
    let appliedBeforeWaiting = 0;
    let waits = 0;
    await applyStep(head, 2 * STEP_MS, CROWD, async () => {
      const room = head.room();
      if (room === undefined) {
        if (waits === 0) appliedBeforeWaiting++;
        return;
      }
      waits++;
      open();
      await room;
    });
    expect(waits).toBeGreaterThan(0);
    // A record changes eight groups, and begins a ninth.
    expect(appliedBeforeWaiting).toBeLessThan(48);
    open();
    await checkpoint;
    expect(head.room()).toBeUndefined();
    expect(head.checkpointPosition).toBe(position);
    const copy = await openPartitionHead({ partition: 0 }, { store: withoutJournal(memory) });
    expect(copy.position).toBe(position);
    await applyStep(copy, 2 * STEP_MS, CROWD);
    expect(copy.digest()).toBe(head.digest());
    await head.checkpoint();
    const later = await openPartitionHead({ partition: 0 }, { store: memory.copy() });
    expect(later.digest()).toBe(head.digest());
  });
});

/** What a power loss may leave of it. */
function withoutJournal(store: MemoryHeadStore): MemoryHeadStore {
  const copy = store.copy();
  copy.journal.files.clear();
  return copy;
}

describe('a prepared cut', () => {
  it('cuts the same samples, those applied between its steps included', async () => {
    const heads = await Promise.all(
      [0, 1].map(() => openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() })),
    );
    for (let step = 1; step < 5; step++) {
      for (const head of heads) await applyStep(head, step * STEP_MS);
    }
    const [prepared, plain] = heads;
    const later = 4 * 3_600_000;
    const newer = writeRequest(series({ __name__: 'newer' }, [later, 1]));
    for (const head of heads) head.apply([record(head.position, newer)], head.position + 1);
    let steps = 0;
    for (const _ of prepared.prepareCut(true)) {
      if (steps++ === 1) await applyStep(prepared, later + STEP_MS);
    }
    expect(steps).toBeGreaterThan(2);
    await applyStep(plain, later + STEP_MS);
    const windows = prepared.cutDue(true);
    expect(windows).toEqual(plain.cutDue(true));
    expect(await countSamples(prepared)).toBe(5 * SERIES + 1);
    expect(prepared.digest()).toBe(plain.digest());
    for (const head of heads) for (const window of windows) head.drop(window);
    expect(prepared.seriesCount).toBe(0);
    expect(prepared.digest()).toBe(plain.digest());
  });
});

async function countSamples(head: PartitionHead): Promise<number> {
  let count = 0;
  for (const window of head.cutDue(true)) {
    for await (const batch of head.cut(window).series()) {
      for (const { chunks } of batch) {
        for (const { bytes } of chunks) count += bytes[0] * 256 + bytes[1];
      }
    }
  }
  return count;
}
