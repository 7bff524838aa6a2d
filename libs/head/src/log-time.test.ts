// Log time: no record moves it far, and the first one does not fix it for good.
import { describe, expect, it } from 'vitest';
import type { PartitionHead } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, series, writeRequest } from './records/record-fixture.ts';
import { YOUNG_RECORDS } from './state.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WINDOW = 2 * HOUR;
const START = 240_000 * WINDOW;
const FAR = START + 80 * 365 * 24 * HOUR;

function apply(head: PartitionHead, timestampMs: number, pod = 'a', t = timestampMs): void {
  const value = writeRequest(series({ __name__: 'up', pod }, [t, 1]));
  head.apply([{ ...record(head.position, value), timestampMs }], head.position + 1);
}

const opened = (store = createMemoryHeadStore()) => openPartitionHead({ partition: 0 }, { store });
const activeAt = (head: PartitionHead, atMs: number) => head.activity(atMs)[0].active;

describe('log time of a new head', () => {
  it('goes back to the smallest of its first records', async () => {
    const store = createMemoryHeadStore();
    const head = await opened(store);
    head.configure('one', { outOfOrderWindowMs: 0, seriesMax: 0, activeIdleMs: 2 * MINUTE });
    apply(head, FAR, 'far', START);
    await head.checkpoint();
    const restarted = await opened(store.copy());
    for (const one of [head, restarted]) {
      apply(one, START, 'now');
      apply(one, START + MINUTE, 'later');
      // By the time of who sent them, not by the first record's.
      expect(activeAt(one, START + MINUTE)).toBe(3);
      expect(activeAt(one, START + 2 * MINUTE)).toBe(3);
      expect(activeAt(one, START + 3 * MINUTE)).toBe(1);
      expect(activeAt(one, FAR)).toBe(0);
    }
    expect(restarted.digest()).toBe(head.digest());
    await head.checkpoint();
    expect((await opened(store.copy())).digest()).toBe(head.digest());
  });

  it('does so while they last, and for more than a step', async () => {
    for (const [before, backMs, isBack] of [
      [YOUNG_RECORDS - 1, 5 * MINUTE + 1, true],
      [YOUNG_RECORDS - 1, 5 * MINUTE, false],
      [YOUNG_RECORDS, 5 * MINUTE + 1, false],
      [YOUNG_RECORDS, HOUR, false],
      // No time at all.
      [1, START, false],
      [1, START + 1, false],
    ] as const) {
      const head = await opened();
      for (let at = 0; at < before; at++) apply(head, START, 'a', START + at);
      const all = head.digest();
      apply(head, START - backMs, 'b', START + before);
      expect(head.digest()).not.toBe(all);
      // Log time alone decides: the series got their samples at it.
      const atMs = isBack ? START - backMs : START;
      expect(activeAt(head, atMs + 20 * MINUTE)).toBe(2);
      expect(activeAt(head, atMs + 21 * MINUTE)).toBe(0);
    }
  });

  it('is what replicas agree on, however records come in batches', async () => {
    const times = [FAR, START + HOUR, START, START + 2 * MINUTE, START + 2 * HOUR];
    const records = times.map((timestampMs, offset) => {
      const value = writeRequest(series({ __name__: 'up' }, [START + offset, 1]));
      return { ...record(offset, value), timestampMs };
    });
    const [one, other] = [await opened(), await opened()];
    one.apply(records, records.length);
    for (const each of records) other.apply([each], each.offset + 1);
    expect(one.digest()).toBe(other.digest());
  });

  it('cuts late windows by the time it went back to', async () => {
    const head = await opened();
    head.configure('one', { outOfOrderWindowMs: 8 * HOUR, seriesMax: 0 });
    // Its second sample comes to a window that the first one has closed.
    const value = writeRequest(
      series({ __name__: 'up', pod: 'a' }, [START + 6 * HOUR, 1]),
      series({ __name__: 'up', pod: 'b' }, [START, 1]),
    );
    head.apply([{ ...record(0, value), timestampMs: FAR }], 1);
    apply(head, START + 6 * HOUR, 'c');
    expect(head.cutDue(false)).toEqual([]);
    // The next step of two hours, five minutes at a time.
    for (let minute = 5; minute <= 125; minute += 5) {
      apply(head, START + 6 * HOUR + minute * MINUTE, 'c');
    }
    expect(head.cutDue(false)).toMatchObject([{ minT: START }]);
  });

  it('lets nothing leave by an early cut that was made by the wrong time', async () => {
    const head = await opened();
    apply(head, FAR, 'a', START);
    const windows = head.cutEarly('one', MINUTE);
    apply(head, START + MINUTE, 'a');
    for (const window of windows) head.drop(window);
    const stored: number[] = [];
    for await (const batch of head.select({ tenant: 'one', matchers: [], minT: 0, maxT: 1e15 })) {
      for (const { chunks } of batch) stored.push(...chunks.map(({ minT }) => minT));
    }
    expect(stored).toEqual([START + MINUTE]);
  });
});
