// Slab files on a simulated disk. What is written survives the process, which may die in the middle of a
// write; of what was not synced a power loss takes each write, or any of its sectors, or none, in whatever
// order it came. Bytes of an extent are replaced, never changed.
import { WeirError } from '@weir/errors';
import { EXTENT_BYTES, type SlabFile, type SlabFiles } from '@weir/head';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import type { SimProcess } from '../process.ts';

const OPERATION_MS = 1;
const SECTOR_BYTES = 4096;

type Files = Record<SlabFile, Map<number, Uint8Array>>;

interface Write {
  readonly file: SlabFile;
  readonly extent: number;
  /** Undefined: the file ends here. */
  readonly bytes: Uint8Array | undefined;
}

export interface SlabDisk {
  open(process: SimProcess, isClosed: () => boolean): SlabFiles;
  powerLoss(dice: Dice): void;
  /** Flips a bit; false when there is nothing. */
  damage(dice: Dice): boolean;
}

export function createSlabDisk(faults: Faults): SlabDisk {
  let current = noFiles();
  let durable = noFiles();
  let unsynced: Write[] = [];

  function write(one: Write): void {
    put(current, one);
    unsynced.push(one);
  }

  return {
    powerLoss(dice) {
      for (const one of unsynced) {
        const kept = dice.pick(['all', 'none', 'some'] as const);
        if (kept === 'all' || (kept === 'some' && one.bytes === undefined)) put(durable, one);
        else if (kept === 'some') put(durable, { ...one, bytes: torn(durable, one, dice) });
      }
      unsynced = [];
      current = copyOf(durable);
    },
    damage(dice) {
      const extents = Object.values(current).flatMap((file) =>
        [...file].map((one) => ({ file, one })),
      );
      if (extents.length === 0) return false;
      const { file, one } = dice.pick(extents);
      const [extent, before] = one;
      const bytes = before.slice();
      bytes[dice.int(0, bytes.length - 1)]! ^= 1 << dice.int(0, 7);
      file.set(extent, bytes);
      return true;
    },
    open(process, isClosed) {
      const open = () => {
        if (isClosed()) throw new WeirError('closed', 'head store is closed');
      };
      const local = (operation: string, effect: () => void) => {
        open();
        const failure = faults.diskError();
        return process.local(`slabs.${operation}`, OPERATION_MS, () => {
          if (failure !== undefined) throw failure;
          effect();
        });
      };
      return {
        read(file, extent, parts) {
          open();
          read(current, file, extent, parts);
        },
        async write(file, extent, bytes) {
          const { dice } = process;
          // Of a write under way a process that dies leaves a beginning.
          if (dice.chance(0.1)) {
            const part = dice.int(1, bytes.length);
            await local('write', () => write({ file, extent, bytes: bytes.slice(0, part) }));
          }
          await local('write', () => write({ file, extent, bytes: bytes.slice() }));
        },
        sync: async () =>
          local('sync', () => {
            durable = copyOf(current);
            unsynced = [];
          }),
        truncate: async (file, extent) =>
          local('truncate', () => write({ file, extent, bytes: undefined })),
      };
    },
  };
}

function noFiles(): Files {
  return { groups: new Map(), blocks: new Map(), arenas: new Map() };
}

function copyOf({ groups, blocks, arenas }: Files): Files {
  return { groups: new Map(groups), blocks: new Map(blocks), arenas: new Map(arenas) };
}

function put(files: Files, { file, extent, bytes }: Write): void {
  const extents = files[file];
  if (bytes === undefined) {
    for (const one of [...extents.keys()]) if (one >= extent) extents.delete(one);
    return;
  }
  const size = EXTENT_BYTES[file];
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    const before = extents.get(extent + at / size);
    if (before === undefined || before.length <= part.length) extents.set(extent + at / size, part);
    else extents.set(extent + at / size, joined(part, before.subarray(part.length)));
  }
}

/** What the extents hold when only some sectors of the write reached the disk. */
function torn(files: Files, { file, extent, bytes }: Write, dice: Dice): Uint8Array {
  const size = EXTENT_BYTES[file];
  const out = new Uint8Array(bytes?.length ?? 0);
  for (let at = 0; at < out.length; at += size) {
    const before = files[file].get(extent + at / size)?.subarray(0, out.length - at);
    if (before !== undefined) out.set(before, at);
  }
  for (let at = 0; at < out.length; at += SECTOR_BYTES) {
    if (dice.chance(0.5)) out.set(bytes!.subarray(at, at + SECTOR_BYTES), at);
  }
  return out;
}

function read(files: Files, file: SlabFile, extent: number, parts: readonly Uint8Array[]): void {
  const bytes = files[file].get(extent) ?? new Uint8Array(0);
  let at = 0;
  for (const part of parts) {
    if (at + part.length > bytes.length) {
      throw new WeirError('corrupt', `slab file ${file} ends in extent ${extent}`);
    }
    part.set(bytes.subarray(at, at + part.length));
    at += part.length;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const out = new Uint8Array(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}
