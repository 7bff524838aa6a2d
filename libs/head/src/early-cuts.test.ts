// Early cuts and idle tenants: who has got no sample for a while leaves memory, who has stays, whatever
// comes between the cut and the drop; and a thousand tenants that are gone cost next to nothing.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createMatcher } from '@weir/model';
import { describe, expect, it } from 'vitest';
import type { HeadRecord, HeadStore, PartitionHead } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, series, writeRequest } from './records/record-fixture.ts';

const MINUTE = 60_000;
const START = 240_000 * 7_200_000;

/** A sample of some series at a minute, by both clocks. */
function pods(offset: number, minute: number, names: string[], tenant = 'one'): HeadRecord {
  const t = START + minute * MINUTE;
  const all = names.map((pod) => series({ __name__: 'up', env: 'production', pod }, [t, minute]));
  return { ...record(offset, writeRequest(...all), tenant), timestampMs: t };
}

function apply(head: PartitionHead, minute: number, names: string[], tenant = 'one'): void {
  head.apply([pods(head.position, minute, names, tenant)], head.position + 1);
}

async function samplesOf(head: PartitionHead, pod: string): Promise<number> {
  const matchers = [createMatcher({ name: 'pod', op: '=', value: pod })];
  let count = 0;
  for await (const batch of head.select({ tenant: 'one', matchers, minT: -1e15, maxT: 1e15 })) {
    for (const { chunks } of batch) for (const { bytes } of chunks) count += bytes[1];
  }
  return count;
}

async function opened() {
  const store = createMemoryHeadStore();
  return { store, head: await openPartitionHead({ partition: 0 }, { store }) };
}

describe('an early cut', () => {
  it('takes series whose last sample is older than the time-out, and no other', async () => {
    const { store, head } = await opened();
    head.configure('one', { outOfOrderWindowMs: 60 * MINUTE, seriesMax: 0 });
    apply(head, 0, ['gone', 'returns', 'late', 'below', 'at', 'steady']);
    apply(head, 4, ['steady']);
    apply(head, 9, ['below']);
    apply(head, 10, ['at']);
    // A record moves log time by five minutes at most.
    for (const minute of [15, 20, 25, 30]) apply(head, minute, ['steady']);
    for (const _ of head.prepareEarlyCut('one'));
    const windows = head.cutEarly('one', 20 * MINUTE);
    expect(windows).toMatchObject([{ minT: START, firstOffset: 0, lastOffset: 7 }]);
    // Between the cut and the drop; one of them with a sample that is older than the time-out.
    apply(head, 31, ['returns', 'steady']);
    const late = pods(head.position, 2, ['late']);
    head.apply([{ ...late, timestampMs: START + 31 * MINUTE }], head.position + 1);
    expect(head.cutEarly('one', 20 * MINUTE)).toEqual(windows);
    await head.checkpoint();
    const restarted = await openPartitionHead({ partition: 0 }, { store: store.copy() });
    for (const one of [head, restarted]) {
      one.drop(windows[0]);
      expect(one.seriesCount).toBe(4); // at, late, returns, steady
      expect(await samplesOf(one, 'gone')).toBe(0);
      expect(await samplesOf(one, 'below')).toBe(0);
      expect(await samplesOf(one, 'late')).toBe(1);
      expect(await samplesOf(one, 'returns')).toBe(1);
      expect(await samplesOf(one, 'steady')).toBe(1);
      expect(one.safeOffset()).toBe(8);
    }
    expect(restarted.digest()).toBe(head.digest());
    apply(head, 32, ['gone']);
    expect(head.seriesCount).toBe(5);
    expect(head.cutEarly('one', 0)).toHaveLength(1);
  });

  it('waits for the last of several windows', async () => {
    const { head } = await opened();
    apply(head, 0, ['gone', 'steady']);
    apply(head, 121, ['steady']);
    const windows = head.cutEarly('one', 20 * MINUTE);
    expect(windows).toHaveLength(2);
    apply(head, 122, ['steady']);
    head.drop(windows[1]);
    expect(await samplesOf(head, 'gone')).toBe(1);
    head.drop(windows[0]);
    expect(await samplesOf(head, 'gone')).toBe(0);
    expect(head.seriesCount).toBe(1);
  });
});

/** A store elsewhere: what is written to it takes no memory here. */
const elsewhere: HeadStore = {
  slabs: {
    read: () => expect.unreachable('nothing is read back'),
    write: async () => {},
    sync: async () => {},
    truncate: async () => {},
  },
  journal: {
    list: async () => [],
    read: () => 0,
    append: async () => {},
    remove: async () => {},
  },
  get: async () => undefined,
  getMany: async (keys) => keys.map(() => undefined),
  scan: async function* () {},
  write: async () => {},
  close: async () => {},
};

describe('a thousand idle tenants', () => {
  it('cost less than 20 KB each once they are cut', async () => {
    const TENANTS = 1_000;
    const head = await openPartitionHead({ partition: 0 }, { store: elsewhere });
    apply(head, 0, ['a'], 'first');
    const before = memory();
    for (let tenant = 0; tenant < TENANTS; tenant++) {
      const names = Array.from({ length: 50 }, (_, at) => `pod-${tenant}-${at}`.padEnd(200, 'x'));
      apply(head, tenant / 1000, names, `tenant-${tenant}`);
    }
    const busy = (memory() - before) / TENANTS;
    await head.checkpoint();
    for (let tenant = 0; tenant < TENANTS; tenant++) {
      for (const window of head.cutEarly(`tenant-${tenant}`, 0)) head.drop(window);
    }
    await head.checkpoint();
    await head.checkpoint();
    expect(head.seriesCount).toBe(1);
    expect(head.tenants()).toHaveLength(TENANTS + 1);
    const idle = (memory() - before) / TENANTS;
    expect(busy).toBeGreaterThan(20_000);
    expect(idle).toBeLessThan(20_000);
  });
});

/** Bytes in use on the heap and in buffers beside it. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  for (let round = 0; round < 3; round++) runInNewContext('gc')();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
