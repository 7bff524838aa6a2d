// Which slabs a snapshot has to have: those of the directory rows in it, each once, with the bytes that the
// directory tells of.
import { crc32 } from 'node:zlib';
import type { SlabFile } from '../head.ts';
import type { Slab } from '../slabs/directory.ts';
import { createDirectories, readDirectoryRow } from '../slabs/slab-space.ts';
import { bad } from './frames.ts';

export class ExpectedSlabs {
  readonly #directories = createDirectories();
  /** Still to come, by file and extent; made when all rows have come. */
  #missing: Readonly<Record<SlabFile, Map<number, Slab>>> | undefined;

  /** Takes a directory row. Throws `corrupt`, also behind the first slab. */
  expect(rowKey: Uint8Array, value: Uint8Array): void {
    if (this.#missing !== undefined) throw bad('its directory goes on behind a slab');
    readDirectoryRow(this.#directories, rowKey, value);
  }

  /** Throws `corrupt` unless the directory has this slab and it had not come before. */
  take(file: SlabFile, extent: number, bytes: Uint8Array): void {
    this.#missing ??= this.#all();
    const slab = this.#missing[file].get(extent);
    if (slab === undefined) throw bad(`its directory has no slab at ${extent} of ${file}`);
    if (slab.used !== bytes.length || slab.crc !== crc32(bytes)) {
      throw bad(`the slab at ${extent} of ${file} is not what the directory has`);
    }
    this.#missing[file].delete(extent);
  }

  /** Throws `corrupt` where one has not come. */
  finish(): void {
    this.#missing ??= this.#all();
    for (const [file, slabs] of Object.entries(this.#missing)) {
      for (const extent of slabs.keys()) throw bad(`the slab at ${extent} of ${file} is missing`);
    }
  }

  #all(): Readonly<Record<SlabFile, Map<number, Slab>>> {
    const all = { groups: new Map(), blocks: new Map(), arenas: new Map() };
    for (const directory of this.#directories) {
      for (let number = 0; number < directory.end; number++) {
        const slab = directory.get(number);
        if (slab === undefined) continue;
        if (all[directory.file].has(slab.extent)) throw bad('its directory has an extent twice');
        all[directory.file].set(slab.extent, slab);
      }
    }
    return all;
  }
}
