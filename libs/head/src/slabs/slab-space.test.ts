// Whatever sequence of checkpoints, pins and crashes: every slab that a committed directory names reads
// back as it was put, and a slab that is anything else is `corrupt`.
import { isKind } from '@weir/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryHeadStore } from '../memory/index.ts';
import { key } from '../store/rows.ts';
import { DIRECTORY } from './directory.ts';
import { EXTENT_BYTES } from './extents.ts';
import { storeOf, TestFiles } from './slab-files-fixture.ts';
import {
  BLOCKS,
  createDirectories,
  GROUPS,
  LABELS,
  PAIR_PARTS,
  PAIRS,
  readSlab,
  SlabSpace,
} from './slab-space.ts';

const KINDS = [GROUPS, BLOCKS, LABELS, PAIRS, PAIR_PARTS];
const SIZES = [EXTENT_BYTES.groups, EXTENT_BYTES.blocks, EXTENT_BYTES.arenas];
const SIZE_OF_KIND = [SIZES[0], SIZES[1], SIZES[2], SIZES[2], SIZES[0]];

type Bytes = (size: number) => Uint8Array;

async function newSpace() {
  const rows = createMemoryHeadStore();
  const files = new TestFiles();
  const store = storeOf(rows, files);
  return { rows, files, store, space: await SlabSpace.open(store) };
}

/** Bytes that no other call gave. */
function bytesFrom(): Bytes {
  let made = 0;
  return (size) => {
    const bytes = new Uint8Array(size).fill(++made);
    new DataView(bytes.buffer).setUint32(0, made);
    return bytes;
  };
}

async function commit({ store, space }: Awaited<ReturnType<typeof newSpace>>): Promise<void> {
  await space.sync();
  await store.write({ puts: space.rows().puts, deletes: [] }, true);
  await space.committed();
}

function readAll(space: SlabSpace, kind: number, number: number): Uint8Array {
  const bytes = new Uint8Array(space.used(kind, number));
  space.read(kind, number, [bytes]);
  return bytes;
}

type Model = Map<string, Uint8Array>;

function expectSlabs(space: SlabSpace, model: Model): void {
  for (const kind of KINDS) {
    for (let number = 0; number < Math.max(5, space.end(kind)); number++) {
      const expected = model.get(`${kind}/${number}`);
      expect(space.used(kind, number)).toBe(expected?.length ?? 0);
      if (expected === undefined) continue;
      expect(Buffer.compare(readAll(space, kind, number), expected)).toBe(0);
    }
  }
}

const command = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      kind: fc.constantFrom(...KINDS),
      number: fc.oneof(fc.nat(4), fc.constantFrom(1023, 1024)),
      size: fc.oneof(fc.constant(0), fc.integer({ min: 4, max: 5000 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('remove' as const),
      kind: fc.constantFrom(...KINDS),
      number: fc.nat(4),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('flushFull' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pin' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unpin' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
);

describe('slabs', () => {
  it('read back as they were committed, in any sequence of commands and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
        const bytes = bytesFrom();
        let all = await newSpace();
        let model: Model = new Map();
        let next: Model = new Map();
        const changed = new Set<string>();
        const pins: { unpin: () => void; check: () => void }[] = [];
        for (const one of commands) {
          const { space } = all;
          if (one.do === 'put' || one.do === 'remove') {
            const name = `${one.kind}/${one.number}`;
            if (changed.has(name)) continue;
            if (one.do === 'remove') {
              space.remove(one.kind, one.number);
              if (model.has(name)) changed.add(name);
              next.delete(name);
              continue;
            }
            changed.add(name);
            const slab = bytes(one.size === 0 ? SIZE_OF_KIND[one.kind] : one.size);
            const half = (slab.length >>> 3) << 2;
            space.put(one.kind, one.number, [
              new Uint32Array(slab.buffer, 0, half / 4),
              slab.subarray(half),
            ]);
            next.set(name, slab);
          } else if (one.do === 'flushFull') await space.flushFull();
          else if (one.do === 'commit') {
            await commit(all);
            model = new Map(next);
            changed.clear();
          } else if (one.do === 'abort') {
            await space.abort(false);
            next = new Map(model);
            changed.clear();
          } else if (one.do === 'pin') {
            const unpin = space.pin();
            const directories = createDirectories();
            for await (const rows of all.store.scan(key(DIRECTORY), key(DIRECTORY + 1))) {
              for (const [rowKey, value] of rows) directories[rowKey[4]].readRow(rowKey, value);
            }
            const pinned = new Map(model);
            const { store } = all;
            const check = () => {
              for (const [name, expected] of pinned) {
                const [kind, number] = name.split('/').map(Number);
                const found = new Uint8Array(expected.length);
                readSlab(store, directories[kind], number, [found]);
                expect(Buffer.compare(found, expected)).toBe(0);
              }
            };
            pins.push({ unpin, check });
          } else if (one.do === 'unpin') {
            const pin = pins.shift();
            pin?.check();
            pin?.unpin();
          } else {
            const rows = all.rows.copy();
            const files = all.files.crash();
            const store = storeOf(rows, files);
            all = { rows, files, store, space: await SlabSpace.open(store) };
            next = new Map(model);
            changed.clear();
            pins.length = 0;
          }
          if (one.do !== 'flushFull') expectSlabs(all.space, model);
        }
        for (const { check, unpin } of pins) {
          check();
          unpin();
        }
        expect(all.files.underWayMax).toBeLessThanOrEqual(2);
        await all.space.abort(false);
        expect(all.space.pendingBytes).toBe(0);
        await commit(all);
        // All that is left over is free.
        const { rows, files } = all;
        const reopened = await SlabSpace.open(storeOf(rows, files));
        for (const kind of [GROUPS, BLOCKS, LABELS]) {
          for (const space of [all.space, reopened]) {
            space.put(kind, 9, [bytes(4)]);
            await space.flush();
          }
        }
        const [a, b] = [files.writes.slice(-6, -3), files.writes.slice(-3)];
        expect(new Set(a.map((w) => w.file).concat(b.map((w) => w.file))).size).toBe(3);
        expect(new Set(files.writes.slice(-6).map((w) => `${w.file} ${w.extent}`)).size).toBe(3);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('that are adjacent and put one after the other are one write of at most a megabyte', async () => {
    const { space, files } = await newSpace();
    const bytes = bytesFrom();
    for (let number = 0; number < 40; number++) space.put(GROUPS, number, [bytes(46_080)]);
    expect(space.isFull).toBe(true);
    await space.flush();
    expect(space.pendingBytes).toBe(0);
    // A small stage, a whole one, and the rest.
    expect(files.writes.map(({ extent, length }) => [extent, length])).toEqual([
      [0, 4 * EXTENT_BYTES.groups + 46_080],
      [5, 20 * EXTENT_BYTES.groups + 46_080],
      [26, 13 * EXTENT_BYTES.groups + 46_080],
    ]);
    await space.abort(false);
    files.writes.length = 0;
    for (let number = 0; number < 5; number++)
      space.put(LABELS, number, [bytes(EXTENT_BYTES.arenas)]);
    space.put(LABELS, 5, [bytes(10)]);
    space.put(LABELS, 6, [bytes(10)]);
    await space.flush();
    expect(files.writes.map(({ extent, length }) => [extent, length])).toEqual([
      [0, EXTENT_BYTES.arenas],
      [1, 4 * EXTENT_BYTES.arenas],
      [5, 10],
      [6, 10],
    ]);
  });

  it('change once in a checkpoint, have at least a byte, and no more than their extent', async () => {
    const { space } = await newSpace();
    for (const kind of KINDS) {
      space.put(kind, 0, [new Uint8Array(SIZE_OF_KIND[kind])]);
      expect(() => space.put(kind, 0, [new Uint8Array(1)])).toThrow('changes once');
      expect(() => space.put(kind, 1, [new Uint8Array(SIZE_OF_KIND[kind] + 1)])).toThrow('has');
      expect(() => space.put(kind, 1, [])).toThrow('has 0 bytes');
    }
    expect(() => space.rows()).toThrow('synced');
    await space.flush();
    expect(() => space.rows()).toThrow('synced');
    await space.sync();
    expect(space.rows().puts).toHaveLength(KINDS.length);
  });

  it('fail the flush that comes next, and are given back, when a write fails', async () => {
    const all = await newSpace();
    const { space, files } = all;
    const bytes = bytesFrom();
    space.put(BLOCKS, 0, [bytes(1000)]);
    await commit(all);
    files.failing = true;
    for (let number = 0; number < 30; number++) space.put(BLOCKS, number, [bytes(120_000)]);
    await space.flushFull().catch(() => {});
    await expect(space.sync()).rejects.toThrow('disk full');
    await space.abort(false);
    expect(space.pendingBytes).toBe(0);
    files.failing = false;
    files.writes.length = 0;
    space.put(BLOCKS, 1, [bytes(1000)]);
    await commit(all);
    expect(files.writes).toEqual([{ file: 'blocks', extent: 1, length: 1000 }]);
    expect(readAll(space, BLOCKS, 0).length).toBe(1000);
  });

  it('are not written over while the batch that failed may have committed them', async () => {
    const all = await newSpace();
    const { space, files } = all;
    const bytes = bytesFrom();
    space.put(GROUPS, 0, [bytes(10)]);
    await commit(all);
    space.put(GROUPS, 0, [bytes(10)]);
    await space.sync();
    await space.abort(true);
    const extents = () => files.writes.splice(0).map(({ extent }) => extent);
    expect(extents()).toEqual([0, 1]);
    space.put(GROUPS, 0, [bytes(10)]);
    await commit(all);
    expect(extents()).toEqual([2]);
    // Now nothing but the last commit can count.
    space.put(GROUPS, 0, [bytes(10)]);
    await commit(all);
    expect(extents()).toEqual([0]);
    space.put(GROUPS, 0, [bytes(10)]);
    await commit(all);
    expect(extents()).toEqual([1]);
  });

  it('leave as many free extents as are in use, and no more', async () => {
    const all = await newSpace();
    const { space, files } = all;
    const bytes = bytesFrom();
    const putAll = async (count: number): Promise<number> => {
      for (let number = 0; number < count; number++) space.put(GROUPS, number, [bytes(100)]);
      await commit(all);
      return files.files.groups.size;
    };
    expect(await putAll(10)).toBe(10);
    expect(await putAll(10)).toBe(20);
    expect(await putAll(10)).toBe(20);
    for (let number = 1; number < 10; number++) space.remove(GROUPS, number);
    await commit(all);
    // The one that is left decides where the file ends.
    expect(files.files.groups.size).toBe(2);
    expect(space.end(GROUPS)).toBe(1);
  });
});

describe('a slab', () => {
  it('whose extent holds older bytes, or other ones, is corrupt, which is remembered', async () => {
    const all = await newSpace();
    const { space, files, store } = all;
    const bytes = bytesFrom();
    space.put(GROUPS, 3, [bytes(1000)]);
    await commit(all);
    const older = files.files.groups.get(0)!;
    for (let count = 0; count < 2; count++) {
      space.put(GROUPS, 3, [bytes(1000)]);
      await commit(all);
    }
    space.read(GROUPS, 3, [new Uint8Array(10)]);
    const sound = files.files.groups.get(0)!;
    space.read(GROUPS, 3, [new Uint8Array(0), new Uint8Array(1000), new Uint8Array(0)]);
    const isCorrupt = () => {
      try {
        space.read(GROUPS, 3, [new Uint8Array(10)]);
        return false;
      } catch (error) {
        return isKind(error, 'corrupt');
      }
    };
    expect(store.damage).toBeUndefined();
    files.files.groups.set(0, older);
    expect(isCorrupt()).toBe(true);
    expect(store.damage?.message).toContain('slab 3 of kind 0');
    for (const at of [0, 500, 999]) {
      const flipped = sound.slice();
      flipped[at] ^= 1;
      files.files.groups.set(0, flipped);
      expect(isCorrupt()).toBe(true);
    }
    const behind = sound.slice();
    behind[1000] ^= 1;
    files.files.groups.set(0, behind);
    expect(isCorrupt()).toBe(false);
  });
});
