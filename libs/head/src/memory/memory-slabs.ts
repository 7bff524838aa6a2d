// Slab files in memory. An extent's bytes are replaced, never changed, so that copies share them.
import { WeirError } from '@weir/errors';
import type { SlabFile, SlabFiles } from '../head.ts';
import { EXTENT_BYTES } from '../slabs/extents.ts';

export interface MemorySlabs extends SlabFiles {
  /** What the files hold now, written further on its own. */
  copy(): MemorySlabs;
  /** What was last written to the extent; undefined: nothing. */
  extent(file: SlabFile, extent: number): Uint8Array | undefined;
  /** How many extents each file has, the empty ones between others included. */
  extents(file: SlabFile): number;
}

type Extents = readonly (Uint8Array | undefined)[];

export function createMemorySlabs(
  from: Readonly<Record<SlabFile, Extents>> = { groups: [], blocks: [], arenas: [] },
): MemorySlabs {
  const files = {
    groups: [...from.groups],
    blocks: [...from.blocks],
    arenas: [...from.arenas],
  };
  return {
    copy: () => createMemorySlabs(files),
    extent: (file, extent) => files[file][extent],
    extents: (file) => files[file].length,
    read(file, extent, parts) {
      const bytes = files[file][extent] ?? new Uint8Array(0);
      let at = 0;
      for (const part of parts) {
        if (at + part.length > bytes.length) {
          throw new WeirError('corrupt', `head store: slab file ${file} ends in extent ${extent}`);
        }
        part.set(bytes.subarray(at, at + part.length));
        at += part.length;
      }
    },
    async write(file, extent, bytes) {
      const size = EXTENT_BYTES[file];
      for (let at = 0; at < bytes.length; at += size) {
        files[file][extent + at / size] = new Uint8Array(bytes.subarray(at, at + size));
      }
    },
    async sync() {},
    async truncate(file, extents) {
      files[file].length = Math.min(files[file].length, extents);
    },
  };
}
