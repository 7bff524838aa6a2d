// A head is a function of its inputs: records and commands. One head takes them and nothing else; the other
// also writes checkpoints (while inputs go on, some cut short at a random write), drops in steps, prepares
// cuts, is read, and is thrown away and opened again from its store or from a snapshot, whereupon it takes
// the inputs since its checkpoint again. Their digests are equal whenever somebody looks; that a digest
// tells states apart is tested too. Looks are rare, as a digest finishes what a drop has left to do.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeadStore, StoreBatch } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openHeadAndState, openPartitionHead } from './open.ts';
import { Feeder, type Input, type Part, TENANTS } from './pure-function-fixture.ts';
import { changedUntouched } from './slabs/clean-slabs-fixture.ts';
import { restoreSnapshot } from './snapshot/restore-snapshot.ts';
import { BEGIN_KEY, COMMIT_KEY } from './store/rows.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TOPIC = 'topic';
const RUNS = 150;

/** What only the second head does before an input. */
type Aside =
  | 'nothing'
  | 'checkpoint'
  | 'begin'
  | 'failing'
  | 'prepare'
  | 'step'
  | 'read'
  | 'restart'
  | 'snapshot';

const backMs = fc.oneof(
  { weight: 5, arbitrary: fc.nat({ max: 20 }).map((steps) => steps * 15_000) },
  { weight: 1, arbitrary: fc.nat({ max: 40 }).map((steps) => steps * 10 * MINUTE) },
);
const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ kind: fc.constant('float' as const), backMs, v: fc.nat({ max: 3 }) }),
  fc.record({ kind: fc.constant('histogram' as const), backMs, v: fc.nat({ max: 3 }) }),
  fc.record({ kind: fc.constant('stale' as const), backMs }),
);
const tenant = fc.nat({ max: TENANTS.length - 1 });
const series = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 5 }) },
  { weight: 1, arbitrary: fc.nat({ max: 200 }) },
);
const trackers = [{ name: 't', matchers: [{ name: 'i', op: '=~', value: '.' } as const] }];
const settings = fc.record({
  outOfOrderWindowMs: fc.constantFrom(0, 30 * MINUTE, 5 * HOUR),
  seriesMax: fc.constantFrom(0, 0, 3, 10),
  seriesPerMetricMax: fc.constantFrom(0, 0, 2),
  metadataMax: fc.constantFrom(0, 1),
  metadataPerMetricMax: fc.constantFrom(0, 2),
  exemplarsMax: fc.constantFrom(0, 3, 100),
  activeIdleMs: fc.constantFrom(10 * MINUTE, 20 * MINUTE),
  trackers: fc.constantFrom([], trackers),
  startTimestamps: fc.boolean(),
});
const input: fc.Arbitrary<Input> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      tenant,
      aheadMs: fc.oneof(
        { weight: 6, arbitrary: fc.constant(15_000) },
        { weight: 1, arbitrary: fc.constantFrom(0, 4 * MINUTE, HOUR, 5 * HOUR) },
      ),
      stampedBackMs: fc.constantFrom(0, 0, 0, 0, MINUTE, 2 * HOUR),
      createdMs: fc.constantFrom(0, 0, 10_000, HOUR),
      all: fc.array(fc.tuple(series, fc.array(part, { minLength: 1, maxLength: 3 })), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('poison' as const),
      tenant,
      bytes: fc.uint8Array({ maxLength: 30 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('metadata' as const),
      tenant,
      help: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('settings' as const), tenant, settings }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('cut' as const), all: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('early' as const),
      tenant,
      idleMs: fc.constantFrom(0, MINUTE, 10 * MINUTE),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('drop' as const), windows: fc.nat({ max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constant('shipped' as const), tenant, backMs }),
      fc.record({ kind: fc.constant('skip' as const), records: fc.nat({ max: 3 }) }),
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('park' as const),
          tenant: fc.constant(1),
          ahead: fc.integer({ min: 1, max: 40 }),
        }),
      },
    ),
  },
);
const aside = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Aside>('nothing') },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Aside>(
      ...(['checkpoint', 'begin', 'failing', 'prepare', 'step', 'read'] as const),
      ...(['restart', 'snapshot'] as const),
    ),
  },
);

/** What the feeder knew before an input. */
interface Before {
  readonly position: number;
  readonly cut: Feeder['cut'];
  readonly now: number;
}

interface Held {
  /** Inputs that the last committed checkpoint holds, and what else the feeder knew then. */
  readonly inputs: number;
  readonly cut: Feeder['cut'];
  readonly now: number;
}

class Restless {
  feeder!: Feeder;
  readonly #taken: Input[] = [];
  readonly #before: Before[] = [];
  /** How often the journal had something. */
  replayed = 0;
  #rows = createMemoryHeadStore();
  /** Every opened head is a life; what an earlier one still writes is lost. */
  #life = 0;
  #failAt = -1;
  #held: Held | undefined;
  #latest: Before | undefined;
  #begun: Held | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Slabs that changed and were not touched. */
  #untouched: () => string[] = () => [];

  async open(): Promise<void> {
    this.#life++;
    this.#running = Promise.resolve();
    this.#failAt = -1;
    const settings = { partition: 0, journalFrameBytes: 1 };
    const opened = await openHeadAndState(settings, { store: this.#store() });
    this.#untouched = () => changedUntouched(opened.state, opened.space);
    const { position, journal } = opened.head;
    if (journal.replayedRecords > 0) this.replayed++;
    // What its journal gave back need not come again.
    let inputs = this.#held?.inputs ?? 0;
    const isReplayed = (at: number) => (this.#before[at]?.position ?? position) < position;
    while (inputs < this.#taken.length && isReplayed(inputs)) inputs++;
    const known = inputs > (this.#held?.inputs ?? 0) ? this.#before[inputs] : undefined;
    const latest = inputs === this.#taken.length ? this.#latest : undefined;
    this.feeder = new Feeder(opened.head, true, known ?? latest ?? this.#held);
    const again = this.#taken.splice(inputs);
    this.#before.length = inputs;
    for (const one of again) this.take(one);
  }

  #store(): HeadStore {
    const rows = this.#rows;
    const life = this.#life;
    const write = async (batch: StoreBatch, sync: boolean) => {
      if (this.#life !== life) throw new Error('dead');
      const { cut, now } = this.feeder ?? {};
      if (puts(batch, BEGIN_KEY)) this.#begun = { inputs: this.#taken.length, cut: [...cut], now };
      if (this.#failAt-- === 0) throw new Error('crash');
      const begun = this.#begun;
      for (let turns = 0; turns < 3; turns++) await null;
      if (this.#life !== life) throw new Error('dead');
      await rows.write(batch, sync);
      if (puts(batch, COMMIT_KEY)) this.#held = begun;
    };
    return { ...rows, write };
  }

  take(one: Input): void {
    const { head, cut, now } = this.feeder;
    this.#before.push({ position: head.position, cut: [...cut], now });
    this.#taken.push(one);
    this.feeder.take(one);
    this.#latest = { position: head.position, cut: [...this.feeder.cut], now: this.feeder.now };
  }

  /** Begins a checkpoint, which goes on with the turns that others take. */
  async #begin(failAt = -1): Promise<void> {
    await this.#running;
    expect(this.#untouched()).toEqual([]);
    this.#failAt = failAt;
    this.#begun = undefined;
    // One that fails may have failed after its commit, when it cleaned up.
    this.#running = this.feeder.head.checkpoint().catch((error: Error) => {
      if (error.message !== 'crash' && error.message !== 'dead') throw error;
    });
    while (this.#begun === undefined) await null;
  }

  /** A crash: opens again and takes what came since the checkpoint. */
  async restart(): Promise<void> {
    this.#rows = this.#rows.copy();
    await this.open();
  }

  /** Goes on from a snapshot, on a disk that was empty. */
  async #move(): Promise<void> {
    await this.#running;
    if (this.#held === undefined) return;
    const to = createMemoryHeadStore();
    const restoring = restoreSnapshot(to, { topicId: TOPIC, partition: 0 });
    for await (const piece of this.feeder.head.snapshot(TOPIC)) await restoring.push(piece);
    await restoring.finish();
    this.#rows = to;
    await this.open();
  }

  async aside(kind: Aside, at: number): Promise<void> {
    const { head } = this.feeder;
    if (kind === 'begin') await this.#begin();
    else if (kind === 'checkpoint' || kind === 'failing') {
      await this.#begin(kind === 'failing' ? at % 5 : -1);
      await this.#running;
    } else if (kind === 'step') this.feeder.step();
    else if (kind === 'prepare') {
      let steps = 1 + (at % 3);
      for (const _ of head.prepareCut(at % 2 === 0)) if (steps-- === 0) break;
    } else if (kind === 'restart') await this.restart();
    else if (kind === 'snapshot') await this.#move();
    else if (kind === 'read') {
      const select = { tenant: 'one', matchers: [], minT: 0, maxT: 1e15 };
      for await (const _ of head.select(select));
      head.takeDiscards();
    }
  }
}

function puts(batch: StoreBatch, key: Uint8Array): boolean {
  return batch.puts.some(([put]) => put.length === 1 && put[0] === key[0]);
}

const look = fc.nat({ max: 9 }).map((draw) => draw === 0);
const plan = fc.array(fc.tuple(input, aside, look), { minLength: 10, maxLength: 120 });

async function compare(steps: readonly (readonly [Input, Aside, boolean])[]): Promise<void> {
  const store = createMemoryHeadStore();
  const head = await openPartitionHead({ partition: 0 }, { store });
  const plain = new Feeder(head, false, undefined);
  const restless = new Restless();
  await restless.open();
  const check = (at: number) => {
    const other = restless.feeder.head;
    if (other.digest() !== head.digest()) throw new Error(`digests differ after input ${at}`);
    expect(other.safeOffset()).toBe(head.safeOffset());
    expect(other.parked()).toEqual(head.parked());
  };
  for (const [at, [one, also, looks]] of steps.entries()) {
    await restless.aside(also, at);
    plain.take(one);
    restless.take(one);
    if (looks) check(at);
  }
  await restless.restart();
  check(steps.length);
}

describe('a head', () => {
  it('is a function of records and commands, whatever else befalls it', async () => {
    await fc.assert(fc.asyncProperty(plan, compare), { numRuns: RUNS });
  }, 60_000);

  it('has another digest after another sample, setting or time', async () => {
    const digestOf = async (...inputs: Input[]) => {
      const store = createMemoryHeadStore();
      const feeder = new Feeder(
        await openPartitionHead({ partition: 0 }, { store }),
        false,
        undefined,
      );
      for (const one of inputs) feeder.take(one);
      return feeder.head.digest();
    };
    const one = (parts: readonly Part[], aheadMs = 0): Input => {
      const all = [[1, parts]] as const;
      return { kind: 'record', tenant: 0, aheadMs, stampedBackMs: 0, createdMs: 0, all };
    };
    const settings = { outOfOrderWindowMs: 1, seriesMax: 0 };
    const sample = one([{ kind: 'float', backMs: 0, v: 1 }]);
    const digests = await Promise.all([
      digestOf(one([{ kind: 'float', backMs: 0, v: 1 }])),
      digestOf(one([{ kind: 'float', backMs: 0, v: 2 }])),
      digestOf(one([{ kind: 'float', backMs: 1, v: 1 }])),
      digestOf(one([{ kind: 'float', backMs: 1, v: 1 }], 1)),
      digestOf(one([{ kind: 'histogram', backMs: 0, v: 1 }])),
      digestOf(one([{ kind: 'histogram', backMs: 0, v: 2 }])),
      digestOf(one([{ kind: 'float', backMs: 0, v: 1 }]), {
        kind: 'settings',
        tenant: 0,
        settings,
      }),
      digestOf(one([{ kind: 'float', backMs: 0, v: 1 }]), {
        kind: 'shipped',
        tenant: 0,
        backMs: 0,
      }),
      // A drop of what was cut before later samples came forgets it; without the cut it can't.
      digestOf(sample, { kind: 'cut', all: true }),
      digestOf(sample, { kind: 'early', tenant: 0, idleMs: 0 }),
      digestOf(sample, { kind: 'early', tenant: 0, idleMs: MINUTE }),
    ]);
    expect(new Set(digests).size).toBe(digests.length);
  });
});
