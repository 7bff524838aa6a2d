// The compressed blocks of a Zstandard frame (RFC 8878, 3.1.1.3): literals, and sequences that say how many of
// them come next and what is repeated from behind. No block gives more than 128 KiB, and each step of it
// is checked against that: bytes that lie cost no more time than bytes that don't.
import { WeirError } from '@weir/errors';
import type { BoundedOutput } from './bounded-output.ts';
import { type FseTable, nextState, readFseTable, repeatedSymbol } from './fse-table.ts';
import { type HuffmanTable, huffmanDecode, readHuffmanTable } from './huffman-table.ts';
import { ReverseBits } from './reverse-bits.ts';
import { LITERALS, MATCHES, OFFSETS, type SequencePart } from './sequence-parts.ts';

export const BLOCK_MAX_BYTES = 128 << 10;

const OFFSET_CODE_MAX = 27;
const OFFSET_DESCRIBED = { accuracyLog: 8, symbol: 31 };

/** What a frame's blocks hand on to each other. */
export class ZstdBlocks {
  #huffman: HuffmanTable | undefined;
  #literals: FseTable | undefined;
  #offsets: FseTable | undefined;
  #matches: FseTable | undefined;
  readonly #recent = [1, 4, 8];
  readonly #scratch = new Uint8Array(BLOCK_MAX_BYTES);
  readonly #stream = new ReverseBits();
  readonly #out: BoundedOutput;
  /** Where the frame begins in the output: nothing is repeated from before. */
  #frameFrom = 0;

  constructor(out: BoundedOutput) {
    this.#out = out;
  }

  startFrame(): void {
    this.#huffman = undefined;
    this.#literals = undefined;
    this.#offsets = undefined;
    this.#matches = undefined;
    this.#recent.splice(0, 3, 1, 4, 8);
    this.#frameFrom = this.#out.size;
  }

  /** Decodes the block in bytes[from, to); malformed ones are `invalid` errors. */
  decode(bytes: Uint8Array, from: number, to: number): void {
    const { literals, count, end } = this.#readLiterals(bytes, from, to);
    let at = end;
    if (at >= to) throw corrupt();
    let sequences = bytes[at++]!;
    if (sequences === 255) {
      sequences = (bytes[at] ?? 0) + ((bytes[at + 1] ?? 0) << 8) + 0x7f00;
      at += 2;
    } else if (sequences > 127) sequences = ((sequences - 128) << 8) + (bytes[at++] ?? 0);
    if (sequences === 0) {
      if (at !== to) throw corrupt();
      this.#out.append(literals, 0, count);
      return;
    }
    if (at >= to) throw corrupt();
    const modes = bytes[at++]!;
    if ((modes & 3) !== 0) throw corrupt();
    const tables = { bytes, at, to };
    this.#literals = tableOf(modes >> 6, LITERALS, this.#literals, tables);
    this.#offsets = tableOf((modes >> 4) & 3, OFFSETS, this.#offsets, tables, OFFSET_DESCRIBED);
    this.#matches = tableOf((modes >> 2) & 3, MATCHES, this.#matches, tables);
    if (!this.#stream.start(bytes, tables.at, to)) throw corrupt();
    this.#run(sequences, literals, count);
  }

  #run(sequences: number, literals: Uint8Array, count: number): void {
    const [stream, out] = [this.#stream, this.#out];
    const lengths = this.#literals!;
    const offsets = this.#offsets!;
    const matches = this.#matches!;
    const end = out.size + BLOCK_MAX_BYTES;
    let length = stream.read(lengths.accuracyLog);
    let offset = stream.read(offsets.accuracyLog);
    let match = stream.read(matches.accuracyLog);
    let taken = 0;
    for (let left = sequences; left > 0; left--) {
      const offsetCode = offsets.symbols[offset]!;
      if (offsetCode > OFFSET_CODE_MAX) throw corrupt();
      const back = OFFSETS.bases[offsetCode]! + stream.read(offsetCode);
      const matched = lengthOf(MATCHES, matches.symbols[match]!, stream);
      const plain = lengthOf(LITERALS, lengths.symbols[length]!, stream);
      if (taken + plain > count || out.size + plain + matched > end) throw corrupt();
      out.append(literals, taken, taken + plain);
      taken += plain;
      const distance = this.#distanceOf(back, plain);
      if (stream.left < 0 || distance <= 0 || out.size - distance < this.#frameFrom) {
        throw corrupt();
      }
      out.repeat(distance, matched);
      if (left === 1) break;
      length = nextState(lengths, length, stream);
      match = nextState(matches, match, stream);
      offset = nextState(offsets, offset, stream);
    }
    if (stream.left !== 0 || out.size + count - taken > end) throw corrupt();
    out.append(literals, taken, count);
  }

  /** Small offsets name one of the three last ones. */
  #distanceOf(offset: number, literals: number): number {
    const recent = this.#recent;
    const index = offset > 3 ? 3 : offset - 1 + (literals === 0 ? 1 : 0);
    const distance = offset > 3 ? offset - 3 : index === 3 ? recent[0]! - 1 : recent[index]!;
    if (index === 0) return distance;
    if (index > 1) recent[2] = recent[1]!;
    recent[1] = recent[0]!;
    recent[0] = distance;
    return distance;
  }

  #readLiterals(
    bytes: Uint8Array,
    from: number,
    to: number,
  ): { readonly literals: Uint8Array; readonly count: number; readonly end: number } {
    if (to - from < 2) throw corrupt();
    const byte = (index: number) => bytes[from + index] ?? 0;
    const kind = byte(0) & 3;
    const form = (byte(0) >> 2) & 3;
    if (kind > 1) return this.#readCodedLiterals(bytes, from, to);
    let [count, header] = [byte(0) >> 3, 1];
    if (form === 1) [count, header] = [(byte(0) >> 4) | (byte(1) << 4), 2];
    if (form === 3) [count, header] = [(byte(0) >> 4) | (byte(1) << 4) | (byte(2) << 12), 3];
    const end = from + header + (kind === 0 ? count : 1);
    if (count > BLOCK_MAX_BYTES || end > to) throw corrupt();
    if (kind === 0) return { literals: bytes.subarray(from + header, end), count, end };
    this.#scratch.fill(byte(header), 0, count);
    return { literals: this.#scratch, count, end };
  }

  #readCodedLiterals(bytes: Uint8Array, from: number, to: number) {
    const byte = (index: number) => bytes[from + index] ?? 0;
    const form = (byte(0) >> 2) & 3;
    const low = (byte(0) >> 4) | (byte(1) << 4);
    let [count, size, header] = [low & 1023, (byte(1) >> 6) | (byte(2) << 2), 3];
    if (form === 2) {
      [count, size, header] = [low | ((byte(2) & 3) << 12), (byte(2) >> 2) | (byte(3) << 6), 4];
    } else if (form === 3) {
      count = low | ((byte(2) & 63) << 12);
      size = (byte(2) >> 6) | (byte(3) << 2) | (byte(4) << 10);
      header = 5;
    }
    let at = from + header;
    const end = at + size;
    if (count > BLOCK_MAX_BYTES || end > to) throw corrupt();
    if ((byte(0) & 3) === 2) {
      const read = readHuffmanTable(bytes, at, end);
      this.#huffman = read.table;
      at = read.end;
    }
    const table = this.#huffman;
    if (table === undefined) throw corrupt();
    const literals = this.#scratch;
    if (form === 0) huffmanDecode(table, { bytes, from: at, to: end }, literals, 0, count);
    else decodeFour(table, { bytes, from: at, to: end }, literals, count);
    return { literals, count, end };
  }
}

/** Four streams behind a table of the first three's sizes. */
function decodeFour(
  table: HuffmanTable,
  { bytes, from, to }: { readonly bytes: Uint8Array; readonly from: number; readonly to: number },
  out: Uint8Array,
  count: number,
): void {
  const each = (count + 3) >> 2;
  if (from + 6 > to || 3 * each > count) throw corrupt();
  let at = from + 6;
  for (let index = 0; index < 4; index++) {
    const size = bytes[from + 2 * index]! | (bytes[from + 2 * index + 1]! << 8);
    const end = index === 3 ? to : at + size;
    if (end > to) throw corrupt();
    const outTo = index === 3 ? count : (index + 1) * each;
    huffmanDecode(table, { bytes, from: at, to: end }, out, index * each, outTo);
    at = end;
  }
}

/** The table that a mode names; goes on in `tables.at`. */
function tableOf(
  mode: number,
  part: SequencePart,
  last: FseTable | undefined,
  tables: { readonly bytes: Uint8Array; at: number; readonly to: number },
  max = part.max,
): FseTable {
  const { bytes, at, to } = tables;
  if (mode === 0) return part.standard;
  if (mode === 1) {
    if (at >= to || bytes[at]! > max.symbol) throw corrupt();
    tables.at++;
    return repeatedSymbol(bytes[at]!);
  }
  if (mode === 2) {
    const { table, end } = readFseTable(bytes, at, to, max);
    tables.at = end;
    return table;
  }
  if (last === undefined) throw corrupt();
  return last;
}

function lengthOf(part: SequencePart, code: number, stream: ReverseBits): number {
  return part.bases[code]! + stream.read(part.extraBits[code]!);
}

function corrupt(): WeirError {
  return new WeirError('invalid', 'zstd: corrupt input');
}
