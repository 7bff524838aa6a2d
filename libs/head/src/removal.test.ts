// Series that come and go: what is dropped in steps, with records, reads, checkpoints and restarts between
// them, leaves the same head as what is dropped at once, and nothing of a removed series stays in memory.
import { createMatcher } from '@weir/model';
import { seededRandom } from '@weir/runtime';
import { encodeHistogram } from '@weir/wire/log-record';
import { describe, expect, it } from 'vitest';
import { drop } from './cuts.ts';
import type { HeadSeries, PartitionHead, TenantWindow } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { RecordApplier } from './records/apply.ts';
import { message, record, series, seriesMessage, writeRequest } from './records/record-fixture.ts';
import { emptyHistogram } from './series/histograms.ts';
import { HeadState } from './state.ts';

const WINDOW = 7_200_000;
const SERIES = 3_000;
const STAYING = 100;

/** A record with a sample of each series of a generation of pods, and of those that stay. */
function generation(offset: number, number: number, count = SERIES) {
  const t = number * WINDOW + 1_000;
  const pods = Array.from({ length: count }, (_, at) =>
    series(
      { __name__: `m${at % 3}`, env: 'production', pod: `p-${number}-${at}`, [`x${number}`]: 'y' },
      [t, at],
    ),
  );
  const staying = Array.from({ length: STAYING }, (_, at) =>
    series({ __name__: 'm0', env: 'production', pod: `staying-${at}` }, [t, at]),
  );
  return record(offset, writeRequest(...pods, ...staying));
}

function apply(head: PartitionHead, number: number): void {
  head.apply([generation(head.position, number)], head.position + 1);
}

async function values(head: PartitionHead, name: string): Promise<number> {
  const select = { tenant: 'one', matchers: [], minT: -1e15, maxT: 1e15 };
  return (await head.labelValues(name, select)).length;
}

async function seriesOf(head: PartitionHead, pod: string): Promise<number> {
  const matchers = [
    createMatcher({ name: 'env', op: '=', value: 'production' }),
    createMatcher({ name: 'pod', op: '=~', value: pod }),
  ];
  let count = 0;
  for await (const batch of head.select({ tenant: 'one', matchers, minT: -1e15, maxT: 1e15 })) {
    count += batch.length;
  }
  return count;
}

describe('drop in steps', () => {
  it('equals a drop at once, with all that goes on between the steps', async () => {
    const store = createMemoryHeadStore();
    const head = await openPartitionHead({ partition: 0 }, { store });
    const plain = await openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
    for (const one of [head, plain]) apply(one, 0);
    for (let number = 1; number < 6; number++) {
      for (const one of [head, plain]) apply(one, number);
      const windows = head.cutDue(true).filter(({ minT }) => minT === (number - 1) * WINDOW);
      expect(plain.cutDue(true).filter(({ minT }) => minT < number * WINDOW)).toEqual(windows);
      plain.drop(windows[0]);
      let steps = 0;
      const reads: Promise<number>[] = [seriesOf(head, 'p-.*')];
      for (const _ of head.dropSteps(windows[0])) {
        steps++;
        reads.push(seriesOf(head, `p-${number}-.*`), seriesOf(head, 'staying-.*'));
        // It takes what is left of the series at once.
        if (steps !== 6) continue;
        await head.checkpoint();
        const resumed = await openPartitionHead({ partition: 0 }, { store: store.copy() });
        expect(resumed.digest()).toBe(plain.digest());
      }
      expect(steps).toBeGreaterThan(8);
      expect(await Promise.all(reads.slice(1))).toEqual(
        Array.from({ length: steps }, () => [SERIES, STAYING]).flat(),
      );
      expect(await reads[0]).toBeGreaterThanOrEqual(SERIES);
      expect(head.digest()).toBe(plain.digest());
      expect(head.seriesCount).toBe(SERIES + STAYING);
      expect(await values(head, 'pod')).toBe(SERIES + STAYING);
      expect(await values(head, `x${number - 1}`)).toBe(0);
      await head.checkpoint();
      const reopened = await openPartitionHead({ partition: 0 }, { store: store.copy() });
      expect(reopened.digest()).toBe(plain.digest());
      expect(await seriesOf(reopened, '.*')).toBe(SERIES + STAYING);
    }
  });

  it('lets removed series come back, before and after their ref is taken', async () => {
    const store = createMemoryHeadStore();
    const head = await openPartitionHead({ partition: 0 }, { store });
    apply(head, 0);
    apply(head, 1);
    const [first] = head.cutDue(true);
    const steps = head.dropSteps(first)[Symbol.iterator]();
    steps.next();
    head.apply([generation(head.position, 1)], head.position + 1);
    const late = writeRequest(
      series({ __name__: 'm0', env: 'production', pod: 'p-0-0', x0: 'y' }, [WINDOW + 2_000, 1]),
    );
    head.apply([record(head.position, late)], head.position + 1);
    while (!steps.next().done);
    head.apply([record(head.position, late)], head.position + 1);
    expect(await seriesOf(head, 'p-0-.*')).toBe(1);
    expect(head.seriesCount).toBe(SERIES + STAYING + 1);
  });
});

describe('a drop under way', () => {
  /** A head that a flush of all has left nothing but what came in the window's rest. */
  const opened = async (seriesMax: number) => {
    const head = await openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
    const metadata = message(
      0x1a,
      message(0x12, Buffer.from('m0')),
      message(0x22, Buffer.from('?')),
    );
    head.apply([generation(0, 0), record(1, metadata)], 2);
    head.configure('one', { outOfOrderWindowMs: 0, seriesMax });
    return { head, windows: head.cutDue(true) };
  };
  const some = (offset: number, pods: readonly number[], t: number) => {
    const all = pods.map((at) =>
      series({ __name__: `m${at % 3}`, env: 'production', pod: `p-0-${at}`, x0: 'y' }, [t, at]),
    );
    return record(offset, writeRequest(...all));
  };

  it.each([0, 50, SERIES])('shows nowhere, with at most %i series', async (seriesMax) => {
    const plain = await opened(seriesMax);
    const stepped = await opened(seriesMax);
    const random = seededRandom(seriesMax);
    expect(stepped.windows).toEqual(plain.windows);
    for (const window of plain.windows) plain.head.drop(window);
    let steps = 0;
    for (const _ of stepped.head.dropSteps(stepped.windows[0])) {
      steps++;
      const pods = Array.from({ length: 20 }, () => Math.floor(random.next() * SERIES));
      // Before, at and after what they had.
      const t = [500, 1_000, 1_500][steps % 3];
      for (const { head } of [plain, stepped]) {
        head.apply([some(head.position, pods, t)], head.position + 1);
      }
    }
    expect(steps).toBeGreaterThan(4);
    expect(stepped.head.seriesCount).toBe(plain.head.seriesCount);
    expect(stepped.head.discarded('one')).toEqual(plain.head.discarded('one'));
    expect(stepped.head.metadata('one')).toEqual([]);
    expect(stepped.head.digest()).toBe(plain.head.digest());
  });
});

describe('removed series that come back while others go', () => {
  it('are all there after a restart', async () => {
    const store = createMemoryHeadStore();
    const head = await openPartitionHead({ partition: 0 }, { store });
    const some = (t: number, from: number, count: number) =>
      record(
        head.position,
        writeRequest(
          ...Array.from({ length: count }, (_, at) =>
            series({ __name__: `m${(from + at) % 31}`, i: String(from + at) }, [t, at]),
          ),
        ),
      );
    head.apply([some(1_000, 0, 12_000)], head.position + 1);
    await head.checkpoint();
    head.apply([some(WINDOW + 5_000_000, 11_000, 1)], head.position + 1);
    const [window] = head.cutDue(false);
    let step = 0;
    const checkpoints: Promise<void>[] = [];
    for (const _ of head.dropSteps(window)) {
      if (step % 10 === 5) checkpoints.push(head.checkpoint());
      const from = (step * 100) % 12_000;
      head.apply([some(WINDOW + 5_000_000 + step++, from, 100)], head.position + 1);
      await Promise.resolve();
    }
    for (let round = 0; round < 3; round++) {
      await Promise.all(checkpoints);
      const reopened = await openPartitionHead({ partition: 0 }, { store: store.copy() });
      expect(reopened.seriesCount).toBeGreaterThan(0);
      await head.checkpoint();
      const next = await openPartitionHead({ partition: 0 }, { store: store.copy() });
      expect(next.seriesCount).toBe(head.seriesCount);
      expect(next.digest()).toBe(head.digest());
      head.apply([some(WINDOW + 6_000_000 + round, 500 * round, 700)], head.position + 1);
    }
  });
});

describe('samples of a window that was dropped before an older one', () => {
  const histogram = (t: number) =>
    encodeHistogram({
      t,
      startT: 0,
      histogram: { ...emptyHistogram(false, false), count: 3, zeroCount: 3 },
    });
  const kinds = {
    floats: (t: number) => seriesMessage({ __name__: 'up' }, { samples: [[t, 1]] }),
    histograms: (t: number) => seriesMessage({ __name__: 'up' }, { histograms: [histogram(t)] }),
  };

  /** What a cut streams and what a read finds: times of chunks' first samples. */
  async function times(of: AsyncIterable<readonly HeadSeries[]>): Promise<number[]> {
    const found: number[] = [];
    for await (const batch of of) {
      for (const { chunks } of batch) found.push(...chunks.map(({ minT }) => minT));
    }
    return found;
  }

  it.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s are kept and cut', async (kind) => {
    const head = await openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
    const apply = (t: number) => {
      head.apply([record(head.position, kinds[kind](t))], head.position + 1);
    };
    apply(WINDOW - 1_000);
    apply(WINDOW + 1_000);
    const [older, newer] = head.cutDue(true);
    head.drop(newer);
    apply(WINDOW + 2_000);
    head.drop(older);
    const all = { tenant: 'one', matchers: [], minT: -1e15, maxT: 1e15 };
    expect(head.seriesCount).toBe(1);
    expect(await times(head.select(all))).toEqual([WINDOW + 2_000]);
    const [again] = head.cutDue(true);
    expect(await times(head.cut(again).series())).toEqual([WINDOW + 2_000]);
    head.drop(again);
    expect(head.seriesCount).toBe(0);
  });
});

describe('what removed series leave', () => {
  const dropAll = (state: HeadState, window: number) => {
    const dropped: TenantWindow = {
      ...{ tenant: 'one', minT: window * WINDOW, maxT: (window + 1) * WINDOW },
      ...{ firstOffset: 0, lastOffset: 1e9 },
    };
    for (const _ of drop(state, dropped));
  };

  it('is given to others: labels, pairs, names, pages, refs', () => {
    const state = new HeadState();
    const applier = new RecordApplier(state);
    const sizes: number[][] = [];
    for (let number = 0; number < 12; number++) {
      applier.apply(generation(number, number));
      if (number > 0) dropAll(state, number - 1);
      for (const page of state.emptyPages.splice(0)) state.pages.freePage(page);
      sizes.push([
        state.store.labels.usedBytes,
        state.store.refs,
        state.pages.byId.length,
        state.index.pairCount,
        state.index.tenant(0).names.size,
      ]);
    }
    for (const [at, size] of sizes[11].entries()) expect(size).toBeLessThan(sizes[3][at] * 1.3);
    expect(state.index.pairCount).toBeLessThan(SERIES + STAYING + 10);
    expect(state.index.tenant(0).names.size).toBe(4);
  });

  it('is next to nothing once all are gone', () => {
    const state = new HeadState();
    new RecordApplier(state).apply(generation(0, 0));
    dropAll(state, 0);
    expect(state.store.count).toBe(0);
    // The slab that was filling stays, the others share an empty one.
    expect(new Set(state.store.records).size).toBe(2);
    expect(state.index.tenant(0).names.size).toBe(0);
    expect([...state.pages.metricsOf(0)]).toEqual([]);
    expect(state.store.labels.usedBytes).toBeLessThan(300_000);
  });
});
