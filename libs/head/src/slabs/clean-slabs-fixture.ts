// What tests hold against a head's slabs: one whose flags say that it did not change since its image was
// committed is its image, but for fields that are no part of the state. Finds a change without a touch.
import { C, COLD_BITS, SLAB_BITS } from '../series/series-store.ts';
import { DIRTY, PENDING } from '../series/slab-flags.ts';
import type { HeadState } from '../state.ts';
import { BLOCKS, GROUPS, PAIR_PARTS, type SlabSpace } from './slab-space.ts';

/** Names the slabs that changed without a touch. Only while no checkpoint runs. */
export function changedUntouched(
  { store, activity, index }: HeadState,
  space: SlabSpace,
): string[] {
  const found: string[] = [];
  for (let group = 0; group < store.records.length; group++) {
    if ((store.groupFlags[group] & (DIRTY | PENDING)) !== 0 || !store.hasGroup(group)) continue;
    const minutes = activity.minutes.subarray(group << SLAB_BITS, (group + 1) << SLAB_BITS);
    const parts = [...store.groupParts(group), minutes];
    const images = parts.map(({ length }) => new Int32Array(length));
    space.read(GROUPS, group, images.map(bytesOf));
    for (const [part, image] of images.entries()) {
      const isCold = part === 1;
      if (isSame(parts[part], image, isCold)) continue;
      found.push(`group ${group}, part ${part}`);
    }
  }
  for (const [slab, words] of store.blocks.slabs.entries()) {
    if (store.blocks.flags[slab] !== 0) continue;
    const image = new Int32Array(words.length);
    space.read(BLOCKS, slab, [bytesOf(image)]);
    if (!isSame(words, image, false)) found.push(`blocks ${slab}`);
  }
  const { pairs } = index;
  for (let part = 0; part < pairs.parts; part++) {
    if (pairs.flags[part] !== 0) continue;
    const columns = pairs.part(part);
    const images = columns.map(({ length }) => new Int32Array(length));
    space.read(PAIR_PARTS, part, images.map(bytesOf));
    if (!columns.every((column, at) => isSame(column, images[at], false))) {
      found.push(`pairs ${part}`);
    }
  }
  return found;
}

function isSame(memory: Int32Array, image: Int32Array, isCold: boolean): boolean {
  if (Buffer.compare(bytesOf(memory), bytesOf(image)) === 0) return true;
  if (!isCold) return false;
  return memory.every((value, at) => {
    const field = at & ((1 << COLD_BITS) - 1);
    return value === image[at] || field === C.closed || field === C.pass;
  });
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
