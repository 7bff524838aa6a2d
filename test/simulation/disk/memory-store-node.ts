// A head's store on a simulated disk, in memory. What a batch without sync wrote survives the process, and
// of a power loss any number of the last such batches does not; slabs: slab-disk.ts.
import { WeirError } from '@weir/errors';
import type { HeadStore, StoreBatch } from '@weir/head';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import type { SimProcess } from '../process.ts';
import type { Scheduler } from '../scheduler.ts';
import type { StoreNode } from './disk.ts';
import { createJournalDisk } from './journal-disk.ts';
import { createSlabDisk } from './slab-disk.ts';

const OPERATION_MS = 1;
const SCAN_ROWS = 256;

/** What a store may need to know of the world. */
export interface StoreWorld {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
}

export interface OpenableStore extends StoreNode {
  /** `unavailable` while another process that lives has it open. */
  open(process: SimProcess): Promise<HeadStore>;
  /** Flips a bit in one of its rows or slabs; false when there is none. */
  damage(dice: Dice): boolean;
  /** damage() did so. */
  readonly isDamaged: boolean;
}

export function createMemoryStoreNode({ faults }: StoreWorld): OpenableStore {
  let current = new Map<string, Uint8Array>();
  const durable = new Map<string, Uint8Array>();
  const slabs = createSlabDisk(faults);
  const journal = createJournalDisk(faults);
  let unsynced: StoreBatch[] = [];
  let user: SimProcess | undefined;
  let isDamaged = false;
  return {
    kind: 'store',
    powerLoss(dice) {
      const kept = dice.int(0, unsynced.length);
      for (const batch of unsynced.slice(0, kept)) applyBatch(durable, batch);
      unsynced = [];
      current = new Map(durable);
      slabs.powerLoss(dice);
      journal.powerLoss(dice);
    },
    get isDamaged() {
      return isDamaged;
    },
    damage(dice) {
      // It is no damage to the head, which has the log.
      if (dice.chance(0.3) && journal.damage(dice)) return true;
      if (dice.chance(0.5) && slabs.damage(dice)) {
        isDamaged = true;
        return true;
      }
      const keys = [...current.keys()];
      if (keys.length === 0) return false;
      const key = dice.pick(keys);
      const row = current.get(key)!.slice();
      if (row.length === 0) return false;
      row[dice.int(0, row.length - 1)]! ^= 1 << dice.int(0, 7);
      current.set(key, row);
      durable.set(key, row);
      isDamaged = true;
      return true;
    },
    async open(process) {
      if (user?.alive) throw new WeirError('unavailable', 'the store is open in another process');
      user = process;
      let isClosed = false;
      const read = (key: string) => current.get(key)?.slice();
      const local = <T>(operation: string, effect: () => T) => {
        if (isClosed) throw new WeirError('closed', 'head store is closed');
        return process.local(`store.${operation}`, OPERATION_MS, effect);
      };
      return {
        slabs: slabs.open(process, () => isClosed),
        journal: journal.open(process, () => isClosed),
        get: async (key) => local('get', () => read(nameOf(key))),
        getMany: async (keys) => local('getMany', () => keys.map((key) => read(nameOf(key)))),
        async *scan(from, to) {
          const low = nameOf(from);
          const high = nameOf(to);
          const names = [...current.keys()].filter((name) => name >= low && name < high).sort();
          const rows = names.map((name) => {
            const row: [Uint8Array, Uint8Array] = [Buffer.from(name, 'latin1'), read(name)!];
            return row;
          });
          for (let at = 0; at === 0 || at < rows.length; at += SCAN_ROWS) {
            const batch = await local('scan', () => rows.slice(at, at + SCAN_ROWS));
            if (batch.length > 0) yield batch;
          }
        },
        async write({ puts, deletes }, withSync) {
          const batch = {
            puts: puts.map(([key, value]) => [key.slice(), value.slice()] as const),
            deletes: deletes.map((key) => key.slice()),
          };
          const failure = faults.diskError();
          return local(withSync ? 'write synced' : 'write', () => {
            if (failure !== undefined) throw failure;
            applyBatch(current, batch);
            unsynced.push(batch);
            if (!withSync) return;
            for (const one of unsynced) applyBatch(durable, one);
            unsynced = [];
          });
        },
        async close() {
          isClosed = true;
          if (user === process) user = undefined;
        },
      };
    },
  };
}

function applyBatch(rows: Map<string, Uint8Array>, { puts, deletes }: StoreBatch): void {
  for (const [key, value] of puts) rows.set(nameOf(key), value);
  for (const key of deletes) rows.delete(nameOf(key));
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}
