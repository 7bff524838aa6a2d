// Slabs in snapshots: those of the directory that the scan saw, whatever is committed meanwhile; and no
// snapshot is believed that lacks one, has another one, or has it damaged.
import { utf8 } from '@weir/bytes';
import { isKind } from '@weir/errors';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { HeadStore } from '../head.ts';
import { createMemoryHeadStore } from '../memory/index.ts';
import { EXTENT_BYTES } from '../slabs/extents.ts';
import { BLOCKS, GROUPS, LABELS, PAIR_PARTS, PAIRS, SlabSpace } from '../slabs/slab-space.ts';
import { createCheckedStore } from '../store/checked-store.ts';
import { COMMIT_KEY, FORMAT_VERSION } from '../store/rows.ts';
import {
  FrameReader,
  FrameWriter,
  readRows,
  readSlabFrame,
  SLAB,
  type SlabFrame,
  SNAPSHOT_FORMAT,
} from './frames.ts';
import { restoreSnapshot } from './restore-snapshot.ts';
import { writeSnapshot } from './write-snapshot.ts';

const OF = { topicId: 'topic-a', partition: 3 };
const SLABS: readonly (readonly [kind: number, number: number, length: number])[] = [
  [GROUPS, 0, 46_080],
  [GROUPS, 1, 46_080],
  [BLOCKS, 7, EXTENT_BYTES.blocks],
  [LABELS, 0, EXTENT_BYTES.arenas],
  [LABELS, 1, 5],
  [PAIRS, 0, 90_000],
  [PAIR_PARTS, 1030, 4 * 12 * 1024],
];

/** Noise in a slab that isn't text. */
function slabOf(kind: number, number: number, length: number, round: number): Uint8Array {
  const isText = kind === LABELS || kind === PAIRS;
  let seed = round * 7919 + kind * 31 + number;
  return Uint8Array.from({ length }, (_, at) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return isText ? 97 + ((at + round) % 20) : seed >>> 16;
  });
}

async function commit(space: SlabSpace, store: HeadStore, round: number): Promise<void> {
  for (const [kind, number, length] of SLABS) {
    space.put(kind, number, [slabOf(kind, number, length, round)]);
  }
  await space.sync();
  const row = utf8(JSON.stringify({ epoch: round, position: round * 10, aborted: [] }));
  await store.write({ puts: [[COMMIT_KEY, row], ...space.rows().puts], deletes: [] }, true);
  await space.committed();
}

async function newStore() {
  const memory = createMemoryHeadStore();
  const store = createCheckedStore(memory);
  const space = await SlabSpace.open(store);
  await commit(space, store, 1);
  return { memory, store, space };
}

async function expectRound(store: HeadStore, round: number): Promise<void> {
  const space = await SlabSpace.open(createCheckedStore(store));
  for (const [kind, number, length] of SLABS) {
    expect(space.used(kind, number)).toBe(length);
    const found = new Uint8Array(length);
    space.read(kind, number, [found]);
    expect(Buffer.compare(found, slabOf(kind, number, length, round))).toBe(0);
  }
}

async function restore(bytes: Uint8Array, pieceBytes: number) {
  const store = createMemoryHeadStore();
  const restoring = restoreSnapshot(store, OF);
  for (let from = 0; from < bytes.length; from += pieceBytes) {
    await restoring.push(bytes.subarray(from, from + pieceBytes));
  }
  await restoring.finish();
  return store;
}

const write = ({ store, space }: Awaited<ReturnType<typeof newStore>>) =>
  writeSnapshot(store, space, OF.topicId, OF.partition);

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

describe('slabs of a snapshot', () => {
  it('are those of its beginning, at their extents, though all change meanwhile', async () => {
    const all = await newStore();
    for (const stopAt of [0, 1, 3, 6]) {
      const pieces: Uint8Array[] = [];
      const round = Number((stopAt + 1) * 10);
      await commit(all.space, all.store, round);
      for await (const piece of write(all)) {
        if (pieces.length === stopAt) {
          for (let more = 1; more <= 3; more++) await commit(all.space, all.store, round + more);
        }
        pieces.push(piece);
      }
      const bytes = Buffer.concat(pieces);
      // Text becomes a fraction, noise stays what it is.
      expect(bytes.length).toBeGreaterThan(260_000);
      expect(bytes.length).toBeLessThan(290_000);
      for (const pieceBytes of [1000, 1 << 20]) {
        await expectRound(await restore(bytes, pieceBytes), round);
      }
    }
    // Nothing is pinned any more: what is in use, and as much again.
    await commit(all.space, all.store, 99);
    expect(all.memory.slabs.extents('groups')).toBeLessThanOrEqual(6);
  });

  it('are unpinned when the reader stops, at any piece', async () => {
    const all = await newStore();
    let count = 0;
    for await (const _ of write(all)) count++;
    expect(count).toBe(2 + 1 + SLABS.length);
    for (let stopAt = 1; stopAt <= count; stopAt++) {
      const unpin = vi.fn();
      vi.spyOn(all.space, 'pin').mockReturnValue(unpin);
      let pieces = 0;
      for await (const _ of write(all)) {
        expect(unpin).not.toHaveBeenCalled();
        if (++pieces === stopAt) break;
      }
      expect(unpin).toHaveBeenCalledOnce();
    }
  });

  it('that are damaged end it with corrupt, which is remembered', async () => {
    const all = await newStore();
    const flipped = all.memory.slabs.extent('blocks', 0)!.slice();
    flipped[77_777] ^= 4;
    await all.memory.slabs.write('blocks', 0, flipped);
    await expect(bytesOf(write(all))).rejects.toMatchObject({ kind: 'corrupt' });
    expect(all.store.damage?.message).toContain('slab 7 of kind 1');
    await all.memory.slabs.truncate('blocks', 0);
    await expect(bytesOf(write(all))).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('are refused when any byte of it differs or is missing', async () => {
    const bytes = await bytesOf(write(await newStore()));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const flipped = Uint8Array.from(bytes);
          flipped[at] ^= by;
          for (const wrong of [flipped, bytes.subarray(0, at)]) {
            await expect(restore(wrong, 30_000)).rejects.toMatchObject({ kind: 'corrupt' });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are each there once, with the directory’s bytes: whatever writer it was', async () => {
    const rows: [Uint8Array, Uint8Array][] = [];
    const slabs: SlabFrame[] = [];
    for (const { kind, payload } of new FrameReader().push(
      await bytesOf(write(await newStore())),
    )) {
      if (kind === SLAB) slabs.push(readSlabFrame(payload.slice()));
      else if (kind === 2) readRows(payload.slice(), (...row) => rows.push(row));
    }
    expect(slabs).toHaveLength(SLABS.length);
    const rewritten = (some: readonly SlabFrame[], late: readonly (typeof rows)[number][] = []) => {
      const writer = new FrameWriter();
      const header = { format: SNAPSHOT_FORMAT, rowFormat: FORMAT_VERSION, ...OF };
      const pieces = [writer.header({ ...header, position: 1, epoch: 1 })];
      for (const [key, value] of rows) writer.row(key, value);
      pieces.push(writer.flush()!);
      for (const slab of some) pieces.push(writer.slab(slab));
      for (const [key, value] of late) writer.row(key, value);
      if (late.length > 0) pieces.push(writer.flush()!);
      pieces.push(writer.footer());
      return restore(Buffer.concat(pieces), 1 << 20);
    };
    await expectRound(await rewritten(slabs.toReversed()), 1);
    for (let at = 0; at < slabs.length; at++) {
      const others = slabs.filter((_, other) => other !== at);
      await expect(rewritten(others)).rejects.toThrow('is missing');
      await expect(rewritten([...others, { ...slabs[at], extent: 99 }])).rejects.toThrow('no slab');
    }
    await expect(rewritten([...slabs, slabs[0]])).rejects.toThrow('no slab');
    const [groups] = slabs;
    const other = { ...groups, bytes: new Uint8Array(groups.used).fill(1) };
    await expect(rewritten([other, ...slabs.slice(1)])).rejects.toThrow('not what the directory');
    const directory = rows.filter(([key]) => key[0] === 0x53).slice(0, 1);
    await expect(rewritten(slabs, directory)).rejects.toThrow('behind a slab');
    const labels = slabs.find((slab) => slab.isDeflated)!;
    const rest = slabs.filter((slab) => slab !== labels);
    for (const wrong of [
      { ...labels, isDeflated: false },
      { ...labels, used: labels.used - 1 },
      { ...labels, bytes: labels.bytes.subarray(0, labels.bytes.length - 3) },
      { ...labels, bytes: new Uint8Array(9).fill(0xff) },
    ]) {
      await expect(rewritten([wrong, ...rest])).rejects.toMatchObject({ kind: 'corrupt' });
    }
  });
});

describe('a frame of a slab', () => {
  it('is what was written', () => {
    const frame = fc.record({
      file: fc.constantFrom('groups' as const, 'blocks' as const, 'arenas' as const),
      extent: fc.nat(),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }),
      deflatedFrom: fc.option(fc.integer({ min: 1, max: EXTENT_BYTES.groups })),
    });
    fc.assert(
      fc.property(frame, ({ file, extent, bytes, deflatedFrom }) => {
        const isDeflated = deflatedFrom !== null;
        const used = deflatedFrom ?? bytes.length;
        const written = new FrameWriter().slab({ file, extent, used, isDeflated, bytes });
        const read = readSlabFrame(written.subarray(13));
        expect(read).toEqual({ file, extent, used, isDeflated, bytes });
      }),
    );
  });

  it('is read or corrupt, whatever the bytes are', () => {
    const bytes = fc
      .tuple(fc.nat(4), fc.nat(3), fc.uint8Array({ maxLength: 40 }))
      .map(([file, encoding, rest]) => Uint8Array.of(file, encoding, ...rest));
    fc.assert(
      fc.property(bytes, (payload) => {
        try {
          const { used, file } = readSlabFrame(payload);
          expect(used).toBeLessThanOrEqual(EXTENT_BYTES[file]);
        } catch (error) {
          if (!isKind(error, 'corrupt')) throw error;
        }
      }),
    );
  });
});
