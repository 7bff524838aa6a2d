// A head's store on a simulated disk, in RocksDB on the real one. The world stands still while RocksDB
// works, so that its speed changes nothing. It survives its process; power losses it does not know.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import type { HeadStore } from '@weir/head';
import { openRocksdbHeadStore } from '@weir/head/rocksdb';
import type { SimProcess } from '../process.ts';
import type { Scheduler } from '../scheduler.ts';
import type { OpenableStore } from './memory-store-node.ts';

const OPERATION_MS = 1;

export interface RocksdbStores {
  readonly create: (world: { readonly scheduler: Scheduler }) => OpenableStore;
  /** Closes what is still open, as processes live when a run ends, and deletes all of it. */
  remove(): Promise<void>;
}

export function createRocksdbStores(): RocksdbStores {
  const root = mkdtempSync(join(tmpdir(), 'weir-simulation-'));
  const open = new Set<HeadStore>();
  let made = 0;
  return {
    create: ({ scheduler }) => createNode(join(root, String(made++)), scheduler, open),
    async remove() {
      for (const store of open) await store.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** `open` holds the stores that are open, of all nodes. */
function createNode(path: string, scheduler: Scheduler, open: Set<HeadStore>): OpenableStore {
  let user: SimProcess | undefined;
  return {
    kind: 'store',
    powerLoss: () => undefined,
    damage: () => false,
    isDamaged: false,
    async open(process) {
      if (user?.alive) throw new WeirError('unavailable', 'the store is open in another process');
      user = process;
      const store = await scheduler.real(openRocksdbHeadStore({ path }));
      open.add(store);
      return withDelays(store, process, scheduler, () => {
        open.delete(store);
        if (user === process) user = undefined;
      });
    },
  };
}

function withDelays(
  store: HeadStore,
  process: SimProcess,
  scheduler: Scheduler,
  closed: () => void,
): HeadStore {
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    forget();
    await scheduler.real(store.close());
    closed();
  };
  const forget = process.onDeath(() => void close());
  const local = <T>(operation: string, effect: () => Promise<T>): Promise<T> => {
    if (isClosed) return Promise.reject(new WeirError('closed', 'head store is closed'));
    return process.local(`store.${operation}`, OPERATION_MS, () => scheduler.real(effect()));
  };
  const { slabs, journal } = store;
  return {
    slabs: {
      read: (file, extent, parts) => slabs.read(file, extent, parts),
      write: (file, extent, bytes) => {
        const copy = bytes.slice();
        return local('slabs.write', () => slabs.write(file, extent, copy));
      },
      sync: () => local('slabs.sync', () => slabs.sync()),
      truncate: (file, extents) => local('slabs.truncate', () => slabs.truncate(file, extents)),
    },
    journal: {
      list: () => local('journal.list', () => journal.list()),
      read: (file, at, into) => journal.read(file, at, into),
      append: (file, bytes) => {
        const copy = bytes.slice();
        return local('journal.append', () => journal.append(file, copy));
      },
      remove: (files) => local('journal.remove', () => journal.remove(files)),
    },
    get: (key) => local('get', () => store.get(key)),
    getMany: (keys) => local('getMany', () => store.getMany(keys)),
    async *scan(from, to) {
      const batches = await local('scan', async () => {
        const all: (readonly [Uint8Array, Uint8Array][])[] = [];
        for await (const batch of store.scan(from, to)) all.push(batch);
        return all;
      });
      yield* batches;
    },
    write({ puts, deletes }, sync) {
      const batch = {
        puts: puts.map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const),
        deletes: deletes.map((key) => Buffer.from(key)),
      };
      return local(sync ? 'write synced' : 'write', () => store.write(batch, sync));
    },
    close,
  };
}
