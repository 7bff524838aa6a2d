// Where the words of open chunks lie: linked blocks of 64 bytes (15 words and a link), taken from slabs
// and given back when a chunk is closed. A block is numbered from 1; 0 is none. A slab lies on disk as it
// is, so it is touched (slab-flags.ts) before it changes.
import { grown } from '@weir/bytes';
import { DIRTY, type SlabWatcher } from './slab-flags.ts';

const BLOCK_WORDS = 16;
const LINK = BLOCK_WORDS - 1;
const SLAB_BLOCK_BITS = 11;
const SLAB_BLOCK_MASK = (1 << SLAB_BLOCK_BITS) - 1;
export const SLAB_BLOCKS = 1 << SLAB_BLOCK_BITS;
export const SLAB_WORDS = BLOCK_WORDS * SLAB_BLOCKS;

export class ChunkBlocks {
  readonly #slabs: Int32Array[] = [];
  /** By slab: see slab-flags.ts. */
  flags = new Uint8Array(64);
  watcher: SlabWatcher | undefined;
  #allocated = 0;
  #free = 0;

  get sizeBytes(): number {
    return this.#slabs.length * SLAB_WORDS * 4;
  }

  get slabs(): readonly Int32Array[] {
    return this.#slabs;
  }

  /** How many blocks were ever taken, and the first free one of them. */
  get chain(): { readonly allocated: number; readonly free: number } {
    return { allocated: this.#allocated, free: this.#free };
  }

  /** Puts back what `slabs` and `chain` were. */
  restore(slabs: readonly Int32Array[], allocated: number, free: number): void {
    this.#slabs.push(...slabs);
    while (this.flags.length < slabs.length) this.flags = grown(this.flags);
    this.#allocated = allocated;
    this.#free = free;
  }

  /** The slab of a block that is to be changed. */
  #change(block: number): Int32Array {
    const slab = (block - 1) >>> SLAB_BLOCK_BITS;
    if (this.flags[slab] !== DIRTY) {
      this.watcher?.beforeBlocks(slab);
      this.flags[slab] = DIRTY;
    }
    return this.#slabs[slab];
  }

  #take(): number {
    const reused = this.#free;
    if (reused !== 0) {
      this.#free = this.#slab(reused)[this.#base(reused) + LINK];
      return reused;
    }
    if (this.#allocated >>> SLAB_BLOCK_BITS === this.#slabs.length) {
      if (this.#slabs.length === this.flags.length) this.flags = grown(this.flags);
      this.flags[this.#slabs.length] = DIRTY;
      this.#slabs.push(new Int32Array(SLAB_WORDS));
    }
    return ++this.#allocated;
  }

  #slab(block: number): Int32Array {
    return this.#slabs[(block - 1) >>> SLAB_BLOCK_BITS];
  }

  #base(block: number): number {
    return ((block - 1) & SLAB_BLOCK_MASK) * BLOCK_WORDS;
  }

  /**
   * Appends words to a chain and returns its new tail. A tail is the last block times 16 plus its used
   * words; 0 starts a chain, whose first block is then written to record[firstAt].
   */
  append(
    tail: number,
    words: Uint32Array,
    count: number,
    record: Int32Array,
    firstAt: number,
  ): number {
    let block = tail >>> 4;
    let used = tail & 15;
    if (block === 0) {
      block = this.#take();
      record[firstAt] = block;
      used = 0;
    }
    let slab = this.#change(block);
    let base = this.#base(block);
    for (let index = 0; index < count; index++) {
      if (used === LINK) {
        const next = this.#take();
        slab[base + LINK] = next;
        block = next;
        slab = this.#change(block);
        base = this.#base(block);
        used = 0;
      }
      slab[base + used] = words[index];
      used++;
    }
    return (block << 4) | used;
  }

  /** The block behind this one; anything for the last of a chain. */
  next(block: number): number {
    return this.#slab(block)[this.#base(block) + LINK];
  }

  /** Copies a chain's words to out[from…] and returns how many. */
  copy(first: number, tail: number, out: Int32Array, from = 0): number {
    if (tail === 0) return 0;
    const last = tail >>> 4;
    let count = from;
    for (let block = first; ; ) {
      const slab = this.#slab(block);
      const base = this.#base(block);
      const used = block === last ? tail & 15 : LINK;
      for (let index = 0; index < used; index++) out[count++] = slab[base + index];
      if (block === last) return count - from;
      block = slab[base + LINK];
    }
  }

  release(first: number, tail: number): void {
    if (tail === 0) return;
    const last = tail >>> 4;
    this.#change(last)[this.#base(last) + LINK] = this.#free;
    this.#free = first;
  }
}
