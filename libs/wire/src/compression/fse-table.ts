// Tables of finite state entropy codes (RFC 8878, 4.1): built from the described or default distribution of
// symbols, walked by the bits of a stream.
import { WeirError } from '@weir/errors';
import type { ReverseBits } from './reverse-bits.ts';

export interface FseTable {
  readonly accuracyLog: number;
  /** By state: what it stands for, how many bits lead on, and to where. */
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly next: Uint16Array;
}

/** The state that follows. */
export function nextState(table: FseTable, state: number, stream: ReverseBits): number {
  return table.next[state]! + stream.read(table.bits[state]!);
}

/** A table of one symbol that needs no bits. */
export function repeatedSymbol(symbol: number): FseTable {
  return {
    accuracyLog: 0,
    symbols: Uint8Array.of(symbol),
    bits: new Uint8Array(1),
    next: new Uint16Array(1),
  };
}

/** The table of a distribution: how many states each symbol has, -1 for less than one. */
export function buildFseTable(counts: ArrayLike<number>, accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const coming = new Uint16Array(counts.length);
  let high = size;
  for (let symbol = 0; symbol < counts.length; symbol++) {
    const count = counts[symbol]!;
    coming[symbol] = count < 0 ? 1 : count;
    if (count < 0) symbols[--high] = symbol;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  for (let symbol = 0; symbol < counts.length; symbol++) {
    for (let left = counts[symbol]!; left > 0; left--) {
      symbols[position] = symbol;
      do position = (position + step) & (size - 1);
      while (position >= high);
    }
  }
  const bits = new Uint8Array(size);
  const next = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const number = coming[symbols[state]!]!++;
    bits[state] = accuracyLog - (31 - Math.clz32(number));
    next[state] = (number << bits[state]!) - size;
  }
  return { accuracyLog, symbols, bits, next };
}

/** Reads a table's description at bytes[from, to); also returns where it ends. */
export function readFseTable(
  bytes: Uint8Array,
  from: number,
  to: number,
  max: { readonly accuracyLog: number; readonly symbol: number },
): { readonly table: FseTable; readonly end: number } {
  let at = from * 8;
  const read = (count: number): number => {
    const byte = at >> 3;
    const word =
      (bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8) | ((bytes[byte + 2] ?? 0) << 16);
    const value = (word >>> (at & 7)) & ((1 << count) - 1);
    at += count;
    return value;
  };
  const accuracyLog = read(4) + 5;
  if (accuracyLog > max.accuracyLog) throw corruptTable();
  const counts: number[] = [];
  let left = 1 << accuracyLog;
  while (left > 0) {
    if (counts.length > max.symbol || at > to * 8) throw corruptTable();
    // Values up to left + 1; the smaller ones take a bit less.
    const width = 32 - Math.clz32(left + 1);
    const low = (1 << (width - 1)) - 1;
    const short = (1 << width) - 2 - left;
    let value = read(width);
    if ((value & low) < short) {
      at--;
      value &= low;
    } else if (value > low) value -= short;
    const count = value - 1;
    left -= Math.abs(count);
    counts.push(count);
    if (count !== 0) continue;
    for (let more = 3; more === 3; ) {
      more = read(2);
      for (let zeros = more; zeros > 0; zeros--) counts.push(0);
      if (counts.length > max.symbol + 1) throw corruptTable();
    }
  }
  const end = (at + 7) >> 3;
  if (left < 0 || end > to || counts.length > max.symbol + 1) throw corruptTable();
  return { table: buildFseTable(counts, accuracyLog), end };
}

function corruptTable(): WeirError {
  return new WeirError('invalid', 'zstd: corrupt input');
}
