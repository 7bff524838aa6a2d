// Active native histograms: series whose newest sample is one, and the buckets of these samples, by tenant,
// tracker and metric; against counting by hand, through restarts at any point.
import { createMatcher, type NativeHistogram } from '@weir/model';
import { encodeHistogram } from '@weir/wire/log-record';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HistogramMetric } from '../head.ts';
import { sampleBytes, seriesMessage } from '../records/record-fixture.ts';
import { emptyHistogram } from '../series/histograms.ts';
import { MINUTE, open, SETTINGS, type World } from './world-fixture.ts';

/** Half of the buckets on the negative side, rounded up. */
function histogramOf(buckets: number, isFloat = false): NativeHistogram {
  const positive = buckets >> 1;
  const negative = buckets - positive;
  return {
    ...emptyHistogram(isFloat, false),
    ...{ count: buckets, sum: 1 },
    positiveSpans: positive === 0 ? new Int32Array(0) : Int32Array.of(0, positive),
    positiveBuckets: new Float64Array(positive).fill(1),
    negativeSpans: negative === 0 ? new Int32Array(0) : Int32Array.of(0, negative),
    negativeBuckets: new Float64Array(negative).fill(1),
  };
}

type Labels = Record<string, string>;

const withHistogram = (labels: Labels, t: number, histogram: NativeHistogram) =>
  seriesMessage(labels, { histograms: [encodeHistogram({ t, startT: 0, histogram })] });

/** At each minute's start: a histogram of so many buckets, or a float. */
function push(world: World, minute: number, given: Record<string, number | 'float'>): void {
  const t = minute * MINUTE;
  const all = Object.entries(given).map(([name, what]) => {
    const labels = { __name__: name };
    if (what === 'float') return seriesMessage(labels, { samples: [[t, minute]] });
    return withHistogram(labels, t, histogramOf(what, minute % 2 === 0));
  });
  world.push(t, Buffer.concat(all));
}

function counts({ head }: World, atMs?: number): number[] {
  const { active, histograms, buckets } = head.activity(atMs)[0]!;
  return [active, histograms, buckets];
}

function metrics(world: World, ...values: string[]): HistogramMetric[] {
  const matchers = values.map((value) => createMatcher({ name: '__name__', op: '=~', value }));
  return [...world.head.histogramMetrics({ tenant: 'one', matchers })].flat();
}

describe('active native histograms', () => {
  it('are series whose newest sample is one, with its buckets', async () => {
    const world = await open();
    push(world, 100, { a: 3, b: 'float' });
    expect(counts(world)).toEqual([2, 1, 3]);
    push(world, 101, { a: 5, b: 2 });
    expect(counts(world)).toEqual([2, 2, 7]);
    push(world, 102, { a: 'float' });
    expect(counts(world)).toEqual([2, 1, 2]);
    push(world, 103, { b: 0 });
    expect(counts(world)).toEqual([2, 1, 0]);
  });

  it('change within a minute, and with nothing that is late, repeated or refused', async () => {
    const world = await open();
    world.head.configure('one', { ...SETTINGS, outOfOrderWindowMs: 30 * MINUTE });
    const t = 100 * MINUTE;
    world.push(t, withHistogram({ __name__: 'a' }, t, histogramOf(4)));
    world.push(t, withHistogram({ __name__: 'a' }, t + 1, histogramOf(6)));
    expect(counts(world)).toEqual([1, 1, 6]);
    world.push(t, withHistogram({ __name__: 'a' }, t - 1, histogramOf(9)));
    world.push(t, withHistogram({ __name__: 'a' }, t + 1, histogramOf(6)));
    world.push(t, withHistogram({ __name__: 'a' }, t + 1, histogramOf(8)));
    world.push(t, seriesMessage({ __name__: 'a' }, { samples: [[t - 2, 1]] }));
    expect(counts(world)).toEqual([1, 1, 6]);
  });

  it('of a series that went stale have no buckets', async () => {
    const world = await open();
    push(world, 100, { a: 4 });
    const stale = sampleBytes(101 * MINUTE, 0);
    stale.set([2, 0, 0, 0, 0, 0, 0xf0, 0x7f], 3);
    const labels = seriesMessage({ __name__: 'a' }, {});
    const body = Buffer.concat([labels.subarray(2), stale]);
    world.push(101 * MINUTE, Buffer.concat([Uint8Array.of(0x0a, body.length), body]));
    expect(counts(world)).toEqual([1, 1, 0]);
  });

  it('turn idle as any series, and come back', async () => {
    const world = await open();
    world.head.configure('one', { ...SETTINGS, activeIdleMs: 3 * MINUTE });
    push(world, 100, { a: 3, b: 4 });
    push(world, 103, { b: 4 });
    expect(counts(world)).toEqual([2, 2, 7]);
    push(world, 104, { c: 'float' });
    expect(counts(world)).toEqual([2, 1, 4]);
    expect(counts(world, 107 * MINUTE)).toEqual([1, 0, 0]);
    push(world, 105, { a: 3 });
    expect(counts(world)).toEqual([3, 2, 7]);
    expect(metrics(world).map(({ metric }) => metric)).toEqual(['a', 'b']);
  });

  it('end with their series', async () => {
    const world = await open();
    push(world, 100, { a: 3, b: 'float' });
    for (const window of world.head.cutDue(true)) world.head.drop(window);
    expect(counts(world)).toEqual([0, 0, 0]);
    expect(metrics(world)).toEqual([]);
    push(world, 101, { a: 'float' });
    expect(counts(world)).toEqual([1, 0, 0]);
  });

  it('are what counting by hand says, also after a restart at any point', async () => {
    const value = fc.oneof(fc.nat(6), fc.constant('float' as const));
    const some = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), value);
    const step = fc.tuple(fc.integer({ min: 1, max: 5 }), some, fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const [plain, restarted] = [await open(), await open()];
        const matchers = [{ name: '__name__', op: '=~' as const, value: 'a|b' }];
        for (const { head } of [plain, restarted]) {
          const trackers = [{ name: 'ab', matchers }];
          head.configure('one', { ...SETTINGS, activeIdleMs: 4 * MINUTE, trackers });
        }
        const seen = new Map<string, [minute: number, what: number | 'float']>();
        let minute = 100;
        for (const [move, given, restart] of steps) {
          minute += move;
          for (const world of [plain, restarted]) push(world, minute, given);
          for (const [name, what] of Object.entries(given)) seen.set(name, [minute, what]);
          if (restart) await restarted.restart();
          const now = [...seen].flatMap(([name, [at, what]]) =>
            at >= minute - 4 && what !== 'float' ? [{ name, what }] : [],
          );
          const sumOf = (some: typeof now) => some.reduce((sum, { what }) => sum + what, 0);
          const ofTracker = now.filter(({ name }) => name < 'c');
          expect(restarted.head.activity()[0]).toMatchObject({
            ...{ histograms: now.length, buckets: sumOf(now) },
            trackers: [{ histograms: ofTracker.length, buckets: sumOf(ofTracker) }],
          });
          expect(restarted.head.activity()).toEqual(plain.head.activity());
          expect(restarted.head.digest()).toBe(plain.head.digest());
          const byName = now.map(({ name, what }) => [name, 1, what, what, what]).sort();
          for (const world of [plain, restarted]) {
            expect(metrics(world).map(Object.values).sort()).toEqual(byName);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('histograms by metric', () => {
  it('have the sum, the fewest and the most buckets, of the selected series', async () => {
    const world = await open();
    const t = 100 * MINUTE;
    const all = [2, 9, 4].map((buckets, at) =>
      withHistogram({ __name__: 'a', at: `${at}` }, t, histogramOf(buckets)),
    );
    const other = withHistogram({ __name__: 'b' }, t, histogramOf(1));
    const float = seriesMessage({ __name__: 'a', at: 'float' }, { samples: [[t, 1]] });
    world.push(t, Buffer.concat([...all, other, float]));
    const a = { metric: 'a', series: 3, buckets: 15, bucketsMin: 2, bucketsMax: 9 };
    const b = { metric: 'b', series: 1, buckets: 1, bucketsMin: 1, bucketsMax: 1 };
    expect(metrics(world)).toEqual([a, b]);
    expect(metrics(world, 'a')).toEqual([a]);
    const matchers = [createMatcher({ name: 'at', op: '=~', value: '1|2|float' })];
    expect([...world.head.histogramMetrics({ tenant: 'one', matchers })].flat()).toEqual([
      { metric: 'a', series: 2, buckets: 13, bucketsMin: 4, bucketsMax: 9 },
    ]);
    expect([...world.head.histogramMetrics({ tenant: 'two', matchers })]).toEqual([]);
  });

  it('come in steps, between which series may go', async () => {
    const world = await open();
    const t = 100 * MINUTE;
    const count = 10_000;
    const one = (at: number) => withHistogram({ __name__: 'a', at: `${at}` }, t, histogramOf(2));
    world.push(t, Buffer.concat(Array.from({ length: count }, (_, at) => one(at))));
    const steps = [...world.head.histogramMetrics({ tenant: 'one', matchers: [] })];
    expect(steps).toHaveLength(2);
    expect(steps.flat().reduce((sum, { series }) => sum + series, 0)).toBe(count);
    const begun = world.head.histogramMetrics({ tenant: 'one', matchers: [] })[Symbol.iterator]();
    const first = begun.next().value[0];
    for (const window of world.head.cutDue(true)) world.head.drop(window);
    expect(begun.next().value).toEqual([]);
    expect(first.series).toBeLessThan(count);
  });
});
