// An index restored from images of its pairs and from the runs before label sets answers as the one that
// they are of, at any point of a purge, and goes on like it; a part's image is that of a checkpoint's beginning.
import { encodeLabels } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_BITS } from '../pages/pages.ts';
import { R, SeriesStore } from '../series/series-store.ts';
import { DIRTY, PENDING } from '../series/slab-flags.ts';
import { LabelIndex } from './label-index.ts';
import { PART_PAIRS } from './pair-table.ts';

type Labels = Record<string, string>;

/** A store with its index, and what should be in it. */
class World {
  readonly store = new SeriesStore();
  index = new LabelIndex();
  readonly live = new Map<number, { readonly tenant: number; readonly labels: Labels }>();
  readonly #refs = new Map<string, number>();
  #purges: Generator<void>[] = [];
  #removed: number[] = [];

  add(tenant: number, labels: Labels): void {
    const id = JSON.stringify([tenant, labels]);
    if (this.#refs.has(id)) return;
    const bytes = encodeLabels(Object.entries(labels).map(([name, value]) => ({ name, value })));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { store, index } = this;
    const ref = store.takeRef();
    index.addSeries(tenant, ref, bytes, view, 0, bytes.length);
    const hash = store.hash(view, 0, bytes.length, tenant);
    store.add(ref, view, 0, bytes.length, hash, index.lastPairs, index.lastPairCount);
    store.setRecord(ref, R.pageSlot, tenant << PAGE_BITS);
    store.setPageTenant(tenant, tenant);
    this.#refs.set(id, ref);
    this.live.set(ref, { tenant, labels });
  }

  remove(pick: number): void {
    const ref = [...this.live.keys()][pick % this.live.size];
    if (ref === undefined) return;
    const { tenant, labels } = this.live.get(ref)!;
    const { runs } = this.store;
    const count = runs.read(this.store.record(ref, R.labels));
    this.index.forgetSeries(tenant, runs.pairs, count);
    this.store.remove(ref);
    this.live.delete(ref);
    this.#refs.delete(JSON.stringify([tenant, labels]));
    this.#removed.push(ref);
  }

  beginPurge(): void {
    this.#purges.push(this.#purge(this.#removed.splice(0)));
  }

  *#purge(removed: readonly number[]): Generator<void> {
    yield* this.index.purge(
      (ref) => this.store.labelsLength(ref) !== 0,
      () => {},
    );
    this.store.labels.release(this.store.labels.takeEmptied());
    this.index.release(this.index.takeEmptied());
    // As only the last of purges under way has looked at all lists.
    if (this.#purges.length === 1) this.store.reuse(removed);
    else this.#removed.push(...removed);
  }

  takePurge(): Generator<void> {
    return this.#purges.pop()!;
  }

  purgeSteps(steps: number): void {
    for (let left = steps; left > 0 && this.#purges.length > 0; left--) {
      const purge = this.#purges[left % this.#purges.length]!;
      if (purge.next().done) this.#purges = this.#purges.filter((other) => other !== purge);
    }
  }

  move(): void {
    for (const ref of this.live.keys()) this.store.moveSparse(ref);
  }

  /** Another index, made of copies of what a checkpoint would write. */
  restored(): LabelIndex {
    const { pairs } = this.index;
    const fresh = new LabelIndex();
    for (const slab of fresh.pairs.arena.restore(pairs.arena.state)) {
      fresh.pairs.arena.usedOf(slab).set(pairs.arena.usedOf(slab));
    }
    fresh.pairs.restore(pairs.parts, (part, columns) => {
      for (const [at, column] of pairs.part(part).entries()) columns[at]!.set(column);
    });
    for (const _ of fresh.restore(this.store));
    return fresh;
  }

  /** Goes on as a head that was closed and opened. */
  reopen(): void {
    this.index = this.restored();
    this.#purges = [];
    this.store.reuse(this.#removed.splice(0));
  }
}

function copyOf({ index }: World, part: number): Int32Array[] {
  return index.pairs.part(part).map((column) => column.slice());
}

/** By tenant, and by tenant, name and value: refs. */
type Content = Map<string, number[]>;

function expected(world: World): Content {
  const content: Content = new Map();
  const add = (key: string, ref: number) => content.set(key, [...(content.get(key) ?? []), ref]);
  for (const [ref, { tenant, labels }] of [...world.live].sort((a, b) => a[0] - b[0])) {
    add(`${tenant}`, ref);
    for (const [name, value] of Object.entries(labels)) add(`${tenant} ${name} ${value}`, ref);
  }
  return content;
}

function found(index: LabelIndex, isAlive: (ref: number) => boolean): Content {
  const content: Content = new Map();
  const add = (key: string, list: number) => {
    const refs = [...index.lists.read(list)].filter(isAlive);
    expect(index.lists.count(list)).toBe(refs.length);
    if (refs.length > 0) content.set(key, refs);
  };
  for (const tenant of [0, 1]) {
    const { all, names } = index.tenant(tenant);
    add(`${tenant}`, all);
    for (const name of names.values()) {
      const values = index.values(name);
      for (const [at, pair] of name.pairs.entries()) {
        const value = values[at]!;
        add(`${tenant} ${name.name} ${value}`, pair);
        const isFound = index.pair(tenant, name.name, value) === pair;
        expect(isFound || index.lists.count(pair) === 0).toBe(true);
      }
    }
  }
  return content;
}

function expectSame(world: World, index: LabelIndex): void {
  const { labels, runs } = world.store;
  let living = 0;
  for (const ref of world.live.keys()) {
    living += world.store.labelsLength(ref) + runs.sizeBefore(world.store.record(ref, R.labels));
  }
  expect(labels.usedBytes - labels.freedBytes).toBe(living);
  const isAlive = (ref: number) => world.store.labelsLength(ref) !== 0;
  const content = found(index, isAlive);
  const wanted = expected(world);
  expect([...content.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [key, refs] of wanted) expect(content.get(key)).toEqual(refs);
}

const LONG = 'x'.repeat(900);
const value = fc.oneof(
  fc.constantFrom('a', 'b', 'c', `${LONG}1`, `${LONG}2`, `${LONG}3`, 'a\0'),
  fc.integer({ min: 0, max: 30 }).map(String),
);
const labels = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.dictionary(fc.constantFrom('__name__', 'job', 'pod', 'zone'), value, {
      minKeys: 1,
      maxKeys: 4,
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 23, max: 27 }), value)
      .map(([count, last]) =>
        Object.fromEntries(
          Array.from({ length: count }, (_, at) => [`l${at + 10}`, at === 20 ? last : 'same']),
        ),
      ),
  },
);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.nat(1), fc.array(labels, { maxLength: 6 }))
      .map(([tenant, all]) => (world: World) => {
        for (const one of all) world.add(tenant, one);
      }),
  },
  {
    weight: 6,
    arbitrary: fc.array(fc.nat(1000), { maxLength: 8 }).map((picks) => (world: World) => {
      for (const pick of picks) world.remove(pick);
    }),
  },
  { weight: 2, arbitrary: fc.constant((world: World) => world.beginPurge()) },
  { weight: 4, arbitrary: fc.nat(3).map((steps) => (world: World) => world.purgeSteps(steps)) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.move()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.reopen()) },
);

describe('a restored index', () => {
  it('is what the uninterrupted one is, without dead refs and unused pairs, and goes on', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new World();
        for (const change of steps) change(world);
        expectSame(world, world.index);
        const restored = world.restored();
        expectSame(world, restored);
        let pairs = 0;
        for (const tenant of [0, 1]) {
          for (const name of restored.tenant(tenant).names.values()) {
            pairs += name.pairs.length;
            for (const pair of name.pairs) {
              expect([...restored.lists.read(pair)].every((ref) => world.live.has(ref))).toBe(true);
            }
          }
        }
        expect(restored.pairs.count).toBe(pairs);
      }),
      { numRuns: 300 },
    );
  });

  it('tells of a part before it changes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new World();
        // Two parts at least, of many slabs.
        for (let at = 0; at < PART_PAIRS; at++)
          world.add(0, { filler: `${at}${'x'.repeat(at % 20)}` });
        for (const change of steps) {
          const { pairs } = world.index;
          const copies = Array.from({ length: pairs.parts }, (_, part) => copyOf(world, part));
          const told = new Map<number, Int32Array[]>();
          pairs.flags.fill(PENDING);
          pairs.watcher = {
            beforeGroup: () => {},
            beforeBlocks: () => {},
            beforePairs: (part) => told.set(part, copyOf(world, part)),
          };
          change(world);
          if (world.index.pairs !== pairs) continue;
          for (const [part, columns] of copies.entries()) {
            expect(told.get(part) ?? copyOf(world, part)).toEqual(columns);
            expect(pairs.flags[part]).toBe(told.has(part) ? DIRTY : PENDING);
          }
        }
      }),
      { numRuns: 8 },
    );
  });

  it('tells of a part where pairs only move, or become free', () => {
    const world = new World();
    const { pairs } = world.index;
    const long = (at: number) => ({
      __name__: 'x',
      long: `${LONG}${at}`,
      other: `${at}`,
      s: `${at}`,
    });
    for (let at = 0; at < 40; at++) world.add(0, long(at));
    for (let at = 0; at < 40; at++) world.add(0, { __name__: 'y', s: `${at}` });
    for (let at = 0; at < 40; at++) world.add(0, { __name__: 'z', s: `${at}` });
    for (let at = 0; at < 40; at++) world.remove(0);
    let told = 0;
    const watch = () => {
      told = 0;
      pairs.flags[0] = PENDING;
    };
    pairs.watcher = {
      beforeGroup: () => {},
      beforeBlocks: () => {},
      beforePairs: () => told++,
    };
    world.beginPurge();
    world.purgeSteps(1);
    watch();
    // Its second name, whose pairs were freed in the first step.
    world.purgeSteps(1);
    expect(told).toBe(1);
    world.purgeSteps(10);
    for (let at = 0; at < 39; at++) world.remove(0);
    const positions = pairs.part(0)[1]!.slice();
    watch();
    world.beginPurge();
    world.purgeSteps(10);
    expect(pairs.part(0)[1]).not.toEqual(positions);
    expect(told).toBe(1);
    expectSame(world, world.index);
  });

  it('keeps a name that came again while a purge was about to drop it', () => {
    const world = new World();
    world.add(0, { a: '1', b: '1' });
    world.remove(0);
    world.beginPurge();
    const first = world.takePurge();
    first.next();
    world.add(0, { a: '2', b: '2' });
    world.remove(0);
    world.beginPurge();
    world.purgeSteps(10);
    world.add(0, { a: '3', b: '3' });
    while (!first.next().done);
    world.add(0, { c: '3' });
    expectSame(world, world.index);
    expectSame(world, world.restored());
  });

  it('says corrupt for a pair that is not, or lies nowhere', () => {
    const make = () => {
      const world = new World();
      world.add(0, { job: 'a', pod: 'b' });
      world.add(1, { job: 'a' });
      return world;
    };
    const damage = (change: (columns: Int32Array[], pair: number) => void) => () => {
      const world = make();
      change(world.index.pairs.part(0), world.index.pair(0, 'job', 'a'));
      world.restored();
    };
    const [positions, lengths, names] = [1, 2, 3];
    expect(damage(() => {})).not.toThrow();
    expect(damage((columns, pair) => columns[lengths]!.fill(0, pair, pair + 1))).toThrow(/no pair/);
    expect(damage((columns, pair) => columns[positions]!.fill(-1, pair, pair + 1))).toThrow(/lies/);
    expect(damage((columns, pair) => columns[lengths]!.fill(1 << 14, pair, pair + 1))).toThrow(
      /lies/,
    );
    expect(damage((columns, pair) => columns[names]!.fill(-1, pair, pair + 1))).toThrow(/no name/);
    expect(damage((columns, pair) => columns[names]!.fill(1 << 25, pair, pair + 1))).toThrow(
      /no name/,
    );
    expect(damage((columns) => columns[names]!.fill(0))).toThrow(/two tenants/);
    expect(damage((columns, pair) => columns[lengths]!.fill(3, pair, pair + 1))).toThrow(/label/);
  });
});
