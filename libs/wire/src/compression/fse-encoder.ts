// The way back through the tables of finite state entropy codes (RFC 8878, 4.1): distributions of counted symbols,
// their descriptions, and which state leads to which.
import type { BitWriter } from './bit-writer.ts';
import type { FseTable } from './fse-table.ts';

/** A table that is walked from the last symbol to the first. */
export class FseEncoder {
  accuracyLog = 0;
  /** By symbol and following state: the state before. */
  readonly #before: Uint16Array;
  /** By symbol: its first state, the one with the most bits to the next. */
  readonly #first: Uint16Array;
  #bits: Uint8Array = new Uint8Array(0);
  #next: Uint16Array = new Uint16Array(0);

  constructor(symbolMax: number, accuracyLogMax: number) {
    this.#before = new Uint16Array((symbolMax + 1) << accuracyLogMax);
    this.#first = new Uint16Array(symbolMax + 1);
  }

  use(table: FseTable): this {
    const { accuracyLog, symbols, bits, next } = table;
    this.accuracyLog = accuracyLog;
    this.#bits = bits;
    this.#next = next;
    for (let state = symbols.length - 1; state >= 0; state--) {
      const symbol = symbols[state]!;
      this.#first[symbol] = state;
      const from = (symbol << accuracyLog) + next[state]!;
      this.#before.fill(state, from, from + (1 << bits[state]!));
    }
    return this;
  }

  /** A state that stands for a stream's last symbol. */
  last(symbol: number): number {
    return this.#first[symbol]!;
  }

  /** The state of a symbol that the given one follows; writes the bits that lead on. */
  step(symbol: number, following: number, to: BitWriter): number {
    const state = this.#before[(symbol << this.accuracyLog) + following]!;
    to.add(following - this.#next[state]!, this.#bits[state]!);
    return state;
  }
}

/** How many of 2^accuracyLog states each symbol gets: one at least if it occurs. */
export function distribute(
  counts: Uint32Array,
  total: number,
  accuracyLog: number,
): readonly number[] {
  const size = 1 << accuracyLog;
  let left = size;
  const shares = Array.from(counts, (count) => {
    const share = count === 0 ? 0 : Math.max(1, Math.round((count * size) / total));
    left -= share;
    return share;
  });
  while (shares.at(-1) === 0) shares.pop();
  // What rounding left over or took too much: of the largest shares, where it matters least.
  while (left !== 0) {
    const largest = shares.indexOf(Math.max(...shares));
    const change = left > 0 ? left : Math.max(left, -(shares[largest]! >> 1));
    shares[largest]! += change;
    left -= change;
  }
  return shares;
}

/** Writes what `readFseTable` reads. */
export function writeFseTable(shares: readonly number[], accuracyLog: number, to: BitWriter): void {
  to.add(accuracyLog - 5, 4);
  let left = 1 << accuracyLog;
  for (let symbol = 0; symbol < shares.length; symbol++) {
    const share = shares[symbol]!;
    const width = 32 - Math.clz32(left + 1);
    const low = (1 << (width - 1)) - 1;
    const short = (1 << width) - 2 - left;
    const value = share + 1;
    if (value < short) to.add(value, width - 1);
    else to.add(value > low ? value + short : value, width);
    left -= share;
    if (share !== 0) continue;
    let zeros = 0;
    while (shares[symbol + 1] === 0) {
      zeros++;
      symbol++;
    }
    for (; zeros >= 3; zeros -= 3) to.add(3, 2);
    to.add(zeros, 2);
  }
  to.align();
}
