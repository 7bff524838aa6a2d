// Directories of slabs that are damaged or make no sense: refused as corrupt, never misread.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryHeadStore } from '../memory/index.ts';
import { key } from '../store/rows.ts';
import { DIRECTORY } from './directory.ts';
import { storeOf, TestFiles } from './slab-files-fixture.ts';
import { GROUPS, PAIR_PARTS, SlabSpace } from './slab-space.ts';

describe('a directory', () => {
  const open = async (rowKey: Uint8Array, words: number[], more: number[] = []) => {
    const store = storeOf(createMemoryHeadStore(), new TestFiles());
    const value = new Uint8Array(Uint32Array.from(words).buffer);
    await store.write({ puts: [[rowKey, value]], deletes: [] }, true);
    if (more.length > 0) {
      const second = new Uint8Array(Uint32Array.from(more).buffer);
      await store.write({ puts: [[key(DIRECTORY, PAIR_PARTS, 0), second]], deletes: [] }, true);
    }
    try {
      return await SlabSpace.open(store);
    } catch (error) {
      expect(store.damage).toBe(error);
      return (error as Error).message;
    }
  };
  const groups = key(DIRECTORY, GROUPS, 0);

  it('is read where it can be', async () => {
    const space = (await open(key(DIRECTORY, GROUPS, 1), [0, 0, 0, 8, 48 * 1024, 5])) as SlabSpace;
    expect(space.end(GROUPS)).toBe(1026);
    expect(space.used(GROUPS, 1025)).toBe(48 * 1024);
    expect(space.used(GROUPS, 1024)).toBe(0);
    expect(await open(groups, [])).toBeInstanceOf(SlabSpace);
    expect(await open(groups, Array(3072).fill(0))).toBeInstanceOf(SlabSpace);
    expect(await open(key(DIRECTORY, GROUPS, 1023), [1, 1, 1])).toBeInstanceOf(SlabSpace);
  });

  it('is corrupt where it can be none', async () => {
    for (const [rowKey, words, more] of [
      [key(DIRECTORY), [1, 1, 1]],
      [key(DIRECTORY, GROUPS), [1, 1, 1]],
      [key(DIRECTORY, PAIR_PARTS + 1, 0), [1, 1, 1]],
      [key(DIRECTORY, GROUPS, 1024), [1, 1, 1]],
      [groups, [1, 1]],
      [groups, [1, 1, 1, 0]],
      [groups, [0, 1, 1]],
      [groups, [0, 0, 1]],
      [groups, [1, 0, 1]],
      [groups, [1, 48 * 1024 + 1, 1]],
      [groups, [(1 << 22) + 1, 1, 1]],
      [groups, [1, 1, 1, 1, 2, 2]],
      [groups, [7, 1, 1], [7, 1, 1]],
      [groups, Array(3075).fill(0)],
    ] as [Uint8Array, number[], number[]?][]) {
      expect(await open(rowKey, words, more), String(words)).toMatch(/that can't be/);
    }
  });

  it('is read or refused, whatever its rows are', async () => {
    const words = fc.array(fc.oneof(fc.nat(3), fc.nat()), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.nat(6), fc.nat(1100), words, async (kind, row, values) => {
        const opened = await open(key(DIRECTORY, kind, row), values);
        if (typeof opened === 'string') expect(opened).toMatch(/that can't be/);
        else expect(opened.end(kind % 5)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
