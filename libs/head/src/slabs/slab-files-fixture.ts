// Slab files in memory, for tests: what is written is there late, survives a loss of power only when it was synced,
// and may fail.
import type { HeadStore, SlabFile, SlabFiles } from '../head.ts';
import { createCheckedStore } from '../store/checked-store.ts';
import { EXTENT_BYTES } from './extents.ts';

/** Files whose bytes change when they are written, not when the write is asked for, and only survive synced. */
export class TestFiles implements SlabFiles {
  readonly files: Record<SlabFile, Map<number, Uint8Array>>;
  readonly writes: { file: SlabFile; extent: number; length: number }[] = [];
  #unsynced: { file: SlabFile; extent: number }[] = [];
  failing = false;
  underWay = 0;
  underWayMax = 0;

  constructor(
    files: Record<SlabFile, Map<number, Uint8Array>> = {
      groups: new Map(),
      blocks: new Map(),
      arenas: new Map(),
    },
  ) {
    this.files = files;
  }

  read(file: SlabFile, extent: number, parts: readonly Uint8Array[]): void {
    let at = 0;
    for (const part of parts) {
      part.set(this.files[file].get(extent)!.subarray(at, at + part.length));
      at += part.length;
    }
  }

  async write(file: SlabFile, extent: number, bytes: Uint8Array): Promise<void> {
    this.writes.push({ file, extent, length: bytes.length });
    this.underWayMax = Math.max(this.underWayMax, ++this.underWay);
    for (let tick = 0; tick < 1 + (extent % 4); tick++) await Promise.resolve();
    this.underWay--;
    if (this.failing) throw new Error('disk full');
    const size = EXTENT_BYTES[file];
    for (let at = 0; at < bytes.length; at += size) {
      const all = new Uint8Array(size).fill(0xee);
      all.set(bytes.subarray(at, at + size));
      this.files[file].set(extent + at / size, all);
      this.#unsynced.push({ file, extent: extent + at / size });
    }
  }

  async sync(): Promise<void> {
    await Promise.resolve();
    this.#unsynced = [];
  }

  async truncate(file: SlabFile, extents: number): Promise<void> {
    for (const extent of this.files[file].keys()) {
      if (extent >= extents) this.files[file].delete(extent);
    }
  }

  /** What a loss of power leaves: anything where it was not synced. */
  crash(): TestFiles {
    const { groups, blocks, arenas } = this.files;
    const left = { groups: new Map(groups), blocks: new Map(blocks), arenas: new Map(arenas) };
    for (const { file, extent } of this.#unsynced) {
      left[file].set(extent, new Uint8Array(EXTENT_BYTES[file]).fill(0xdd));
    }
    return new TestFiles(left);
  }
}

export function storeOf(rows: HeadStore, slabs: SlabFiles) {
  return createCheckedStore({
    slabs,
    journal: rows.journal,
    get: (one) => rows.get(one),
    getMany: (keys) => rows.getMany(keys),
    scan: (from, to) => rows.scan(from, to),
    write: (batch, sync) => rows.write(batch, sync),
    close: () => rows.close(),
  });
}
