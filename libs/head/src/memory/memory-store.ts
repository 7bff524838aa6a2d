// Rows in a map under their keys as binary strings, sorted when scanned. Copies what it is given, as a
// store on disk would. `onWrite` lets tests cut a checkpoint short or look between its batches.
import { WeirError } from '@weir/errors';
import type { HeadStore, StoreBatch } from '../head.ts';
import { createMemoryJournal, type MemoryJournal } from './memory-journal.ts';
import { createMemorySlabs, type MemorySlabs } from './memory-slabs.ts';

const SCAN_ROWS = 256;

export interface MemoryHeadStore extends HeadStore {
  readonly slabs: MemorySlabs;
  readonly journal: MemoryJournal;
  /** An independent copy of rows and slabs, as a crash at this moment would leave them. */
  copy(): MemoryHeadStore;
  readonly rowCount: number;
}

export interface MemoryHeadStoreOptions {
  /** Called before each batch is applied; what it throws fails the write. */
  readonly onWrite?: (batch: StoreBatch) => void;
}

export function createMemoryHeadStore(options: MemoryHeadStoreOptions = {}): MemoryHeadStore {
  return createStore(new Map(), createMemorySlabs(), createMemoryJournal(), options);
}

function createStore(
  rows: Map<string, Uint8Array>,
  slabs: MemorySlabs,
  journal: MemoryJournal,
  options: MemoryHeadStoreOptions,
): MemoryHeadStore {
  let isClosed = false;
  let sortedKeys: string[] | undefined;
  const open = () => {
    if (isClosed) throw new WeirError('closed', 'head store is closed');
  };
  const sorted = () => {
    sortedKeys ??= [...rows.keys()].sort();
    return sortedKeys;
  };
  return {
    get rowCount() {
      return rows.size;
    },
    slabs,
    journal,
    copy: () => createStore(new Map(rows), slabs.copy(), journal.copy(), {}),
    async get(key) {
      open();
      return rows.get(name(key));
    },
    async getMany(keys) {
      open();
      return keys.map((key) => rows.get(name(key)));
    },
    async *scan(from, to) {
      open();
      // A scan sees the rows of its beginning, like an iterator of a store on disk.
      const keys = sorted();
      const end = lowerBound(keys, name(to));
      const found = keys.slice(lowerBound(keys, name(from)), end).map((key) => {
        const row: [Uint8Array, Uint8Array] = [Buffer.from(key, 'latin1'), rows.get(key)!];
        return row;
      });
      for (let at = 0; at < found.length; at += SCAN_ROWS) yield found.slice(at, at + SCAN_ROWS);
    },
    async write({ puts, deletes }: StoreBatch) {
      open();
      options.onWrite?.({ puts, deletes });
      for (const [key, value] of puts) rows.set(name(key), value.slice());
      for (const key of deletes) rows.delete(name(key));
      sortedKeys = undefined;
    },
    async close() {
      isClosed = true;
    },
  };
}

function name(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
