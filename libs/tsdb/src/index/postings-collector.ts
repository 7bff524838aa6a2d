// Collects (label pair, series) while series are written and gives the postings list of every pair, in
// typed arrays: 8 bytes a label of a series, and 20 to 40 a distinct pair, whatever the labels are.
import { assert } from '@weir/errors';

export interface PairPostings {
  /** Symbol numbers. */
  readonly name: number;
  readonly value: number;
  /** Series references, ascending. */
  readonly refs: Uint32Array;
}

export class PostingsCollector {
  #pairNames = new Uint32Array(1024);
  #pairValues = new Uint32Array(1024);
  #pairCounts = new Uint32Array(1024);
  #pairs = 0;
  #slots = new Int32Array(4096).fill(-1);
  /** The pairs of every series, one after another, and where each series' pairs end. */
  #stream = new Uint32Array(1 << 14);
  #streamed = 0;
  #refs = new Uint32Array(1024);
  #ends = new Uint32Array(1024);
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
      if (this.#pairNames[pair] === name && this.#pairValues[pair] === value) return pair;
      slot = (slot + 1) & mask;
    }
    const pair = this.#pairs++;
    if (pair === this.#pairNames.length) {
      this.#pairNames = grown(this.#pairNames);
      this.#pairValues = grown(this.#pairValues);
      this.#pairCounts = grown(this.#pairCounts);
    }
    this.#pairNames[pair] = name;
    this.#pairValues[pair] = value;
    this.#slots[slot] = pair;
    return pair;
  }

  /** Adds a pair to the series that endSeries() closes. */
  add(pair: number): void {
    if (this.#streamed === this.#stream.length) this.#stream = grown(this.#stream);
    this.#stream[this.#streamed++] = pair;
    this.#pairCounts[pair]!++;
  }

  endSeries(ref: number): void {
    const index = this.#series++;
    if (index === this.#refs.length) {
      this.#refs = grown(this.#refs);
      this.#ends = grown(this.#ends);
    }
    assert(index === 0 || ref > this.#refs[index - 1]!, 'series references ascend');
    this.#refs[index] = ref;
    this.#ends[index] = this.#streamed;
  }

  /** All pairs ascending by name, then value (symbol numbers are in byte order). */
  *lists(): Iterable<PairPostings> {
    const starts = new Uint32Array(this.#pairs + 1);
    for (let pair = 0; pair < this.#pairs; pair++) {
      starts[pair + 1] = starts[pair]! + this.#pairCounts[pair]!;
    }
    const refs = new Uint32Array(this.#streamed);
    const next = starts.slice(0, this.#pairs);
    let at = 0;
    for (let index = 0; index < this.#series; index++) {
      const ref = this.#refs[index]!;
      for (const end = this.#ends[index]!; at < end; at++) {
        const pair = this.#stream[at]!;
        refs[next[pair]!++] = ref;
      }
    }
    for (const pair of this.#sorted()) {
      yield {
        name: this.#pairNames[pair]!,
        value: this.#pairValues[pair]!,
        refs: refs.subarray(starts[pair]!, starts[pair + 1]!),
      };
    }
  }

  #sorted(): Uint32Array {
    const order = Uint32Array.from({ length: this.#pairs }, (_, index) => index);
    const names = this.#pairNames;
    const values = this.#pairValues;
    return order.sort((a, b) => names[a]! - names[b]! || values[a]! - values[b]!);
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let pair = 0; pair < this.#pairs; pair++) {
      let slot = hashPair(this.#pairNames[pair]!, this.#pairValues[pair]!) & mask;
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = pair;
    }
  }
}

function hashPair(name: number, value: number): number {
  const mixed = Math.imul(name, 0x9e3779b1) ^ Math.imul(value, 0x85ebca77);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

function grown(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
