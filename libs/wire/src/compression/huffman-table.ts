// Huffman tables of literals (RFC 8878, 4.2): read from their description, and streams decoded with them.
import { WeirError } from '@weir/errors';
import { nextState, readFseTable } from './fse-table.ts';
import { ReverseBits } from './reverse-bits.ts';

const BITS_MAX = 11;
const WEIGHTS_MAX = 255;
const WEIGHT_TABLE = { accuracyLog: 6, symbol: BITS_MAX + 1 };

export interface HuffmanTable {
  readonly bitsMax: number;
  /** By the next `bitsMax` bits: the symbol, and how many of them it takes. */
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
}

const stream = new ReverseBits();

/** Reads the description at bytes[from, to); also returns where it ends. */
export function readHuffmanTable(
  bytes: Uint8Array,
  from: number,
  to: number,
): { readonly table: HuffmanTable; readonly end: number } {
  if (from >= to) throw corrupt();
  const header = bytes[from]!;
  const direct = header >= 128;
  const end = from + 1 + (direct ? (header - 126) >> 1 : header);
  if (end > to) throw corrupt();
  const weights = direct
    ? directWeights(bytes, from + 1, header - 127)
    : codedWeights(bytes, from + 1, end);
  return { table: buildTable(weights), end };
}

/** Decodes bytes[from, to) into exactly out[outFrom, outTo). */
export function huffmanDecode(
  { bitsMax, symbols, bits }: HuffmanTable,
  input: { readonly bytes: Uint8Array; readonly from: number; readonly to: number },
  out: Uint8Array,
  outFrom: number,
  outTo: number,
): void {
  if (!stream.start(input.bytes, input.from, input.to)) throw corrupt();
  for (let at = outFrom; at < outTo; at++) {
    const found = stream.peek(bitsMax);
    out[at] = symbols[found]!;
    stream.left -= bits[found]!;
    if (stream.left < 0) throw corrupt();
  }
  if (stream.left !== 0) throw corrupt();
}

function directWeights(bytes: Uint8Array, from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const byte = bytes[from + (index >> 1)]!;
    return index % 2 === 0 ? byte >> 4 : byte & 15;
  });
}

/** Two states take turns; the stream's end, reached by one, ends with the other's symbol. */
function codedWeights(bytes: Uint8Array, from: number, to: number): number[] {
  const { table, end } = readFseTable(bytes, from, to, WEIGHT_TABLE);
  if (!stream.start(bytes, end, to)) throw corrupt();
  let present = stream.read(table.accuracyLog);
  let other = stream.read(table.accuracyLog);
  if (stream.left < 0) throw corrupt();
  const weights: number[] = [];
  for (;;) {
    weights.push(table.symbols[present]!);
    const next = nextState(table, present, stream);
    if (weights.length > WEIGHTS_MAX) throw corrupt();
    if (stream.left < 0) {
      weights.push(table.symbols[other]!);
      return weights;
    }
    present = other;
    other = next;
  }
}

/** The last symbol's weight isn't said: it is what is missing to a power of two. */
function buildTable(said: readonly number[]): HuffmanTable {
  let sum = 0;
  for (const weight of said) {
    if (weight > BITS_MAX) throw corrupt();
    if (weight > 0) sum += 1 << (weight - 1);
  }
  if (sum === 0 || said.length > WEIGHTS_MAX) throw corrupt();
  const bitsMax = 32 - Math.clz32(sum);
  const missing = (1 << bitsMax) - sum;
  if (bitsMax > BITS_MAX || (missing & (missing - 1)) !== 0) throw corrupt();
  const weights = [...said, 32 - Math.clz32(missing)];
  const symbols = new Uint8Array(1 << bitsMax);
  const bits = new Uint8Array(1 << bitsMax);
  let at = 0;
  for (let weight = 1; weight <= bitsMax; weight++) {
    for (const [symbol, own] of weights.entries()) {
      if (own !== weight) continue;
      const end = at + (1 << (weight - 1));
      symbols.fill(symbol, at, end);
      bits.fill(bitsMax + 1 - weight, at, end);
      at = end;
    }
  }
  return { bitsMax, symbols, bits };
}

function corrupt(): WeirError {
  return new WeirError('invalid', 'zstd: corrupt input');
}
