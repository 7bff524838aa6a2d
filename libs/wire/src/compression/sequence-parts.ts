// What Zstandard's sequences are made of (RFC 8878, 3.1.1.3.2): codes with bits behind them, and the tables that hold
// where none is described.
import { buildFseTable, type FseTable } from './fse-table.ts';

/** One of the three things that sequences are made of: its default table, bounds, and what codes stand for. */
export interface SequencePart {
  readonly standard: FseTable;
  readonly max: { readonly accuracyLog: number; readonly symbol: number };
  readonly bases: Uint32Array;
  readonly extraBits: Uint8Array;
}

function partOf(
  accuracyLogMax: number,
  standard: readonly [counts: readonly number[], accuracyLog: number],
  extraBits: readonly number[],
  first: number,
): SequencePart {
  let base = first;
  const bases = Uint32Array.from(extraBits, (bits) => {
    const present = base;
    base += 2 ** bits;
    return present;
  });
  return {
    standard: buildFseTable(...standard),
    max: { accuracyLog: accuracyLogMax, symbol: extraBits.length - 1 },
    bases,
    extraBits: Uint8Array.from(extraBits),
  };
}

const zeros = (count: number) => Array<number>(count).fill(0);
const ones = (count: number) => Array<number>(count).fill(1);
const twos = (count: number) => Array<number>(count).fill(2);
const rare = (count: number) => Array<number>(count).fill(-1);

/** Lengths of literals: RFC 8878, 3.1.1.3.2.1.1 and 3.1.1.3.2.2.1. */
export const LITERALS = partOf(
  9,
  [[4, 3, ...twos(11), ...ones(3), ...twos(9), 3, 2, ...ones(5), ...rare(4)], 6],
  [...zeros(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  0,
);
/** Lengths of matches. */
export const MATCHES = partOf(
  9,
  [[1, 4, 3, ...twos(6), ...ones(37), ...rare(7)], 6],
  [...zeros(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  3,
);
/** Offsets; larger codes reach beyond any window that is taken. */
export const OFFSETS = partOf(
  8,
  [[...ones(6), ...twos(3), ...ones(15), ...rare(5)], 5],
  Array.from({ length: 28 }, (_, code) => code),
  1,
);
