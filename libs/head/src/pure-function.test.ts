// A head is a function of its inputs: records and commands. One head takes them and nothing else; the other
// also writes checkpoints (some cut short at a random write), prepares cuts, is read, and is thrown away
// and opened again from its store, whereupon it takes the inputs since its checkpoint again. Their digests
// are equal after every input; that a digest tells states apart is tested too.

import { encodeHistogram } from '@weir/wire/log-record';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionHead, TenantSettings, TenantWindow } from './head.ts';
import { createMemoryHeadStore } from './memory/memory-store.ts';
import { openPartitionHead } from './open.ts';
import { exemplarBytes, message, record, seriesMessage } from './records/record-fixture.ts';
import { emptyHistogram } from './series/histograms.ts';
import { COMMIT_KEY } from './store/rows.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = 1000 * HOUR;
const TENANTS = ['one', 'two'];

type Part =
  | { readonly kind: 'float'; readonly backMs: number; readonly v: number }
  | { readonly kind: 'histogram'; readonly backMs: number; readonly v: number }
  | { readonly kind: 'stale'; readonly backMs: number };

type Input =
  | {
      readonly kind: 'record';
      readonly tenant: number;
      readonly aheadMs: number;
      readonly createdMs: number;
      readonly all: readonly (readonly [series: number, parts: readonly Part[]])[];
    }
  | { readonly kind: 'poison'; readonly tenant: number; readonly bytes: Uint8Array }
  | { readonly kind: 'metadata'; readonly tenant: number; readonly help: number }
  | { readonly kind: 'settings'; readonly tenant: number; readonly settings: TenantSettings }
  | { readonly kind: 'cut'; readonly all: boolean; readonly drops: number }
  | { readonly kind: 'shipped'; readonly tenant: number; readonly backMs: number };

/** What only the second head does before an input. */
type Aside = 'nothing' | 'checkpoint' | 'failing' | 'prepare' | 'read' | 'restart';

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
const input: fc.Arbitrary<Input> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      tenant,
      aheadMs: fc.oneof(
        { weight: 6, arbitrary: fc.constant(15_000) },
        { weight: 1, arbitrary: fc.constantFrom(0, HOUR, 5 * HOUR) },
      ),
      createdMs: fc.constantFrom(0, 0, 10_000, HOUR),
      all: fc.array(fc.tuple(fc.nat({ max: 5 }), fc.array(part, { minLength: 1, maxLength: 3 })), {
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
    arbitrary: fc.record({
      kind: fc.constant('settings' as const),
      tenant,
      settings: fc.record({
        outOfOrderWindowMs: fc.constantFrom(0, 30 * MINUTE, 5 * HOUR),
        seriesMax: fc.constantFrom(0, 0, 3),
        exemplarsMax: fc.constantFrom(0, 3, 100),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      all: fc.boolean(),
      drops: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('shipped' as const), tenant, backMs }),
  },
);
const aside = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Aside>('nothing') },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Aside>('checkpoint', 'failing', 'prepare', 'read', 'restart'),
  },
);

const STALE_BYTES = Uint8Array.of(2, 0, 0, 0, 0, 0, 0xf0, 0x7f);

function floats(parts: readonly Part[], now: number): Uint8Array {
  const request = seriesMessage(
    { a: 'b' },
    {
      samples: parts.flatMap((one): [number, number][] =>
        one.kind === 'histogram' ? [] : [[now - one.backMs, one.kind === 'float' ? one.v : 0.5]],
      ),
    },
  );
  // Where the marker stands for a number that JavaScript would not keep.
  const half = new Uint8Array(Float64Array.of(0.5).buffer);
  for (let at = 0; at + 8 <= request.length; at++) {
    if (half.every((byte, offset) => request[at + offset] === byte)) request.set(STALE_BYTES, at);
  }
  const bodyAt = request.length < 130 ? 2 : 3;
  return request.subarray(bodyAt + 8);
}

function seriesOf(index: number, parts: readonly Part[], now: number, createdMs: number) {
  const histograms = parts.flatMap((one) => {
    if (one.kind !== 'histogram') return [];
    const histogram = { ...emptyHistogram(one.v === 3, false), count: one.v, zeroCount: one.v };
    return [encodeHistogram({ t: now - one.backMs, startT: 0, histogram })];
  });
  const created = createdMs === 0 ? {} : { createdMs: now - createdMs };
  const exemplars = parts.map((one) => exemplarBytes({ id: one.kind }, now - one.backMs, 1));
  const whole = seriesMessage(
    { __name__: `m${index % 2}`, i: String(index) },
    { histograms, exemplars, ...created },
  );
  const body = whole.subarray(whole.length < 130 ? 2 : 3);
  return message(0x0a, body, floats(parts, now));
}

/** Applies an input; cut windows are kept in `cut`, so that a drop names what was cut. */
class Feeder {
  readonly head: PartitionHead;
  readonly cut: TenantWindow[];
  now: number;

  constructor(head: PartitionHead, cut: readonly TenantWindow[] = [], now = START) {
    this.head = head;
    this.cut = [...cut];
    this.now = now;
  }

  take(one: Input): void {
    const { head } = this;
    const { position } = head;
    if (one.kind === 'settings') head.configure(TENANTS[one.tenant], one.settings);
    else if (one.kind === 'cut') {
      this.cut.push(...head.cutDue(one.all));
      for (const window of this.cut.splice(0, one.drops)) head.drop(window);
    } else if (one.kind === 'shipped') {
      const minT = Math.floor((this.now - one.backMs) / (2 * HOUR)) * 2 * HOUR;
      const window = { minT, maxT: minT + 2 * HOUR, throughOffset: position + 2 };
      head.markShipped([{ tenant: TENANTS[one.tenant], ...window }]);
    } else {
      const applied = record(position, this.#bytes(one), TENANTS[one.tenant]);
      head.apply([{ ...applied, timestampMs: this.now }], position + 1);
    }
  }

  #bytes(one: Extract<Input, { readonly kind: 'record' | 'poison' | 'metadata' }>): Uint8Array {
    if (one.kind === 'poison') return one.bytes;
    if (one.kind === 'metadata') {
      const name = Buffer.from('m1');
      return message(0x1a, message(0x12, name), message(0x22, Buffer.from(`help ${one.help}`)));
    }
    this.now += one.aheadMs;
    return Buffer.concat(one.all.map(([i, parts]) => seriesOf(i, parts, this.now, one.createdMs)));
  }
}

class Restless {
  failAt = -1;
  commits = 0;
  readonly store = createMemoryHeadStore({
    onWrite: ({ puts }) => {
      if (this.failAt-- === 0) throw new Error('crash');
      if (puts.some(([key]) => key.length === 1 && key[0] === COMMIT_KEY[0])) this.commits++;
    },
  });
  feeder!: Feeder;
  /** Inputs that the last committed checkpoint holds, and what else the feeder knew then. */
  #held = { inputs: 0, cut: [] as TenantWindow[], now: START };

  async open(): Promise<void> {
    const head = await openPartitionHead({ partition: 0 }, { store: this.store });
    this.feeder = new Feeder(head, this.#held.cut, this.#held.now);
  }

  async checkpoint(inputs: number, failAt: number): Promise<void> {
    const { cut, now } = this.feeder;
    const held = { inputs, cut: [...cut], now };
    this.failAt = failAt;
    const { commits } = this;
    // One that fails may have failed after its commit, when it cleaned up.
    const done = this.feeder.head.checkpoint();
    if (failAt < 0) await done;
    else await done.catch(() => undefined);
    if (this.commits > commits) this.#held = held;
    this.failAt = -1;
  }

  /** A crash: opens again and takes what came since the checkpoint. */
  async restart(inputs: readonly Input[]): Promise<void> {
    await this.open();
    for (const one of inputs.slice(this.#held.inputs)) this.feeder.take(one);
  }

  async aside(kind: Aside, inputs: readonly Input[], at: number): Promise<void> {
    const { head } = this.feeder;
    if (kind === 'checkpoint') await this.checkpoint(inputs.length, -1);
    else if (kind === 'failing') await this.checkpoint(inputs.length, at % 5);
    else if (kind === 'prepare') {
      let steps = 1 + (at % 3);
      for (const _ of head.prepareCut(at % 2 === 0)) if (steps-- === 0) break;
    } else if (kind === 'restart') await this.restart(inputs);
    else if (kind === 'read') {
      const select = { tenant: 'one', matchers: [], minT: 0, maxT: 1e15 };
      for await (const _ of head.select(select));
      head.takeDiscards();
    }
  }
}

const plan = fc.array(fc.tuple(input, aside), { minLength: 10, maxLength: 120 });

async function compare(steps: readonly (readonly [Input, Aside])[]): Promise<void> {
  const store = createMemoryHeadStore();
  const plain = new Feeder(await openPartitionHead({ partition: 0 }, { store }));
  const restless = new Restless();
  await restless.open();
  const taken: Input[] = [];
  for (const [at, [one, also]] of steps.entries()) {
    await restless.aside(also, taken, at);
    plain.take(one);
    restless.feeder.take(one);
    taken.push(one);
    const digest = restless.feeder.head.digest();
    if (digest !== plain.head.digest()) throw new Error(`digests differ after input ${at}`);
  }
  await restless.restart(taken);
  expect(restless.feeder.head.digest()).toBe(plain.head.digest());
  expect(restless.feeder.head.safeOffset()).toBe(plain.head.safeOffset());
}

describe('a head', () => {
  it('is a function of records and commands, whatever else befalls it', async () => {
    await fc.assert(fc.asyncProperty(plan, compare), { numRuns: 120 });
  });

  it('has another digest after another sample, setting or time', async () => {
    const digestOf = async (...inputs: Input[]) => {
      const store = createMemoryHeadStore();
      const feeder = new Feeder(await openPartitionHead({ partition: 0 }, { store }));
      for (const one of inputs) feeder.take(one);
      return feeder.head.digest();
    };
    const one = (parts: readonly Part[], aheadMs = 0): Input => {
      const all = [[1, parts]] as const;
      return { kind: 'record', tenant: 0, aheadMs, createdMs: 0, all };
    };
    const settings = { outOfOrderWindowMs: 1, seriesMax: 0 };
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
    ]);
    expect(new Set(digests).size).toBe(digests.length);
  });
});
