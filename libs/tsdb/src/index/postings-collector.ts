// Collects (label pair, series) while series are written and gives the postings list of every pair. Lists
// are kept as differences of series numbers in varints, in chained blocks: one to two bytes a label of a
// series, and some 40 to 70 a distinct pair, whatever the labels are; four bytes a series beside that.
import { grown, sortSteps } from '@weir/bytes';
import { assert } from '@weir/errors';

export interface PairPostings {
  /** Symbol numbers. */
  readonly name: number;
  readonly value: number;
  readonly count: number;
  /** Series references, ascending. */
  refs(): Iterable<number>;
}

/** A block: bytes of one list, and in its last four the number of the next one. */
const BLOCK_BITS = 4;
const BLOCK_SIZE = 1 << BLOCK_BITS;
const DATA_SIZE = BLOCK_SIZE - 4;
const SLAB_BITS = 18;
const SLAB_SIZE = 1 << SLAB_BITS;

export class PostingsCollector {
  #names = new Uint32Array(1024);
  #values = new Uint32Array(1024);
  #counts = new Uint32Array(1024);
  /** Number of the last series of a pair. */
  #last = new Uint32Array(1024);
  /** First block, and the position of the next byte; 0 is none. */
  #first = new Uint32Array(1024);
  #at = new Uint32Array(1024);
  #pairs = 0;
  #slots = new Int32Array(4096).fill(-1);
  readonly #slabs: Uint8Array[] = [];
  #blocks = 1;
  #refs = new Uint32Array(1024);
  #series = 0;

  get seriesCount(): number {
    return this.#series;
  }

  /** References of all series, ascending. */
  get allRefs(): Uint32Array {
    return this.#refs.subarray(0, this.#series);
  }

  /** The number of a label pair, new or known. */
  pairOf(name: number, value: number): number {
    if (this.#pairs * 2 >= this.#slots.length) this.#rehash();
    const mask = this.#slots.length - 1;
    let slot = hashPair(name, value) & mask;
    for (;;) {
      const pair = this.#slots[slot]!;
      if (pair < 0) break;
      if (this.#names[pair] === name && this.#values[pair] === value) return pair;
      slot = (slot + 1) & mask;
    }
    const pair = this.#pairs++;
    if (pair === this.#names.length) {
      this.#names = grown(this.#names);
      this.#values = grown(this.#values);
      this.#counts = grown(this.#counts);
      this.#last = grown(this.#last);
      this.#first = grown(this.#first);
      this.#at = grown(this.#at);
    }
    this.#names[pair] = name;
    this.#values[pair] = value;
    this.#slots[slot] = pair;
    return pair;
  }

  /** Adds a pair to the series that endSeries() closes. */
  add(pair: number): void {
    const series = this.#series;
    if (this.#counts[pair]!++ > 0) this.#put(pair, series - this.#last[pair]!);
    else this.#put(pair, series);
    this.#last[pair] = series;
  }

  #put(pair: number, difference: number): void {
    let left = difference;
    for (; left > 127; left >>>= 7) this.#putByte(pair, (left & 127) | 128);
    this.#putByte(pair, left);
  }

  #putByte(pair: number, byte: number): void {
    let at = this.#at[pair]!;
    if (at === 0 || (at & (BLOCK_SIZE - 1)) === DATA_SIZE) {
      const block = this.#takeBlock();
      if (at === 0) this.#first[pair] = block;
      else this.#link(at, block);
      at = (block << BLOCK_BITS) >>> 0;
    }
    this.#slabs[at >>> SLAB_BITS]![at & (SLAB_SIZE - 1)] = byte;
    this.#at[pair] = at + 1;
  }

  #takeBlock(): number {
    const block = this.#blocks++;
    if ((block << BLOCK_BITS) >>> SLAB_BITS >= this.#slabs.length) {
      assert(this.#slabs.length < 2 ** 32 / SLAB_SIZE, 'postings of a block take less than 4 GiB');
      this.#slabs.push(new Uint8Array(SLAB_SIZE));
    }
    return block;
  }

  #link(at: number, block: number): void {
    const slab = this.#slabs[at >>> SLAB_BITS]!;
    const from = at & (SLAB_SIZE - 1);
    slab[from] = block;
    slab[from + 1] = block >>> 8;
    slab[from + 2] = block >>> 16;
    slab[from + 3] = block >>> 24;
  }

  endSeries(ref: number): void {
    const index = this.#series++;
    if (index === this.#refs.length) this.#refs = grown(this.#refs);
    assert(index === 0 || ref > this.#refs[index - 1]!, 'series references ascend');
    this.#refs[index] = ref;
  }

  /** The pairs ascending by name, then value (symbol numbers are in byte order), in steps. */
  *sortedPairs(): Generator<void, Uint32Array> {
    const order = new Uint32Array(this.#pairs);
    for (let index = 0; index < order.length; index++) order[index] = index;
    const names = this.#names;
    const values = this.#values;
    yield* sortSteps(order, (a, b) => names[a]! - names[b]! || values[a]! - values[b]!);
    return order;
  }

  list(pair: number): PairPostings {
    return {
      name: this.#names[pair]!,
      value: this.#values[pair]!,
      count: this.#counts[pair]!,
      refs: () => this.#read(pair),
    };
  }

  *#read(pair: number): Generator<number> {
    let at = (this.#first[pair]! << BLOCK_BITS) >>> 0;
    let series = 0;
    for (let left = this.#counts[pair]!; left > 0; left--) {
      let difference = 0;
      for (let shift = 0; ; shift += 7) {
        const slab = this.#slabs[at >>> SLAB_BITS]!;
        const from = at & (SLAB_SIZE - 1);
        const byte = slab[from]!;
        difference |= (byte & 127) << shift;
        at++;
        if ((at & (BLOCK_SIZE - 1)) === DATA_SIZE)
          at = (nextBlock(slab, from + 1) << BLOCK_BITS) >>> 0;
        if (byte < 128) break;
      }
      series += difference;
      yield this.#refs[series]!;
    }
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let pair = 0; pair < this.#pairs; pair++) {
      let slot = hashPair(this.#names[pair]!, this.#values[pair]!) & mask;
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = pair;
    }
  }
}

function nextBlock(slab: Uint8Array, at: number): number {
  return (slab[at]! | (slab[at + 1]! << 8) | (slab[at + 2]! << 16) | (slab[at + 3]! << 24)) >>> 0;
}

function hashPair(name: number, value: number): number {
  const mixed = Math.imul(name, 0x9e3779b1) ^ Math.imul(value, 0x85ebca77);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
