// Head stores in memory that survive closing, by path: rows and slabs go when their folder goes, and follow it
// nowhere else. What a test changes in them is what a bad disk would have changed.
import { mkdir } from 'node:fs/promises';
import type { HeadStore } from '@weir/head';
import { createMemoryHeadStore, type MemoryHeadStore } from '@weir/head/memory';

export interface KeptRows {
  readonly store: MemoryHeadStore;
  /** Called with each batch before it is written; throws to fail the write, or changes its values. */
  onWrite: ((puts: readonly (readonly [Uint8Array, Uint8Array])[]) => void) | undefined;
}

export type RowDisk = Map<string, KeptRows>;

export async function openRowStore(path: string, disk: RowDisk): Promise<HeadStore> {
  const isNew = (await mkdir(path, { recursive: true })) !== undefined;
  let kept = disk.get(path);
  if (isNew || kept === undefined) {
    const made: KeptRows = {
      store: createMemoryHeadStore({ onWrite: ({ puts }) => made.onWrite?.(puts) }),
      onWrite: undefined,
    };
    disk.set(path, made);
    kept = made;
  }
  const { store } = kept;
  return {
    slabs: store.slabs,
    journal: store.journal,
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    scan: (from, to) => store.scan(from, to),
    write: (batch, sync) => store.write(batch, sync),
    close: async () => {},
  };
}
