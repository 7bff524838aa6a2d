// Out-of-order windows beyond an hour: samples of windows that are cut already are taken, gathered for two
// hours of log time, cut once, and replaying them after their block is shipped adds nothing.
import { SampleColumns } from '@weir/model';
import { decodeXorChunk } from '@weir/tsdb/chunk';
import { describe, expect, it } from 'vitest';
import type { HeadRecord, PartitionHead, TenantWindow } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, series, writeRequest } from './records/record-fixture.ts';

const HOUR = 3_600_000;
const WINDOW = 2 * HOUR;
const DAY = 24 * HOUR;
const NOW = 100 * WINDOW;

async function openHead(outOfOrderWindowMs: number, store = createMemoryHeadStore()) {
  const head = await openPartitionHead({ partition: 0 }, { store });
  head.configure('one', { outOfOrderWindowMs, seriesMax: 0 });
  return head;
}

function at(offset: number, t: number, logTimeMs: number, v = 1): HeadRecord {
  const value = writeRequest(series({ __name__: 'up' }, [t, v]));
  return { ...record(offset, value), timestampMs: logTimeMs };
}

async function times(batches: ReturnType<PartitionHead['select']>): Promise<number[]> {
  const columns = new SampleColumns();
  for await (const batch of batches) {
    for (const { chunks } of batch) {
      for (const { bytes } of chunks) decodeXorChunk(bytes, columns, -1e15, 1e15);
    }
  }
  return [...columns.t.subarray(0, columns.count)];
}

const all = { tenant: 'one', matchers: [], minT: 0, maxT: 1e15 };
const minTs = (windows: readonly TenantWindow[]) => windows.map(({ minT }) => minT / WINDOW);

describe('late samples of cut windows', () => {
  it('are taken inside the window, at its edge, and not below it', async () => {
    const head = await openHead(DAY);
    head.apply([at(0, NOW, 0), at(1, NOW - DAY, 0), at(2, NOW - DAY - 1, 0)], 3);
    expect(await times(head.select(all))).toEqual([NOW - DAY, NOW]);
    const short = await openHead(HOUR);
    short.apply([at(0, NOW, 0), at(1, NOW - HOUR, 0), at(2, NOW - HOUR - 1, 0)], 3);
    expect(await times(short.select(all))).toEqual([NOW - HOUR, NOW]);
  });

  it('are told from new ones, though a cut was prepared before they were allowed', async () => {
    const digests: string[] = [];
    for (const isPrepared of [false, true]) {
      const head = await openHead(0);
      head.apply([at(0, NOW - 5 * HOUR, 0), at(1, NOW - 5 * HOUR + 1, 0)], 2);
      const other = writeRequest(series({ __name__: 'other' }, [NOW, 1]));
      head.apply([record(2, other)], 3);
      if (isPrepared) for (const _ of head.prepareCut(false));
      head.configure('one', { outOfOrderWindowMs: DAY, seriesMax: 0 });
      head.apply([at(3, NOW - 5 * HOUR, 0)], 4);
      digests.push(head.digest());
    }
    expect(digests[1]).toBe(digests[0]);
  });

  it('wait for the next two hours of log time, whatever was cut before', async () => {
    const store = createMemoryHeadStore();
    let head = await openHead(DAY, store);
    let log = 50 * WINDOW;
    head.apply([at(0, NOW - 5 * HOUR, log), at(1, NOW, log)], 2);
    const [first] = head.cutDue(false);
    expect(first).toMatchObject({ minT: NOW - 3 * WINDOW, firstOffset: 0, lastOffset: 0 });
    head.drop(first);
    head.apply([at(2, NOW - 5 * HOUR + 1, log), at(3, NOW - 20 * HOUR, log)], 4);
    expect(head.cutDue(false)).toEqual([]);
    expect(head.safeOffset()).toBe(1);
    await head.checkpoint();
    const digest = head.digest();
    head = await openPartitionHead({ partition: 0 }, { store: store.copy() });
    expect(head.digest()).toBe(digest);
    // Log time goes on by five minutes a record.
    for (let offset = 4; offset < 27; offset++) {
      log += 300_000;
      head.apply([at(offset, NOW + offset, 60 * WINDOW)], offset + 1);
    }
    expect(head.cutDue(false)).toEqual([]);
    head.apply([at(27, NOW + 27, 60 * WINDOW)], 28);
    const due = head.cutDue(false);
    expect(minTs(due)).toEqual([90, 97]);
    expect(due[1]).toMatchObject({ firstOffset: 2, lastOffset: 2 });
    expect(await times(head.cut(due[1]).series())).toEqual([NOW - 5 * HOUR + 1]);
    // Samples that come while the block is written belong to the next step.
    head.apply([at(28, NOW - 5 * HOUR + 2, log)], 29);
    expect(head.cutDue(false)).toEqual(due);
    expect(await times(head.cut(due[1]).series())).toEqual([NOW - 5 * HOUR + 1]);
    for (const window of due) head.drop(window);
    expect(head.cutDue(false)).toEqual([]);
    expect(await times(head.select({ ...all, maxT: NOW - 1 }))).toEqual([NOW - 5 * HOUR + 2]);
    expect(minTs(head.cutDue(true))).toEqual([97, 100]);
  });

  it('are not taken again by a replay when the manifest has their block', async () => {
    const head = await openHead(DAY);
    const records = [at(0, NOW, 0), at(1, NOW - 9 * HOUR, 0), at(2, NOW - 9 * HOUR + 1, 0)];
    const window = { tenant: 'one', minT: 95 * WINDOW, maxT: 96 * WINDOW };
    head.markShipped([{ ...window, throughOffset: 1 }]);
    head.apply(records, 3);
    expect(await times(head.select(all))).toEqual([NOW - 9 * HOUR + 1, NOW]);
  });

  it('come in whatever order one push has them', async () => {
    const head = await openHead(2 * HOUR);
    const both = [NOW - HOUR, NOW - 90 * 60_000, NOW + HOUR, NOW - 80 * 60_000];
    const value = writeRequest(
      series({ __name__: 'new' }, [NOW + HOUR, 1]),
      ...both.map((t) => series({ __name__: 'up' }, [t, 1])),
    );
    head.apply([at(0, NOW, 0), record(1, value)], 2);
    const up = (await times(head.select({ ...all, maxT: NOW + HOUR }))).sort((a, b) => a - b);
    expect(up).toEqual([...both, NOW, NOW + HOUR].sort((a, b) => a - b));
  });
});
