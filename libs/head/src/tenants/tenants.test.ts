// What a head keeps of its tenants: limits at, below and above; the discard log and active series through
// restarts; cardinality against counting by hand; and that no tenant's misbehaviour changes another's
// answers.
import { createMatcher, printLabels } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LabelCardinalityRequest } from '../head.ts';
import { message, series, writeRequest } from '../records/record-fixture.ts';
import { DISCARD_ENTRIES_MAX } from './discard-log.ts';
import { MINUTE, open, SETTINGS, type World } from './world-fixture.ts';

const metadata = (metric: string, help: string) =>
  message(
    0x1a,
    Uint8Array.of(0x08, 1),
    message(0x12, Buffer.from(metric)),
    message(0x22, Buffer.from(help)),
  );

async function names({ head }: World, tenant: string, activeOnly = false): Promise<string[]> {
  const found: string[] = [];
  const all = { tenant, matchers: [], minT: -1e15, maxT: 1e15, labelsOnly: true, activeOnly };
  for await (const batch of head.select(all)) {
    for (const { labels } of batch) found.push(printLabels(labels));
  }
  return found;
}

describe('limits', () => {
  it.each([
    [2, 3],
    [3, 3],
    [4, 3],
  ])('takes %i of at most %i series, and goes on with those it has', async (count, max) => {
    const world = await open();
    world.head.configure('one', { ...SETTINGS, seriesMax: max });
    const all = (t: number) =>
      Array.from({ length: count }, (_, at) => series({ __name__: `m${at}` }, [t, 1], [t + 1, 2]));
    world.push(1, all(10));
    world.push(2, all(20));
    const refused = Math.max(0, count - max);
    expect((await names(world, 'one')).length).toBe(count - refused);
    const discards = world.head.takeDiscards();
    expect(discards.map(({ reason, count }) => [reason, count])).toEqual(
      refused === 0 ? [] : [['per_user_series_limit', 4]],
    );
  });

  it.each([
    [2, 3],
    [3, 3],
    [4, 3],
    [4, 0],
  ])('takes %i active series of at most %i, whichever they are', async (count, max) => {
    const world = await open();
    world.head.configure('one', { ...SETTINGS, activeSeriesMax: max, activeIdleMs: 20 * MINUTE });
    const some = (at: number, from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => {
        const t = at * MINUTE;
        return series({ __name__: `m${from + i}` }, [t, 1], [t + 1, 2]);
      });
    const push = (at: number, from: number, to: number) =>
      world.push(at * MINUTE, some(at, from, to));
    const refused = () => world.head.takeDiscards().map(({ reason, count }) => [reason, count]);
    const over = max > 0 && count > max;
    push(100, 0, count);
    push(101, 0, count);
    expect((await names(world, 'one')).length).toBe(over ? max : count);
    expect(refused()).toEqual(over ? [['max_active_series', 4]] : []);
    // All but the first turn idle, and others take their places; those are too many when they come back.
    for (let at = 105; at <= 125; at += 5) push(at, 0, 1);
    expect(world.head.activity()[0]?.active).toBe(1);
    push(125, 10, 12);
    expect(refused()).toEqual([]);
    push(126, 0, 2);
    expect(refused()).toEqual(max > 0 ? [['max_active_series', 2]] : []);
    world.head.configure('one', SETTINGS);
    push(127, 0, 2);
    expect(refused()).toEqual([]);
  });

  it.each([
    [2, 3],
    [3, 3],
    [4, 3],
  ])('takes %i of at most %i series of one metric, and others beside', async (count, max) => {
    const world = await open();
    world.head.configure('one', { ...SETTINGS, seriesPerMetricMax: max });
    const some = (name: string) =>
      Array.from({ length: count }, (_, at) => series({ __name__: name, at: `${at}` }, [10, 1]));
    world.push(1, [...some('a'), ...some('b'), series({ no: 'name' }, [10, 1])]);
    const refused = Math.max(0, count - max);
    expect((await names(world, 'one')).length).toBe(2 * (count - refused) + 1);
    expect(world.head.takeDiscards()).toEqual(
      refused === 0 ? [] : [{ tenant: 'one', reason: 'per_metric_series_limit', count: 2 }],
    );
  });

  it.each([
    [2, 3],
    [3, 3],
    [4, 3],
    [4, 0],
  ])('takes metadata of %i of at most %i metrics (0 is no limit)', async (count, max) => {
    const world = await open();
    world.head.configure('one', { ...SETTINGS, metadataMax: max });
    const all = Array.from({ length: count }, (_, at) => metadata(`m${at}`, 'help'));
    world.push(1, Buffer.concat([...all, ...all]));
    const kept = max === 0 ? count : Math.min(count, max);
    expect(world.head.metadata('one').length).toBe(kept);
    const refused = 2 * (count - kept);
    expect(world.head.takeDiscards()).toEqual(
      refused === 0 ? [] : [{ tenant: 'one', reason: 'per_user_metadata_limit', count: refused }],
    );
  });

  it.each([
    [2, 3],
    [3, 3],
    [4, 3],
    [4, 0],
    [4, undefined],
  ])('takes %i of at most %s entries of one metric (0 is no limit)', async (count, max) => {
    const world = await open();
    const limit = max === undefined ? {} : { metadataPerMetricMax: max };
    world.head.configure('one', { ...SETTINGS, ...limit });
    const all = Array.from({ length: count }, (_, at) => metadata('m', `help ${at}`));
    world.push(1, Buffer.concat([...all, metadata('other', ''), ...all]));
    const kept = all.slice(0, max || count).map((_, at) => `help ${at}`);
    const refused = 2 * (count - kept.length);
    expect(world.head.takeDiscards()).toEqual(
      refused === 0 ? [] : [{ tenant: 'one', reason: 'per_metric_metadata_limit', count: refused }],
    );
    await world.restart();
    expect(world.head.metadata('one').map(({ help }) => help)).toEqual([...kept, '']);
  });
});

describe('the discard log', () => {
  it('says what, where and how often, and survives a restart', async () => {
    const world = await open();
    world.push(1000, [series({ __name__: 'm', a: 'b' }, [10, 1])]);
    world.push(2000, [series({ __name__: 'm', a: 'b' }, [10, 2], [5, 1])]);
    world.push(3000, Uint8Array.of(0xff));
    world.push(4000, [series({ __name__: 'm', a: 'b' }, [5, 3])]);
    const place = (first: number, last: number) => ({
      ...{ firstOffset: first, lastOffset: last },
      ...{ firstMs: 1000 * (first + 1), lastMs: 1000 * (last + 1) },
    });
    const entry = { count: 1, series: 'm{a="b"}', seriesCut: false };
    const wanted = {
      reasons: [
        { reason: 'sample_duplicate_timestamp', count: 1, ...place(1, 1) },
        { reason: 'sample_out_of_order', count: 2, ...place(1, 3) },
        { reason: 'undecodable_record', count: 1, ...place(2, 2) },
      ],
      entries: [
        {
          ...entry,
          reason: 'sample_duplicate_timestamp',
          offset: 1,
          timestampMs: 2000,
          sampleMs: 10,
        },
        { ...entry, reason: 'sample_out_of_order', offset: 1, timestampMs: 2000, sampleMs: 5 },
        {
          ...{ ...entry, series: '', reason: 'undecodable_record' },
          ...{ offset: 2, timestampMs: 3000, sampleMs: undefined },
        },
        { ...entry, reason: 'sample_out_of_order', offset: 3, timestampMs: 4000, sampleMs: 5 },
      ],
    };
    expect(world.head.discarded('one')).toEqual(wanted);
    expect(world.head.discarded('two')).toEqual({ reasons: [], entries: [] });
    const digest = world.head.digest();
    await world.restart();
    expect(world.head.discarded('one')).toEqual(wanted);
    expect(world.head.digest()).toBe(digest);
  });

  it('keeps the last hundred, and goes on where it was after a restart', async () => {
    const world = await open();
    world.push(0, [series({ __name__: 'm' }, [1000, 1])]);
    for (const count of [DISCARD_ENTRIES_MAX - 1, 1, 1, 42]) {
      for (let left = count; left > 0; left--) world.push(0, [series({ __name__: 'm' }, [1, 1])]);
      const { reasons, entries } = world.head.discarded('one');
      const last = world.offset - 1;
      expect(reasons[0]?.count).toBe(last);
      const kept = Math.min(last, DISCARD_ENTRIES_MAX);
      expect(entries.map(({ offset }) => offset)).toEqual(
        Array.from({ length: kept }, (_, at) => last - kept + 1 + at),
      );
      await world.restart();
      expect(world.head.discarded('one')).toEqual({ reasons, entries });
    }
  });
});

describe('active series', () => {
  const push = (world: World, minute: number, ...names: string[]) =>
    world.push(
      minute * MINUTE,
      names.map((name) => series({ __name__: name }, [minute * MINUTE, 1])),
    );
  const active = ({ head }: World, atMs?: number) => head.activity(atMs)[0]?.active;

  it('are those with a sample within the idle time-out of log time', async () => {
    const world = await open();
    world.head.configure('one', { ...SETTINGS, activeIdleMs: 3 * MINUTE });
    push(world, 100, 'a', 'b');
    push(world, 101, 'b');
    expect(active(world)).toBe(2);
    push(world, 103, 'c');
    expect(active(world)).toBe(3);
    push(world, 104, 'c');
    expect(active(world)).toBe(2);
    expect(await names(world, 'one', true)).toEqual(['b', 'c']);
    push(world, 105, 'a');
    expect(active(world)).toBe(2);
    expect(active(world, 108 * MINUTE)).toBe(1);
    expect(active(world, 109 * MINUTE)).toBe(0);
    expect(active(world, 1)).toBe(2);
  });

  it('are the same after a restart, whenever it comes', async () => {
    const step = fc.tuple(fc.nat(7), fc.subarray(['a', 'b', 'c', 'd']), fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const [plain, restarted] = [await open(), await open()];
        const tracker = (name: string, value: string) => ({
          name,
          matchers: [{ name: '__name__', op: '=~' as const, value }],
        });
        for (const { head } of [plain, restarted]) {
          const trackers = [tracker('ab', 'a|b'), tracker('all', '.+')];
          head.configure('one', { ...SETTINGS, activeIdleMs: 4 * MINUTE, trackers });
        }
        const seen = new Map<string, number>();
        let minute = 100;
        for (const [move, names, restart] of steps) {
          minute += Math.min(5, move);
          for (const world of [plain, restarted]) push(world, minute, ...names);
          // Repeated in the same minute, a sample is a duplicate and changes nothing.
          for (const name of names) seen.set(name, minute);
          if (restart) await restarted.restart();
          const now = [...seen].filter(([, at]) => at >= minute - 4).map(([name]) => name);
          const { active, trackers } = plain.head.activity()[0]!;
          expect(active).toBe(now.length);
          expect(trackers.map((one) => one.active)).toEqual([
            now.filter((name) => name < 'c').length,
            now.length,
          ]);
          expect(restarted.head.activity()).toEqual(plain.head.activity());
          expect(restarted.head.digest()).toBe(plain.head.digest());
        }
      }),
      { numRuns: 40 },
    );
  });

  it('are counted anew when trackers or the time-out change', async () => {
    const world = await open();
    push(world, 100, 'a', 'b');
    push(world, 105, 'c');
    expect(active(world)).toBe(3);
    const trackers = [
      { name: 'not a', matchers: [{ name: '__name__', op: '!=' as const, value: 'a' }] },
    ];
    world.head.configure('one', { ...SETTINGS, activeIdleMs: 4 * MINUTE, trackers });
    expect(world.head.activity()).toMatchObject([
      { tenant: 'one', active: 1, trackers: [{ name: 'not a', active: 1 }] },
    ]);
    world.head.configure('one', { ...SETTINGS, trackers });
    expect(world.head.activity()[0]?.trackers).toMatchObject([{ name: 'not a', active: 2 }]);
    world.head.configure('one', SETTINGS);
    expect(world.head.activity()).toMatchObject([{ tenant: 'one', active: 3, trackers: [] }]);
  });

  it('end with their series, which are counted as they come and go', async () => {
    const world = await open();
    push(world, 100, 'a', 'b');
    expect(world.head.takeSeriesChanges()).toEqual([{ tenant: 'one', created: 2, removed: 0 }]);
    for (const window of world.head.cutDue(true)) world.head.drop(window);
    expect(active(world)).toBe(0);
    expect(world.head.takeSeriesChanges()).toEqual([{ tenant: 'one', created: 0, removed: 2 }]);
    expect(world.head.takeSeriesChanges()).toEqual([]);
  });

  it('samples are counted a tenant, those of rules apart', async () => {
    const world = await open();
    const at = 100 * MINUTE;
    const body = writeRequest(series({ __name__: 'a' }, [at, 1], [at + 1, 2]));
    world.push(at, body);
    world.push(at, body);
    world.push(at, Buffer.concat([Uint8Array.of(0x10, 0), body]), 'two');
    const ofRules = writeRequest(series({ __name__: 'b' }, [at, 1]));
    world.push(at, Buffer.concat([ofRules, Uint8Array.of(0x10, 1)]), 'two');
    expect(world.head.takeIngested()).toEqual([
      { tenant: 'one', samples: 2, ruleSamples: 0 },
      { tenant: 'two', samples: 3, ruleSamples: 1 },
    ]);
    expect(world.head.takeIngested()).toEqual([]);
  });

  it('log time goes with the newest record, by five minutes a record at most', async () => {
    const world = await open();
    push(world, 100, 'a');
    world.push(1e15, [series({ __name__: 'b' }, [100 * MINUTE, 1])]);
    world.push(0, [series({ __name__: 'c' }, [100 * MINUTE, 1])]);
    expect(active(world)).toBe(3);
  });
});

describe('cardinality', () => {
  const count = ({ head }: World, request: Partial<LabelCardinalityRequest>) => {
    const { series, labels } = head.cardinality({
      ...{ tenant: 'one', matchers: [], activeOnly: false },
      ...request,
    });
    const found: Record<string, Record<string, number>> = {};
    for (const { name, values, series } of labels) {
      found[name] ??= {};
      for (const [at, value] of values.entries()) found[name][value] = series[at]!;
    }
    return { series, found };
  };

  it('counts series a value, for all, by selector, and for active ones', async () => {
    const world = await open();
    const at = 100 * MINUTE;
    world.push(at, [
      series({ __name__: 'a', job: 'x' }, [at, 1]),
      series({ __name__: 'a', job: 'y' }, [at, 1]),
      series({ __name__: 'b', job: 'y' }, [at, 1]),
    ]);
    world.push(at, [series({ __name__: 'other' }, [at, 1])], 'two');
    expect(count(world, {})).toEqual({
      series: 3,
      found: { __name__: { a: 2, b: 1 }, job: { x: 1, y: 2 } },
    });
    const matchers = [createMatcher({ name: 'job', op: '=', value: 'y' })];
    expect(count(world, { matchers, names: ['__name__', 'none'] })).toEqual({
      series: 2,
      found: { __name__: { a: 1, b: 1 } },
    });
    for (let minute = 104; minute < 124; minute += 4) {
      world.push(minute * MINUTE, [series({ __name__: 'b', job: 'y' }, [minute * MINUTE, 1])]);
    }
    world.push(124 * MINUTE, []);
    expect(count(world, { activeOnly: true })).toEqual({
      series: 1,
      found: { __name__: { b: 1 }, job: { y: 1 } },
    });
    for (const window of world.head.cutDue(true)) world.head.drop(window);
    expect(count(world, {})).toEqual({ series: 0, found: {} });
    expect(count(world, { tenant: 'three' })).toEqual({ series: 0, found: {} });
  });

  it('gives a name with many values in steps', async () => {
    const world = await open();
    const many = Array.from({ length: 5000 }, (_, at) =>
      series({ __name__: 'm', at: `${at}` }, [1, 1]),
    );
    world.push(0, many);
    const request = { tenant: 'one', matchers: [], activeOnly: false, names: ['at'] };
    const steps = [...world.head.cardinality(request).labels];
    expect(steps.length).toBe(3);
    expect(new Set(steps.flatMap(({ values }) => values)).size).toBe(5000);
    expect(Object.keys(count(world, { names: ['at'], activeOnly: true }).found.at!).length).toBe(
      5000,
    );
  });
});

describe('a tenant', () => {
  const good = (world: World, minute: number) => {
    const t = minute * MINUTE;
    world.push(t, [series({ __name__: 'm', a: 'b' }, [t, minute])], 'good');
  };
  const long = 'x'.repeat(3_000_000);
  const bad: Record<string, (world: World, minute: number) => void> = {
    'poison record': (world) => world.push(0, Uint8Array.of(0x0a, 0x7f), 'bad'),
    'record of an unknown version': (world) => world.push(0, Uint8Array.of(1), 'bad', 99),
    'record of the far future': (world, minute) =>
      world.push(1e15, [series({ __name__: 'm', a: 'b' }, [minute * MINUTE, 1])], 'bad'),
    'sample of the far future': (world) =>
      world.push(0, [series({ __name__: 'm', a: 'b' }, [8.64e15, 1])], 'bad'),
    'sample beyond all dates': (world) =>
      world.push(0, [series({ __name__: 'm', a: 'b' }, [9e18, 1])], 'bad'),
    'series without labels': (world) => world.push(0, [series({}, [1, 1])], 'bad'),
    'label of megabytes': (world) =>
      world.push(0, [series({ __name__: long, a: long }, [1, 1])], 'bad'),
    'broken text': (world) => {
      const label = message(0x0a, Uint8Array.of(0x0a, 1, 0xff, 0x12, 2, 0xc0, 0x80));
      const sample = message(0x12, Uint8Array.of(0x10, 1));
      world.push(0, message(0x0a, label, sample), 'bad');
      world.push(0, message(0x0a, label, sample, message(0x12, Uint8Array.of(0x10, 0))), 'bad');
    },
    'thousand labels': (world) =>
      world.push(
        0,
        [
          series(
            Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`l${at}`, '1'])),
            [1, 1],
          ),
        ],
        'bad',
      ),
    'series over its limit': (world) => {
      world.head.configure('bad', { ...SETTINGS, seriesMax: 1, seriesPerMetricMax: 1 });
      world.push(0, [series({ __name__: 'a' }, [1, 1]), series({ __name__: 'b' }, [1, 1])], 'bad');
    },
  };

  it.each(Object.keys(bad))('is not hurt by another tenant’s %s', async (kind) => {
    const [alone, beside] = [await open(), await open()];
    for (let minute = 100; minute < 110; minute++) {
      good(alone, minute);
      bad[kind]!(beside, minute);
      good(beside, minute);
      if (minute === 105) await beside.restart();
    }
    expect(beside.head.position).toBe(beside.offset);
    expect(await names(beside, 'good')).toEqual(await names(alone, 'good'));
    const only = (world: World) => ({
      stats: world.head.tenants().filter(({ tenant }) => tenant === 'good'),
      active: world.head.activity().filter(({ tenant }) => tenant === 'good'),
      discarded: world.head.discarded('good'),
      metadata: world.head.metadata('good'),
    });
    expect(only(beside)).toEqual(only(alone));
    expect(beside.head.discarded('bad').entries.length).toBeLessThanOrEqual(DISCARD_ENTRIES_MAX);
    await beside.restart();
    expect(only(beside)).toEqual(only(alone));
  });
});
