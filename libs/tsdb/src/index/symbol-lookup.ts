// Symbol bytes → symbol number while an index is written: open addressing over the sorted symbols.
import { equalRange, hashBytes } from '@weir/bytes';
import { WeirError } from '@weir/errors';

export class SymbolLookup {
  #symbols: readonly Uint8Array[];
  #slots: Int32Array;
  #mask: number;

  constructor(symbols: readonly Uint8Array[]) {
    let capacity = 16;
    while (capacity < symbols.length * 2) capacity *= 2;
    this.#symbols = symbols;
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(capacity).fill(-1);
    symbols.forEach((symbol, index) => {
      let slot = hashBytes(symbol, 0, symbol.length) & this.#mask;
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = index;
    });
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
      const symbol = this.#symbols[index]!;
      if (symbol.length === size && equalRange(symbol, 0, bytes, from, size)) return index;
      slot = (slot + 1) & this.#mask;
    }
  }
}
