// Every sample that a head has accepted is in the head or in what was cut of a window that was dropped,
// whatever the order in which windows are cut, dropped and go on. Series of floats and of histograms, late
// samples, early cuts, drops in steps, checkpoints and restarts between.

import { labelValue, SampleColumns } from '@weir/model';
import { CHUNK_XOR, decodeXorChunk, readHistogramChunk } from '@weir/tsdb/chunk';
import { encodeHistogram } from '@weir/wire/log-record';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeadSeries, PartitionHead, TenantWindow } from './head.ts';
import { createMemoryHeadStore, type MemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { record, seriesMessage } from './records/record-fixture.ts';
import { emptyHistogram } from './series/histograms.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = 1000 * HOUR;
const RUNS = 500;

type Action =
  | { readonly kind: 'samples'; readonly series: number; readonly backs: readonly number[] }
  | { readonly kind: 'ahead'; readonly ms: number }
  | {
      readonly kind: 'cut';
      readonly all: boolean;
      readonly isPrepared: boolean;
      readonly isSlow: boolean;
    }
  | { readonly kind: 'early'; readonly idleMs: number }
  | { readonly kind: 'drop'; readonly which: number; readonly inSteps: boolean }
  | { readonly kind: 'checkpoint' | 'restart' };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('samples' as const),
      series: fc.nat({ max: 3 }),
      backs: fc.array(fc.constantFrom(0, 0, 0, 1, 10 * MINUTE, HOUR, 3 * HOUR), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ahead' as const),
      ms: fc.constantFrom(15_000, 10 * MINUTE, HOUR, 2 * HOUR),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ kind: fc.constant('cut' as const), all: fc.boolean(), isPrepared: fc.boolean() },
      isSlow: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constant('early' as const), idleMs: fc.constantFrom(0, 20 * MINUTE) },
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ kind: fc.constant('drop' as const), which: fc.nat(), inSteps: fc.boolean() },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('checkpoint' as const, 'restart' as const) }),
  },
);

/** Times of samples, each with the series' number before it. */
type Samples = Set<string>;

async function timesOf(of: AsyncIterable<readonly HeadSeries[]>): Promise<Samples> {
  const found: Samples = new Set();
  for await (const batch of of) {
    for (const { labels, chunks } of batch) {
      const series = labelValue(labels, 'i');
      for (const { encoding, bytes } of chunks) {
        const note = (t: number) => found.add(`${series} ${t}`);
        if (encoding !== CHUNK_XOR) readHistogramChunk(encoding, bytes, -1e15, 1e15, note);
        else {
          const columns = new SampleColumns(64);
          decodeXorChunk(bytes, columns, -1e15, 1e15);
          for (let at = 0; at < columns.count; at++) note(columns.t[at]);
        }
      }
    }
  }
  return found;
}

interface Cut {
  readonly window: TenantWindow;
  /** Undefined while nothing of the block is written. */
  readonly samples: Samples | undefined;
}

class Life {
  #head: PartitionHead;
  #store: MemoryHeadStore;
  readonly #accepted: Samples = new Set();
  readonly #inBlocks: Samples = new Set();
  #cuts: Cut[] = [];
  #steps: Iterator<void> | undefined;
  #now = START;

  constructor(head: PartitionHead, store: MemoryHeadStore) {
    this.#head = head;
    this.#store = store;
    head.configure('one', { outOfOrderWindowMs: 4 * HOUR, seriesMax: 0 });
  }

  async take(one: Action): Promise<void> {
    // A step of a drop under way, between whatever else comes.
    if (this.#steps?.next().done) this.#steps = undefined;
    if (one.kind === 'samples') for (const back of one.backs) this.#apply(one.series, back);
    else if (one.kind === 'ahead') this.#now += one.ms;
    else if (one.kind === 'drop') await this.#drop(one.which, one.inSteps);
    else if (one.kind === 'cut') {
      if (one.isPrepared) for (const _ of this.#head.prepareCut(one.all));
      await this.#cut(this.#head.cutDue(one.all), one.isSlow);
    } else if (one.kind === 'early') {
      for (const _ of this.#head.prepareEarlyCut('one'));
      await this.#cut(this.#head.cutEarly('one', one.idleMs), false);
    } else await this.#checkpoint(one.kind === 'restart');
  }

  #apply(series: number, backMs: number): void {
    const head = this.#head;
    const t = this.#now - backMs;
    const histogram = { ...emptyHistogram(false, false), count: 3, zeroCount: 3 };
    const value = seriesMessage(
      { __name__: 'up', i: String(series) },
      series % 2 === 0
        ? { samples: [[t, t % 1000]] }
        : { histograms: [encodeHistogram({ t, startT: 0, histogram })] },
    );
    const before = head.samplesSinceCheckpoint;
    const applied = { ...record(head.position, value), timestampMs: this.#now };
    head.apply([applied], head.position + 1);
    if (head.samplesSinceCheckpoint > before) this.#accepted.add(`${series} ${t}`);
  }

  /** A slow cut streams when more was applied. */
  async #cut(windows: readonly TenantWindow[], isSlow: boolean): Promise<void> {
    this.#endDrop();
    for (const window of windows) {
      const samples = isSlow ? undefined : await this.#streamed(window);
      this.#cuts.push({ window, samples });
    }
  }

  #streamed(window: TenantWindow): Promise<Samples> {
    return timesOf(this.#head.cut(window).series());
  }

  async #drop(which: number, inSteps: boolean): Promise<void> {
    const [cut] = this.#cuts.splice(which % Math.max(1, this.#cuts.length), 1);
    if (cut === undefined) return;
    this.#endDrop();
    const samples = cut.samples ?? (await this.#streamed(cut.window));
    for (const sample of samples) this.#inBlocks.add(sample);
    this.#steps = this.#head.dropSteps(cut.window)[Symbol.iterator]();
    if (!inSteps) this.#endDrop();
  }

  /** One drop at a time, and none beside a cut. */
  #endDrop(): void {
    while (this.#steps && !this.#steps.next().done);
    this.#steps = undefined;
  }

  async #checkpoint(restart: boolean): Promise<void> {
    await this.#head.checkpoint();
    if (!restart) return;
    this.#store = this.#store.copy();
    this.#steps = undefined;
    this.#head = await openPartitionHead({ partition: 0 }, { store: this.#store });
  }

  async check(): Promise<void> {
    const all = { tenant: 'one', matchers: [], minT: -1e15, maxT: 1e15 };
    const read = await timesOf(this.#head.select(all));
    const lost = [...this.#accepted].filter((one) => !read.has(one) && !this.#inBlocks.has(one));
    expect(lost).toEqual([]);
    expect([...read].filter((one) => !this.#accepted.has(one))).toEqual([]);
  }
}

describe('what a head accepts', () => {
  it('is in it, or in a block of a window that was dropped', async () => {
    const live = async (actions: readonly Action[]) => {
      const store = createMemoryHeadStore();
      const life = new Life(await openPartitionHead({ partition: 0 }, { store }), store);
      for (const one of actions) {
        await life.take(one);
        if (one.kind === 'drop') await life.check();
      }
      await life.check();
    };
    const actions = fc.array(action, { minLength: 10, maxLength: 60 });
    await fc.assert(fc.asyncProperty(actions, live), { numRuns: RUNS });
  }, 60_000);
});
