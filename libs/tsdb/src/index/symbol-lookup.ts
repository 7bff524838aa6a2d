// Symbol bytes → symbol number while an index is written: open addressing over the sorted symbols.
import { equalRange, hashBytes } from '@weir/bytes';
import { WeirError } from '@weir/errors';

/** Distinct byte strings in ascending order. An array is one; at() may give a view that is made anew. */
export interface SymbolList {
  readonly length: number;
  at(index: number): Uint8Array | undefined;
}

export class SymbolLookup {
  #symbols: SymbolList;
  #slots: Int32Array;
  #mask: number;

  /** Knows no symbol before add() was called for it. */
  constructor(symbols: SymbolList) {
    let capacity = 16;
    while (capacity < symbols.length * 2) capacity *= 2;
    this.#symbols = symbols;
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(capacity).fill(-1);
  }

  add(symbol: Uint8Array, index: number): void {
    let slot = hashBytes(symbol, 0, symbol.length) & this.#mask;
    while (this.#slots[slot]! >= 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = index;
  }

  /** The number of the symbol bytes[from, to). Every symbol must have been given: `invalid` if not. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const size = to - from;
    let slot = hashBytes(bytes, from, to) & this.#mask;
    for (;;) {
      const index = this.#slots[slot]!;
      if (index < 0) {
        throw new WeirError(
          'invalid',
          'a label of a series is missing from the symbols of its block',
        );
      }
      const symbol = this.#symbols.at(index)!;
      if (symbol.length === size && equalRange(symbol, 0, bytes, from, size)) return index;
      slot = (slot + 1) & this.#mask;
    }
  }
}
