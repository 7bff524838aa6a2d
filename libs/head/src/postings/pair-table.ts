// The label pairs of a partition: their bytes, interned in an arena by hash, and four columns by number. A
// pair's number is that of its list (posting-lists.ts), so numbers are given by others. The columns lie on
// disk as they are, in parts of 3072 pairs, so a part is touched (slab-flags.ts) before it changes. The hash
// table over them is made anew when a head is opened.
//
// Tenants share the table: the hash is seeded with the tenant, and of two pairs with equal bytes and
// equal hash only the first would be found, so the owner is compared through its hash alone. A 32-bit
// collision between two tenants' equal pairs is excluded by the seed entering the hash of equal bytes
// bijectively (murmur3 is a permutation of the seed for fixed input).
import { grown } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { ByteArena } from '../series/byte-arena.ts';
import { DIRTY, type SlabWatcher } from '../series/slab-flags.ts';

/** Pairs of a part, and its columns: hashes, positions, lengths, numbers of names. */
export const PART_PAIRS = 3072;
const COLUMNS = 4;
export const PART_BYTES = PART_PAIRS * COLUMNS * 4;

const TABLE_MIN = 128;

export class PairTable {
  readonly arena = new ByteArena();
  /** By part: see slab-flags.ts. */
  flags = new Uint8Array(64);
  watcher: SlabWatcher | undefined;
  /** Numbers below this were used. */
  end = 0;
  /** Pairs in use. */
  count = 0;
  #hashes = new Int32Array(PART_PAIRS);
  #positions = new Int32Array(PART_PAIRS);
  /** Bytes of a pair; 0 where the number is free, negative where it was freed but is not given away yet. */
  #lengths = new Int32Array(PART_PAIRS);
  #names = new Int32Array(PART_PAIRS);
  #table = new Int32Array(TABLE_MIN);

  /** The pair with the bytes view[start, start + length), or -1. */
  find(hash: number, view: DataView, start: number, length: number): number {
    const mask = this.#table.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const pair = this.#table[at] - 1;
      if (pair < 0) return -1;
      if (this.#hashes[pair] === hash && this.equals(pair, view, start, length)) return pair;
    }
  }

  equals(pair: number, view: DataView, start: number, length: number): boolean {
    if (this.#lengths[pair] !== length) return false;
    return this.arena.equals(this.#positions[pair], length, view, start);
  }

  /** Gives a number to a pair that find() did not find. */
  add(
    pair: number,
    hash: number,
    name: number,
    view: DataView,
    start: number,
    length: number,
  ): void {
    if (pair >= this.#hashes.length) this.#grow(pair + 1);
    this.#touch(pair);
    this.#hashes[pair] = hash;
    this.#positions[pair] = this.arena.appendView(view, start, length) | 0;
    this.#lengths[pair] = length;
    this.#names[pair] = name;
    this.count++;
    this.end = Math.max(this.end, pair + 1);
    if (this.count * 2 > this.#table.length) this.#rebuild(this.#table.length * 2);
    else this.#insert(hash, pair);
  }

  isInUse(pair: number): boolean {
    return this.#lengths[pair] > 0;
  }

  position(pair: number): number {
    return this.#positions[pair];
  }

  name(pair: number): number {
    return this.#names[pair];
  }

  /** The pair's bytes, which are there until drop(). */
  read(pair: number): Uint8Array {
    return this.arena.read(this.#positions[pair], Math.abs(this.#lengths[pair]));
  }

  /** Forgets a pair; its bytes stay readable. */
  free(pair: number): void {
    this.#touch(pair);
    this.#unlink(pair);
    this.arena.free(this.#positions[pair], this.#lengths[pair]);
    this.#lengths[pair] = -this.#lengths[pair];
    this.count--;
  }

  /** The freed pair's number may be given to another one from here on. */
  drop(pair: number): void {
    this.#touch(pair);
    this.#lengths[pair] = 0;
  }

  /** Moves the bytes of a pair that lie in a slab of which most was freed. */
  moveSparse(pair: number): void {
    const { arena } = this;
    const position = this.#positions[pair];
    if (!arena.isSparse(position)) return;
    this.#touch(pair);
    const length = this.#lengths[pair];
    this.#positions[pair] = arena.append(arena.read(position, length), 0, length) | 0;
    arena.free(position, length);
  }

  /** How many parts there are. */
  get parts(): number {
    return Math.ceil(this.end / PART_PAIRS);
  }

  /** The columns of a part, as they are now. */
  part(part: number): Int32Array[] {
    const from = part * PART_PAIRS;
    return this.#columns.map((column) => column.subarray(from, from + PART_PAIRS));
  }

  /**
   * Puts back as many parts as there were; `read` fills the columns of one. The arena was restored before.
   * Pairs that were freed are not in use afterwards.
   */
  restore(parts: number, read: (part: number, columns: Int32Array[]) => void): void {
    this.#grow(parts * PART_PAIRS);
    for (let part = 0; part < parts; part++) read(part, this.part(part));
    const lengths = this.#lengths;
    for (let pair = 0; pair < lengths.length; pair++) {
      if (lengths[pair] === 0) continue;
      this.end = pair + 1;
      if (lengths[pair] < 0) {
        this.drop(pair);
        continue;
      }
      this.#checkPlace(pair);
      this.count++;
    }
    let size = TABLE_MIN;
    while (this.count * 2 > size) size *= 2;
    this.#rebuild(size);
  }

  #checkPlace(pair: number): void {
    const { arena } = this;
    const position = this.#positions[pair];
    const size = arena.slabOf(position)?.length ?? 0;
    if (arena.offsetOf(position) + this.#lengths[pair] <= size) return;
    throw new WeirError('corrupt', `head: pair ${pair} lies outside of its slab`);
  }

  get #columns(): Int32Array[] {
    return [this.#hashes, this.#positions, this.#lengths, this.#names];
  }

  #grow(pairs: number): void {
    let length = this.#hashes.length;
    while (length < pairs) length *= 2;
    if (length === this.#hashes.length) return;
    this.#hashes = grown(this.#hashes, length);
    this.#positions = grown(this.#positions, length);
    this.#lengths = grown(this.#lengths, length);
    this.#names = grown(this.#names, length);
    while (length / PART_PAIRS > this.flags.length) this.flags = grown(this.flags);
  }

  #touch(pair: number): void {
    const part = Math.floor(pair / PART_PAIRS);
    if (this.flags[part] === DIRTY) return;
    this.watcher?.beforePairs(part);
    this.flags[part] = DIRTY;
  }

  #insert(hash: number, pair: number): void {
    const mask = this.#table.length - 1;
    let at = hash & mask;
    while (this.#table[at] !== 0) at = (at + 1) & mask;
    this.#table[at] = pair + 1;
  }

  #rebuild(size: number): void {
    this.#table = new Int32Array(size);
    for (let pair = 0; pair < this.end; pair++) {
      if (this.#lengths[pair] > 0) this.#insert(this.#hashes[pair], pair);
    }
  }

  /** Takes a pair from the table and moves up those behind it that would not be found any more. */
  #unlink(pair: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#hashes[pair] & mask;
    while (table[hole] !== pair + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashes[table[at] - 1] & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at];
      hole = at;
    }
    table[hole] = 0;
  }
}
