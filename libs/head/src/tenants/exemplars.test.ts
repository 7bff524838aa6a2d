// The ring of exemplars: what is kept, in which order it leaves, and that restarts at any checkpoint bring
// it back.
import { createMatcher, printLabels } from '@weir/model';
import { describe, expect, it } from 'vitest';
import type { PartitionHead } from '../head.ts';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { exemplarBytes, record, seriesMessage } from '../records/record-fixture.ts';
import { EXEMPLARS, key } from '../store/rows.ts';

const HOUR = 3_600_000;
const T = 100 * HOUR;

type Given = readonly [series: string, id: string, t: number, v: number];

function apply(head: PartitionHead, ...given: Given[]): void {
  const all = given.map(([name, id, t, v]) =>
    seriesMessage(
      { __name__: name },
      { samples: [[t, v]], exemplars: [exemplarBytes({ trace_id: id }, t, v)] },
    ),
  );
  head.apply([record(head.position, Buffer.concat(all))], head.position + 1);
}

async function openHead(exemplarsMax: number, store = createMemoryHeadStore()) {
  const head = await openPartitionHead({ partition: 0 }, { store });
  head.configure('one', { outOfOrderWindowMs: HOUR, seriesMax: 0, exemplarsMax });
  return head;
}

async function print(head: PartitionHead, name = '', minT = 0, maxT = 1e15): Promise<string[]> {
  const sets = name === '' ? [[]] : [[createMatcher({ name: '__name__', op: '=~', value: name })]];
  const found = await head.exemplars({ tenant: 'one', matcherSets: sets, minT, maxT });
  return found.flatMap(({ labels, exemplars }) =>
    exemplars.map(
      (one) => `${printLabels(labels)} ${printLabels(one.labels)} ${one.t - T} ${one.value}`,
    ),
  );
}

describe('exemplars', () => {
  it('are kept in order of time, repeated and older ones not', async () => {
    const head = await openHead(10);
    apply(head, ['b', 'x', T, 1], ['a', 'y', T + 1, 2]);
    const digest = head.digest();
    apply(head, ['b', 'x', T, 1], ['b', 'z', T, 1], ['b', 'w', T - 1, 1]);
    expect(head.digest()).not.toBe(digest);
    apply(head, ['b', 'v', T + 5, 3]);
    expect(await print(head)).toEqual([
      'a {trace_id="y"} 1 2',
      'b {trace_id="x"} 0 1',
      'b {trace_id="v"} 5 3',
    ]);
    expect(await print(head, 'b', T + 1, T + 5)).toEqual(['b {trace_id="v"} 5 3']);
    expect(await print(head, 'b', T + 1, T + 4)).toEqual([]);
  });

  it('of one time are kept where their values ascend, also after a restart', async () => {
    const store = createMemoryHeadStore();
    const head = await openHead(10, store);
    apply(head, ['h', 'low', T, 1], ['h', 'high', T, 2]);
    await head.checkpoint();
    const again = await openHead(10, store.copy());
    for (const one of [head, again]) {
      apply(one, ['h', 'same', T, 2], ['h', 'less', T, 1.5], ['h', 'more', T, 3]);
      expect(await print(one)).toEqual([
        'h {trace_id="low"} 0 1',
        'h {trace_id="high"} 0 2',
        'h {trace_id="more"} 0 3',
      ]);
    }
  });

  it('may follow the first sample of their series in an entry of their own, as Prometheus sends them', async () => {
    const head = await openHead(10);
    const entry = (name: string, what: object) => seriesMessage({ __name__: name }, what);
    const all = [
      entry('new', { samples: [[T, 1]] }),
      entry('new', { exemplars: [exemplarBytes({ trace_id: 'x' }, T, 1)] }),
      entry('none', { exemplars: [exemplarBytes({ trace_id: 'y' }, T, 1)] }),
    ];
    head.apply([record(0, Buffer.concat(all))], 1);
    expect(await print(head)).toEqual(['new {trace_id="x"} 0 1']);
  });

  it('make room, the oldest first; none are kept at 0', async () => {
    const head = await openHead(2);
    for (const n of [1, 2, 3]) apply(head, [`m${n}`, 'x', T + n, n]);
    expect(await print(head)).toHaveLength(2);
    expect(await print(head, 'm1')).toEqual([]);
    head.configure('one', { outOfOrderWindowMs: 0, seriesMax: 0, exemplarsMax: 1 });
    expect(await print(head)).toEqual(['m3 {trace_id="x"} 3 3']);
    head.configure('one', { outOfOrderWindowMs: 0, seriesMax: 0 });
    apply(head, ['m1', 'x', T + 9, 1]);
    expect(await print(head)).toEqual([]);
  });

  it('pass over what is damaged or has no time', async () => {
    const head = await openHead(10);
    const exemplars = [
      Uint8Array.of(0xff),
      exemplarBytes({ trace_id: 'none' }, 0, 1),
      exemplarBytes({ trace_id: 'x'.repeat(2000) }, T, 1),
      exemplarBytes({ trace_id: 'good' }, T, Number.NaN),
    ];
    const value = seriesMessage({ __name__: 'm' }, { samples: [[T, 1]], exemplars });
    head.apply([record(0, value)], 1);
    expect(await print(head)).toEqual(['m {trace_id="good"} 0 NaN']);
    expect(head.takeDiscards()).toEqual([]);
  });

  it('leave with the oldest samples of their tenant', async () => {
    const head = await openHead(10);
    apply(head, ['a', 'x', T, 1], ['b', 'y', T + 1, 1]);
    apply(head, ['a', 'z', T + 4 * HOUR, 1]);
    head.drop(head.cutDue(false)[0]);
    expect(await print(head)).toEqual([`a {trace_id="z"} ${4 * HOUR} 1`]);
    head.drop(head.cutDue(true)[0]);
    expect(await print(head)).toEqual([]);
  });

  it('are the same after a restart, and leave no rows behind', async () => {
    const store = createMemoryHeadStore();
    let head = await openHead(1500, store);
    for (let n = 0; n < 6000; n++) {
      apply(head, [`m${n % 7}`, String(n), T + n, n]);
      if (n % 400 === 399) await head.checkpoint();
      if (n % 900 !== 899) continue;
      await head.checkpoint();
      const digest = head.digest();
      const before = await print(head);
      head = await openPartitionHead({ partition: 0 }, { store: store.copy() });
      expect(head.digest()).toBe(digest);
      expect(await print(head)).toEqual(before);
      head = await openPartitionHead({ partition: 0 }, { store });
    }
    expect(await print(head)).toHaveLength(1500);
    await head.checkpoint();
    let rows = 0;
    for await (const batch of store.scan(key(EXEMPLARS), key(EXEMPLARS + 1))) rows += batch.length;
    // Runs of 512, two rows each.
    expect(rows).toBeGreaterThan(2);
    expect(rows).toBeLessThanOrEqual(8);
  });
});
