// What was appended is read again, whatever was read before it; damaged bytes are `corrupt`, nothing else.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteArena } from './byte-arena.ts';
import { MASKED_MAX, PairRuns } from './pair-runs.ts';

const LABELS = new DataView(Uint8Array.from({ length: 4000 }, (_, at) => 1 + (at % 255)).buffer);

function appended(runs: PairRuns, pairs: readonly number[], length: number): number {
  return runs.append(Int32Array.from(pairs), pairs.length, LABELS, 0, length);
}

function read(runs: PairRuns, position: number): number[] {
  const count = runs.read(position);
  return [...runs.pairs.subarray(0, count)];
}

describe('PairRuns', () => {
  const change = fc.tuple(fc.nat(9), fc.nat(3));
  const pairs = fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(fc.integer({ min: 6, max: 10 }), fc.array(change, { maxLength: 2 }))
        .map(([count, changes]) => {
          const all = [7, 7, 7, 7, 7, 7, 7, 7, 7, 7];
          for (const [label, pair] of changes) all[label] = pair;
          return all.slice(0, count);
        }),
    },
    { weight: 1, arbitrary: fc.array(fc.nat(3), { maxLength: 10 }) },
    { weight: 1, arbitrary: fc.array(fc.nat(2 ** 31 - 1), { minLength: 22, maxLength: 27 }) },
    { weight: 1, arbitrary: fc.array(fc.nat(9), { minLength: 250, maxLength: 260 }) },
  );

  it('reads every run in any order, and changes that cover the difference', () => {
    const length = fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 4000 }));
    const run = fc.record({ pairs, length });
    const all = fc.array(run, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(all, fc.array(fc.nat(1000), { maxLength: 60 }), (list, order) => {
        const arena = new ByteArena();
        const runs = new PairRuns(arena);
        const positions = list.map((one) => appended(runs, one.pairs, one.length));
        let before: number[] = [];
        for (const pick of [...list.keys(), ...order.map((at) => at % list.length)]) {
          const { pairs, length } = list[pick]!;
          expect(read(runs, positions[pick]!)).toEqual(pairs);
          expect([...arena.read(positions[pick]!, length)]).toEqual(
            Array.from({ length }, (_, at) => 1 + (at % 255)),
          );
          for (let label = 0; label < Math.min(pairs.length, before.length, MASKED_MAX); label++) {
            if (pairs[label] !== before[label]) expect(runs.changed & (1 << label)).not.toBe(0);
          }
          before = pairs;
        }
        const sizes = positions.map((at, pick) => runs.sizeBefore(at) + list[pick]!.length);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(arena.usedBytes);
      }),
    );
  });

  it('is written anew behind a slab that was released and used again', () => {
    const arena = new ByteArena();
    const runs = new PairRuns(arena);
    const wide = Array.from({ length: MASKED_MAX + 1 }, (_, at) => at);
    const first = appended(runs, [1, 2, 3, 4], 4000);
    const fill = appended(runs, wide, 4000);
    while (arena.slabs.length < 2) appended(runs, wide, 4000);
    arena.free(first, arena.offsetOf(fill));
    arena.release([0]);
    while (arena.slabs[0]!.length === 0) appended(runs, wide, 4000);
    expect(read(runs, appended(runs, [1, 2, 3, 5], 10))).toEqual([1, 2, 3, 5]);
  });

  it('takes less than 16 bytes a series where neighbours share most labels', () => {
    const arena = new ByteArena();
    const runs = new PairRuns(arena);
    for (let series = 0; series < 10_000; series++) {
      const target = Math.floor(series / 100);
      const ofTarget = [0, 1, 2, 3, 4, 5].map((label) => 1000 + target * 6 + label);
      const variant = Math.floor((series % 100) / 31);
      appended(runs, [series % 31, 100, ...ofTarget, 101, 200 + variant], 0);
    }
    expect(arena.usedBytes / 10_000).toBeLessThan(16);
  });

  it('finds a near base again when every series differs a little from the one before', () => {
    const arena = new ByteArena();
    const runs = new PairRuns(arena);
    const state = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    for (let series = 0; series < 1000; series++) {
      state[series % 10] = 1000 + series;
      expect(read(runs, appended(runs, state, 0))).toEqual(state);
    }
    expect(arena.usedBytes / 1000).toBeLessThan(36);
  });

  it('says corrupt for damaged bytes, or reads numbers', () => {
    const word = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0xff, 0x1ff, 0x101, 0xffffff18, 0x302, 0x7fffffff, -1),
      fc.integer(),
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 60 }), fc.nat(3), (words, skip) => {
        const arena = new ByteArena();
        const runs = new PairRuns(arena);
        const bytes = new Uint8Array(Int32Array.from(words).buffer);
        arena.append(bytes, skip, bytes.length - skip);
        for (let position = 0; position <= bytes.length - skip; position++) {
          try {
            expect(runs.read(position)).toBeLessThanOrEqual(words.length);
          } catch (error) {
            expect(error).toMatchObject({ kind: 'corrupt' });
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
