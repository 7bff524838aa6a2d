// Files of a head's journal on a simulated disk. What is appended survives the process, which may die in the
// middle; none of it is synced, so a power loss takes any end of a file, a piece in its middle, or the file.
import { WeirError } from '@weir/errors';
import type { JournalFiles } from '@weir/head';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import type { SimProcess } from '../process.ts';

const OPERATION_MS = 1;

export interface JournalDisk {
  open(process: SimProcess, isClosed: () => boolean): JournalFiles;
  powerLoss(dice: Dice): void;
  /** Flips a bit; false when there is nothing. */
  damage(dice: Dice): boolean;
}

export function createJournalDisk(faults: Faults): JournalDisk {
  const files = new Map<number, Uint8Array>();

  function append(file: number, bytes: Uint8Array): void {
    files.set(file, Buffer.concat([files.get(file) ?? new Uint8Array(0), bytes]));
  }

  return {
    powerLoss(dice) {
      for (const [file, bytes] of [...files]) {
        const kept = dice.pick(['all', 'none', 'some', 'holes'] as const);
        if (kept === 'none') files.delete(file);
        else if (kept === 'some') files.set(file, bytes.slice(0, dice.int(0, bytes.length)));
        else if (kept === 'holes' && bytes.length > 0) {
          const from = dice.int(0, bytes.length - 1);
          files.set(file, bytes.slice().fill(0, from, dice.int(from, bytes.length)));
        }
      }
    },
    damage(dice) {
      const found = [...files].filter(([, bytes]) => bytes.length > 0);
      if (found.length === 0) return false;
      const [file, before] = dice.pick(found);
      const bytes = before.slice();
      bytes[dice.int(0, bytes.length - 1)]! ^= 1 << dice.int(0, 7);
      files.set(file, bytes);
      return true;
    },
    open(process, isClosed) {
      const open = () => {
        if (isClosed()) throw new WeirError('closed', 'head store is closed');
      };
      const local = <T>(operation: string, effect: () => T) => {
        open();
        const failure = faults.diskError();
        return process.local(`journal.${operation}`, OPERATION_MS, () => {
          if (failure !== undefined) throw failure;
          return effect();
        });
      };
      return {
        list: async () => local('list', () => [...files.keys()].sort((a, b) => a - b)),
        read(file, at, into) {
          open();
          const bytes = (files.get(file) ?? new Uint8Array(0)).subarray(at, at + into.length);
          into.set(bytes);
          return bytes.length;
        },
        async append(file, bytes) {
          // Of one under way a process that dies leaves a beginning.
          const first = process.dice.chance(0.1) ? process.dice.int(0, bytes.length) : 0;
          const [beginning, rest] = [bytes.slice(0, first), bytes.slice(first)];
          if (first > 0) await local('append', () => append(file, beginning));
          await local('append', () => append(file, rest));
        },
        remove: async (numbers) =>
          local('remove', () => {
            for (const number of numbers) files.delete(number);
          }),
      };
    },
  };
}
