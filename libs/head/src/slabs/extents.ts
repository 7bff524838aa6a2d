// Which extents of a slab file hold something. Taken lowest first, so that a checkpoint of a head that
// changed as a whole writes long runs and the free ones lie at the file's end. What was replaced may still
// be read by somebody who pinned it: it is retired, and free when the last of those has gone.
import { assert } from '@weir/errors';
import type { SlabFile } from '../head.ts';

export const EXTENT_BYTES: Readonly<Record<SlabFile, number>> = {
  groups: 48 * 1024,
  blocks: 128 * 1024,
  arenas: 256 * 1024,
};

/** No file has so many: of groups 192 GiB. */
export const EXTENTS_MAX = 1 << 22;

const FULL = -1;

export class Extents {
  /** A bit for each extent, set where it is not free. */
  #words = new Int32Array(4);
  /** All words before this one are full. */
  #firstFree = 0;
  #count = 0;
  /** In the order in which they were retired. */
  #retired: { readonly extent: number; readonly pin: number }[] = [];

  /** Extents that are not free. */
  get count(): number {
    return this.#count;
  }

  /** All from here on are free. */
  get end(): number {
    let word = this.#words.length - 1;
    while (word >= 0 && this.#words[word] === 0) word--;
    return word < 0 ? 0 : word * 32 + 32 - Math.clz32(this.#words[word]);
  }

  /** The lowest free extent, which is not free from now on. */
  take(): number {
    let word = this.#firstFree;
    while (word < this.#words.length && this.#words[word] === FULL) word++;
    this.#firstFree = word;
    this.#grow(word);
    const free = ~this.#words[word];
    const extent = word * 32 + 31 - Math.clz32(free & -free);
    this.#words[word] |= free & -free;
    this.#count++;
    return extent;
  }

  /** Takes this one; false when it is not free. */
  claim(extent: number): boolean {
    const word = extent >>> 5;
    this.#grow(word);
    if ((this.#words[word] & (1 << (extent & 31))) !== 0) return false;
    this.#words[word] |= 1 << (extent & 31);
    this.#count++;
    return true;
  }

  give(extent: number): void {
    const word = extent >>> 5;
    const bit = 1 << (extent & 31);
    assert((this.#words[word] & bit) !== 0, `extent ${extent} is taken`);
    this.#words[word] &= ~bit;
    this.#count--;
    this.#firstFree = Math.min(this.#firstFree, word);
  }

  /** Nobody needs it but who holds a pin up to this one. */
  retire(extent: number, pin: number): void {
    this.#retired.push({ extent, pin });
  }

  /** Gives what was retired and is pinned no more: pins below this one are gone. */
  release(oldestPin: number): void {
    let count = 0;
    while (count < this.#retired.length && this.#retired[count].pin < oldestPin) {
      this.give(this.#retired[count++].extent);
    }
    this.#retired.splice(0, count);
  }

  #grow(word: number): void {
    if (word < this.#words.length) return;
    const words = new Int32Array(Math.max(word + 1, this.#words.length * 2));
    words.set(this.#words);
    this.#words = words;
  }
}
