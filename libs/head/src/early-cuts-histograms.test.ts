// Early cuts and series of native histograms: whatever kind of sample a series got keeps it, be it late or a
// zero at a created timestamp; also one that comes between the preparation and the cut, or before the drop.
import { createMatcher, labelValue, type NativeHistogram } from '@weir/model';
import { type Chunk, readHistogramChunk } from '@weir/tsdb/chunk';
import { encodeHistogram } from '@weir/wire/log-record';
import { describe, expect, it } from 'vitest';
import type { PartitionHead } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, seriesMessage } from './records/record-fixture.ts';
import { emptyHistogram } from './series/histograms.ts';

const MINUTE = 60_000;
const START = 240_000 * 7_200_000;
const IDLE = 20 * MINUTE;

function counted(n: number): NativeHistogram {
  return {
    ...emptyHistogram(false, false),
    count: n,
    sum: n,
    positiveSpans: Int32Array.of(0, 1),
    positiveBuckets: Float64Array.of(n),
  };
}

interface Histogram {
  readonly pod: string;
  /** Of the sample; by default when it was pushed. */
  readonly minute?: number;
  readonly createdMinute?: number;
}

/** Histograms that came at a minute of log time. */
function apply(head: PartitionHead, atMinute: number, ...histograms: Histogram[]): void {
  const all = histograms.map(({ pod, minute = atMinute, createdMinute }) => {
    const startT = createdMinute === undefined ? 0 : START + createdMinute * MINUTE;
    const histogram = counted(1_000 + minute);
    const bytes = encodeHistogram({ t: START + minute * MINUTE, startT, histogram });
    return seriesMessage({ __name__: 'seconds', pod }, { histograms: [bytes] });
  });
  const value = Buffer.concat(all);
  const timestampMs = START + atMinute * MINUTE;
  head.apply([{ ...record(head.position, value), timestampMs }], head.position + 1);
}

async function minutesOf(head: PartitionHead, pod: string): Promise<number[]> {
  const matchers = [createMatcher({ name: 'pod', op: '=', value: pod })];
  const minutes: number[] = [];
  for await (const batch of head.select({ tenant: 'one', matchers, minT: -1e15, maxT: 1e15 })) {
    for (const { chunks } of batch) minutes.push(...minutesIn(chunks));
  }
  return minutes;
}

const activeOf = (head: PartitionHead) => head.activity()[0].active;

async function opened() {
  const store = createMemoryHeadStore();
  const head = await openPartitionHead({ partition: 0 }, { store });
  head.configure('one', { outOfOrderWindowMs: 60 * MINUTE, seriesMax: 0 });
  return { store, head };
}

/** Log time goes on, by five minutes at most with one record. */
function steadyUntil(head: PartitionHead, minutes: readonly number[]): void {
  for (const minute of minutes) apply(head, minute, { pod: 'steady' });
}

describe('an early cut of series of histograms', () => {
  it('keeps those that got a sample of any kind within the time-out', async () => {
    const { head, store } = await opened();
    apply(head, 0, { pod: 'gone' }, { pod: 'in-order' }, { pod: 'late' }, { pod: 'below' });
    steadyUntil(head, [5]);
    apply(head, 9, { pod: 'below' });
    apply(head, 10, { pod: 'in-order' }, { pod: 'late', minute: -3 });
    // Behind all that the series has, so that its zero is taken, too.
    apply(head, 11, { pod: 'created', createdMinute: 10.5 });
    steadyUntil(head, [15, 20, 25, 30]);
    expect(activeOf(head)).toBe(4); // in-order, late, created, steady
    for (const _ of head.prepareEarlyCut('one'));
    const windows = head.cutEarly('one', IDLE);
    expect(windows).toHaveLength(2); // One of them with the late sample alone.
    apply(head, 31, { pod: 'steady' });
    await head.checkpoint();
    const restarted = await openPartitionHead({ partition: 0 }, { store: store.copy() });
    for (const one of [head, restarted]) {
      expect(activeOf(one)).toBe(2); // created, steady: a minute has passed since the cut
      for (const window of windows) one.drop(window);
      expect(one.seriesCount).toBe(4);
      expect(await minutesOf(one, 'steady')).toEqual([31]);
    }
    expect(restarted.digest()).toBe(head.digest());
  });

  it('keeps a series that got one between the preparation and the cut, or until the drop', async () => {
    const { head, store } = await opened();
    const pods = ['gone', 'prepared', 'prepared-late', 'cut', 'cut-late', 'steady'];
    apply(head, 0, ...pods.map((pod) => ({ pod })));
    steadyUntil(head, [5, 10, 15, 20, 25]);
    const steps = head.prepareEarlyCut('one')[Symbol.iterator]();
    while (!steps.next().done);
    apply(head, 26, { pod: 'prepared' }, { pod: 'prepared-late', minute: 2 });
    const windows = head.cutEarly('one', IDLE);
    expect(windows).toMatchObject([{ minT: START }]);
    apply(head, 27, { pod: 'cut' }, { pod: 'cut-late', minute: 3 }, { pod: 'steady' });
    await head.checkpoint();
    const restarted = await openPartitionHead({ partition: 0 }, { store: store.copy() });
    for (const one of [head, restarted]) {
      const cut = new Map<string, number[]>();
      const source = one.cut(windows[0]);
      for await (const batch of source.series()) {
        for (const { chunks, labels } of batch) {
          cut.set(labelValue(labels, 'pod') ?? '', minutesIn(chunks));
        }
      }
      expect(cut.get('prepared')).toEqual([0, 26]);
      expect(cut.get('prepared-late')).toEqual([0, 2]);
      expect(cut.get('cut')).toEqual([0]);
      one.drop(windows[0]);
      expect(await minutesOf(one, 'gone')).toEqual([]);
      expect(await minutesOf(one, 'cut')).toEqual([27]);
      expect(await minutesOf(one, 'cut-late')).toEqual([3]);
      expect(await minutesOf(one, 'steady')).toEqual([27]);
      expect(one.safeOffset()).toBe(7);
    }
    expect(restarted.digest()).toBe(head.digest());
    // What was accepted after the cut is refused or kept as ever: the same is no conflict.
    apply(head, 27, { pod: 'cut' });
    expect(head.takeDiscards()).toEqual([]);
    apply(head, 28, { pod: 'gone' });
    expect(await minutesOf(head, 'gone')).toEqual([28]);
  });
});

function minutesIn(chunks: readonly Chunk[]): number[] {
  const minutes: number[] = [];
  for (const { encoding, bytes, minT, maxT } of chunks) {
    readHistogramChunk(encoding, bytes, minT, maxT, (t) => minutes.push((t - START) / MINUTE));
  }
  return minutes;
}
