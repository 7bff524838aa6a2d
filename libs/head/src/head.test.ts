// The head against a naive model: random records with duplicates, late samples, several tenants and
// window crossings, through checkpoints, reopens, cuts and drops. And checkpoints cut short everywhere.
import { createMatcher, decodeLabels, printLabels, SampleColumns } from '@weir/model';
import { decodeXorChunk } from '@weir/tsdb/chunk';
import { describe, expect, it } from 'vitest';
import type { HeadRecord, HeadSeries, PartitionHead, TenantWindow } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, series, writeRequest } from './records/record-fixture.ts';

const HOUR = 3_600_000;
const WINDOW = 2 * HOUR;

/** A small seeded generator, so that a failing run can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface ModelSeries {
  last: number;
  samples: Map<number, number>;
}

class ModelTenant {
  eventTime = -Infinity;
  oldest = -Infinity;
  oldestLate = -Infinity;
  readonly late: number;
  readonly series = new Map<string, ModelSeries>();
  constructor(late: number) {
    this.late = late;
  }

  /** What is too old is decided once a record. */
  begin(): void {
    this.oldest = this.eventTime - Math.max(HOUR, this.late);
    this.oldestLate = this.eventTime - this.late;
  }

  apply(labels: string, t: number, v: number): void {
    if (t < this.oldest) return;
    const known = this.series.get(labels) ?? { last: -Infinity, samples: new Map() };
    if (t <= known.last) {
      if (t === known.last || known.samples.has(t)) return;
      if (this.late === 0 || t < this.oldestLate) return;
    } else {
      known.last = t;
    }
    this.series.set(labels, known);
    known.samples.set(t, v);
    this.eventTime = Math.max(this.eventTime, t);
  }

  drop({ minT, maxT }: TenantWindow): void {
    for (const [labels, { samples }] of this.series) {
      for (const t of samples.keys()) if (t >= minT && t < maxT) samples.delete(t);
      if (samples.size === 0) this.series.delete(labels);
    }
  }
}

function samplesOf({ chunks }: HeadSeries, minT = -Infinity, maxT = Infinity): [number, number][] {
  const columns = new SampleColumns();
  for (const chunk of chunks) decodeXorChunk(chunk.bytes, columns, minT, maxT);
  return Array.from({ length: columns.count }, (_, at) => [columns.t[at], columns.v[at]]);
}

async function collect(batches: AsyncIterable<readonly HeadSeries[]>): Promise<HeadSeries[]> {
  const all: HeadSeries[] = [];
  for await (const batch of batches) {
    for (const { labels, chunks } of batch) all.push({ labels: labels.slice(), chunks });
  }
  return all;
}

async function dump(head: PartitionHead, tenant: string, minT = -1e15, maxT = 1e15) {
  const found = await collect(head.select({ tenant, matchers: [], minT, maxT }));
  return found
    .map((one) => [printLabels(one.labels), samplesOf(one, minT, maxT)] as const)
    .filter(([, samples]) => samples.length > 0);
}

function expected(model: ModelTenant, minT = -1e15, maxT = 1e15) {
  return [...model.series]
    .map(([labels, { samples }]) => {
      const inRange = [...samples].filter(([t]) => t >= minT && t <= maxT);
      return [labels, inRange.sort((a, b) => a[0] - b[0])] as const;
    })
    .filter(([, samples]) => samples.length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

const byLabels = (a: readonly [string, unknown], b: readonly [string, unknown]) =>
  a[0] < b[0] ? -1 : 1;

const LATE: Record<string, number> = { one: 0, two: 30 * 60_000, three: 90 * 60_000 };
const STEP = 15_000;

/** One record: some series of a tenant around the present, sometimes late, sometimes repeated. */
function randomRecord(next: (below: number) => number, offset: number, now: number) {
  const tenant = Object.keys(LATE)[next(3)];
  const all = Array.from({ length: 1 + next(12) }, () => {
    const labels = { __name__: `m${next(3)}`, i: String(next(8)), ...(next(4) ? {} : { x: 'y' }) };
    const count = 1 + next(3);
    const late = next(6) === 0 ? next(240) : next(3);
    const samples = Array.from({ length: count }, (_, at): [number, number] => [
      now + (at - late) * STEP + (next(10) === 0 ? next(5) : 0),
      next(3) === 0 ? next(3) : next(1000) / 7,
    ]);
    return { labels, samples };
  });
  return {
    tenant,
    all,
    value: record(offset, writeRequest(...all.map((s) => series(s.labels, ...s.samples))), tenant),
  };
}

function createModel(): Map<string, ModelTenant> {
  return new Map(Object.entries(LATE).map(([name, late]) => [name, new ModelTenant(late)]));
}

async function openConfigured(store = createMemoryHeadStore()) {
  const head = await openPartitionHead({ partition: 3 }, { store });
  for (const [tenant, outOfOrderWindowMs] of Object.entries(LATE)) {
    head.configure(tenant, { outOfOrderWindowMs, seriesMax: 0 });
  }
  return head;
}

async function expectEqual(head: PartitionHead, model: Map<string, ModelTenant>) {
  for (const [tenant, state] of model) {
    expect((await dump(head, tenant)).sort(byLabels)).toEqual(expected(state).sort(byLabels));
    // Ranges that need only some checkpoints' rows, and moments that need none.
    for (const backMs of [0, 2 * STEP, 40 * STEP]) {
      const maxT = state.eventTime - backMs;
      const minT = maxT - 5 * 60_000;
      const inRange = expected(state, minT, maxT).sort(byLabels);
      expect((await dump(head, tenant, minT, maxT)).sort(byLabels)).toEqual(inRange);
      const select = { tenant, matchers: [], minT, maxT, newestOnly: true };
      const newest = (await collect(head.select(select)))
        .map((one) => [printLabels(one.labels), samplesOf(one, minT, maxT).slice(-1)] as const)
        .filter(([, samples]) => samples.length > 0);
      const wanted = inRange.map(([labels, samples]) => [labels, samples.slice(-1)]);
      expect(newest.sort(byLabels)).toEqual(wanted);
    }
  }
}

describe('partition head', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'equals the model through checkpoints, reopens and cuts (%i)',
    async (seed) => {
      const next = random(seed);
      let store = createMemoryHeadStore();
      let head = await openConfigured(store);
      const model = createModel();
      let now = 40 * WINDOW + next(WINDOW);
      const pending: Promise<void>[] = [];
      for (let offset = 0; offset < 1500; offset++) {
        now += next(20) === 0 ? next(400) * STEP : next(2) * STEP;
        const { tenant, all, value } = randomRecord(next, offset, now);
        model.get(tenant)!.begin();
        head.apply([value], offset + 1);
        for (const { labels, samples } of all) {
          const name = printLabels(series(labels).labels);
          for (const [t, v] of samples) model.get(tenant)!.apply(name, t, v);
        }
        if (next(60) === 0) pending.push(head.checkpoint());
        if (next(90) === 0) await Promise.all(pending.splice(0));
        if (next(150) === 0) {
          for (const window of head.cutDue(next(4) === 0)) {
            const source = head.cut(window);
            const cut = (await collect(source.series())).map(
              (one) => [printLabels(one.labels), samplesOf(one)] as const,
            );
            const state = model.get(window.tenant)!;
            expect([...cut].sort(byLabels)).toEqual(
              expected(state, window.minT, window.maxT - 1).sort(byLabels),
            );
            head.drop(window);
            state.drop(window);
          }
        }
        if (next(250) === 0) {
          await head.checkpoint();
          const digest = head.digest();
          store = store.copy();
          head = await openPartitionHead({ partition: 3 }, { store });
          expect(head.digest()).toBe(digest);
          await expectEqual(head, model);
        }
        if (next(100) === 0) await expectEqual(head, model);
      }
      await Promise.all(pending);
      await expectEqual(head, model);
    },
  );

  it('is at the old or the new position, exactly, wherever a checkpoint is cut short', async () => {
    const next = random(99);
    const records: HeadRecord[] = [];
    let now = 10 * WINDOW;
    for (let offset = 0; offset < 600; offset++) {
      now += next(3) * STEP;
      records.push(randomRecord(next, offset, now).value);
    }
    const run = async (failAt: number) => {
      let writes = 0;
      let armed = false;
      const store = createMemoryHeadStore({
        onWrite: () => {
          if (armed && writes++ === failAt) throw new Error('crash');
        },
      });
      const head = await openConfigured(store);
      head.apply(records.slice(0, 300), 300);
      await head.checkpoint();
      const before = { digest: head.digest(), two: await dump(head, 'two') };
      head.apply(records.slice(300), 600);
      const after = { digest: head.digest(), two: await dump(head, 'two') };
      armed = true;
      let failed = false;
      await head.checkpoint().catch(() => {
        failed = true;
      });
      armed = false;
      const copy = store.copy();
      // With it the head would come back as it was in either case.
      copy.journal.files.clear();
      const reopened = await openPartitionHead({ partition: 3 }, { store: copy });
      const wanted = failed ? before : after;
      expect(reopened.position).toBe(failed ? 300 : 600);
      expect(reopened.digest()).toBe(wanted.digest);
      expect(await dump(reopened, 'two')).toEqual(wanted.two);
      // Replaying the rest gives the same head, and so does the failed one when it tries again.
      reopened.apply(records.slice(300), 600);
      expect(reopened.digest()).toBe(after.digest);
      expect(await dump(reopened, 'two')).toEqual(after.two);
      await reopened.checkpoint();
      await head.checkpoint();
      expect(await dump(head, 'two')).toEqual(after.two);
      return failed;
    };
    let failAt = 0;
    while (await run(failAt)) failAt++;
    expect(failAt).toBeGreaterThanOrEqual(3);
  });

  it('gives a read all it began with, though windows are dropped and series created meanwhile', async () => {
    const head = await openConfigured();
    const at = (name: string, t: number) =>
      writeRequest(
        ...Array.from({ length: 9000 }, (_, i) => series({ __name__: name, i: String(i) }, [t, i])),
      );
    head.apply([record(0, at('m', WINDOW)), record(1, at('m', 2 * WINDOW))], 2);
    await head.checkpoint();
    head.apply([record(2, at('m', 2 * WINDOW + 1))], 3);
    const all = { tenant: 'one', matchers: [], minT: 0, maxT: 1e15 };
    const whole = await collect(head.select(all));
    const reading = head.select(all)[Symbol.asyncIterator]();
    const found: HeadSeries[] = [];
    const take = async (batches: number) => {
      for (let batch = 0; batch < batches; batch++) {
        const { value, done } = await reading.next();
        if (done) return;
        for (const { labels, chunks } of value) found.push({ labels: labels.slice(), chunks });
      }
    };
    await take(1);
    for (const window of head.cutDue(true)) head.drop(window);
    expect(head.seriesCount).toBe(0);
    await head.checkpoint();
    head.apply([record(3, at('n', 2 * WINDOW + 2))], 4);
    await head.checkpoint();
    await head.checkpoint();
    await take(1000);
    expect(found.map((one) => [printLabels(one.labels), samplesOf(one)])).toEqual(
      whole.map((one) => [printLabels(one.labels), samplesOf(one)]),
    );
    expect(found.length).toBe(9000);
    expect((await dump(head, 'one')).length).toBe(9000);
    expect(head.safeOffset()).toBe(3);
  });

  it('keeps samples that come while a flushed window is cut, and frees rows of dropped ones', async () => {
    const store = createMemoryHeadStore();
    const head = await openConfigured(store);
    const up = (t: number, v: number) => writeRequest(series({ __name__: 'up' }, [t, v]));
    head.apply([record(0, up(WINDOW, 1)), record(1, up(WINDOW + 1, 2))], 2);
    const [window] = head.cutDue(true);
    head.apply([record(2, up(WINDOW + 2, 3))], 3);
    const cut = await collect(head.cut(window).series());
    expect(cut.map((one) => samplesOf(one))).toEqual([
      [
        [WINDOW, 1],
        [WINDOW + 1, 2],
      ],
    ]);
    await head.checkpoint();
    head.drop(window);
    expect((await dump(head, 'one'))[0][1]).toEqual([[WINDOW + 2, 3]]);
    expect(head.safeOffset()).toBe(2);
    const rows = store.rowCount;
    await head.checkpoint();
    expect(store.rowCount).toBeLessThan(rows + 3);
    head.drop(head.cutDue(true)[0]);
    expect(head.seriesCount).toBe(0);
    expect(head.safeOffset()).toBe(3);
    const reopened = await openPartitionHead({ partition: 3 }, { store: store.copy() });
    expect((await dump(reopened, 'one'))[0][1]).toEqual([[WINDOW + 2, 3]]);
  });

  it('answers matchers as Prometheus does, in label order', async () => {
    const head = await openConfigured();
    const names = ['b', 'a', 'c'].flatMap((name) =>
      ['10', '9', ''].map((i) => series({ __name__: name, i, pod: `${name}${i}` }, [1000, 1])),
    );
    head.apply([record(0, writeRequest(...names))], 1);
    const query = async (...specs: [string, '=' | '!=' | '=~' | '!~', string][]) => {
      const matchers = specs.map(([name, op, value]) => createMatcher({ name, op, value }));
      const found = await collect(head.select({ tenant: 'one', matchers, minT: 0, maxT: 2000 }));
      return found.map(({ labels }) => decodeLabels(labels).at(-1)!.value).join(' ');
    };
    expect(await query()).toBe('a10 a9 a b10 b9 b c10 c9 c');
    expect(await query(['__name__', '=', 'b'])).toBe('b10 b9 b');
    expect(await query(['i', '=', ''])).toBe('a b c');
    expect(await query(['i', '!=', '9'])).toBe('a10 a b10 b c10 c');
    expect(await query(['i', '=~', '9.*'], ['__name__', '!=', 'a'])).toBe('b9 c9');
    expect(await query(['i', '=~', '9?'])).toBe('a9 a b9 b c9 c');
    expect(await query(['i', '!~', '9?'])).toBe('a10 b10 c10');
    expect(await query(['pod', '=~', 'a9|c'], ['nope', '=', ''])).toBe('a9 c');
    expect(await query(['nope', '=~', '.+'])).toBe('');
    const all = { tenant: 'one', matchers: [], minT: 0, maxT: 2000 };
    expect(await head.labelNames(all)).toEqual(['__name__', 'i', 'pod']);
    expect(await head.labelValues('i', all)).toEqual(['10', '9']);
  });
});
