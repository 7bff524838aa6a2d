// Literals of a block as Huffman codes (RFC 8878, 3.1.1.3.1 and 4.2), or as they are where codes gain nothing.
import type { BitWriter } from './bit-writer.ts';
import { distribute, FseEncoder, writeFseTable } from './fse-encoder.ts';
import { buildFseTable } from './fse-table.ts';

const BITS_MAX = 11;
/** Below, the description of the codes takes what they save. */
const CODED_MIN_BYTES = 48;
const ONE_STREAM_MAX_BYTES = 256;
const DIRECT_WEIGHTS_MAX = 128;
const WEIGHTS_LOG = 6;
const RAW = 0;
const REPEATED = 1;
const CODED = 2;

export class HuffmanEncoder {
  readonly #counts = new Uint32Array(256);
  readonly #lengths = new Uint8Array(256);
  readonly #codes = new Uint16Array(256);
  readonly #weights = new FseEncoder(BITS_MAX + 1, WEIGHTS_LOG);

  /** Writes the literals section of bytes[0, size). */
  write(bytes: Uint8Array, size: number, to: BitWriter): void {
    const start = to.at;
    if (size >= CODED_MIN_BYTES && this.#writeCoded(bytes, size, to)) return;
    to.at = start;
    writeHeader(RAW, size, to);
    to.append(bytes, 0, size);
  }

  /** False where codes gain nothing. */
  #writeCoded(bytes: Uint8Array, size: number, to: BitWriter): boolean {
    const [counts, lengths] = [this.#counts.fill(0), this.#lengths];
    for (let at = 0; at < size; at++) counts[bytes[at]!]!++;
    if (counts[bytes[0]!] === size) {
      writeHeader(REPEATED, size, to);
      to.byte(bytes[0]!);
      return true;
    }
    const bitsMax = codeLengths(counts, lengths);
    let bits = 0;
    for (let symbol = 0; symbol < 256; symbol++) bits += counts[symbol]! * lengths[symbol]!;
    if (bits >= 8 * size) return false;
    const start = to.at;
    const header = headerBytes(size);
    to.at += header;
    if (!this.#describe(bitsMax, to)) return false;
    assignCodes(lengths, bitsMax, this.#codes);
    if (header === 3) this.#stream(bytes, 0, size, to);
    else this.#fourStreams(bytes, size, to);
    if (to.at - start >= size) return false;
    writeCodedHeader(to.bytes, start, size, to.at - start - header);
    return true;
  }

  #fourStreams(bytes: Uint8Array, size: number, to: BitWriter): void {
    const table = to.at;
    const each = (size + 3) >> 2;
    to.at += 6;
    for (let index = 0; index < 4; index++) {
      const start = to.at;
      this.#stream(bytes, index * each, Math.min(size, (index + 1) * each), to);
      if (index === 3) break;
      to.bytes[table + 2 * index] = to.at - start;
      to.bytes[table + 2 * index + 1] = (to.at - start) >> 8;
    }
  }

  #stream(bytes: Uint8Array, from: number, to: number, out: BitWriter): void {
    const [codes, lengths] = [this.#codes, this.#lengths];
    for (let at = to - 1; at >= from; at--) {
      const symbol = bytes[at]!;
      out.add(codes[symbol]!, lengths[symbol]!);
    }
    out.close();
  }

  /** Writes the weights of all symbols but the last; false if they can't be said. */
  #describe(bitsMax: number, to: BitWriter): boolean {
    let last = 255;
    while (this.#lengths[last] === 0) last--;
    const weights = this.#lengths.subarray(0, last);
    const weightAt = (at: number) => ((weights[at] ?? 0) === 0 ? 0 : bitsMax + 1 - weights[at]!);
    if (last > DIRECT_WEIGHTS_MAX) return this.#describeCoded(last, weightAt, to);
    to.byte(127 + last);
    for (let at = 0; at < last; at += 2) to.byte((weightAt(at) << 4) | weightAt(at + 1));
    return true;
  }

  /** Weights by two states that take turns, from the last to the first. */
  #describeCoded(count: number, weightAt: (at: number) => number, to: BitWriter): boolean {
    const counts = new Uint32Array(BITS_MAX + 1);
    for (let at = 0; at < count; at++) counts[weightAt(at)]!++;
    if (counts.includes(count)) return false;
    const shares = distribute(counts, count, WEIGHTS_LOG);
    const start = to.at++;
    writeFseTable(shares, WEIGHTS_LOG, to);
    const coder = this.#weights.use(buildFseTable(shares, WEIGHTS_LOG));
    let other = coder.last(weightAt(count - 1));
    let present = coder.last(weightAt(count - 2));
    for (let at = count - 3; at >= 0; at--) {
      const before = coder.step(weightAt(at), other, to);
      [other, present] = [present, before];
    }
    to.add(other, WEIGHTS_LOG);
    to.add(present, WEIGHTS_LOG);
    to.close();
    const size = to.at - start - 1;
    to.bytes[start] = size;
    return size < 128;
  }
}

function writeHeader(kind: number, size: number, to: BitWriter): void {
  if (size < 32) {
    to.byte(kind | (size << 3));
    return;
  }
  const isShort = size < 4096;
  to.byte(kind | (isShort ? 4 : 12) | ((size & 15) << 4));
  to.byte(size >> 4);
  if (!isShort) to.byte(size >> 12);
}

/** In 3, 4 or 5 bytes, sizes of 10, 14 or 18 bits each. */
function writeCodedHeader(bytes: Uint8Array, at: number, size: number, coded: number): void {
  const header = headerBytes(size);
  const form = header === 3 ? 0 : header - 2;
  const value = CODED + form * 4 + size * 16 + coded * 2 ** (4 * header + 2);
  for (let index = 0; index < header; index++) {
    bytes[at + index] = Math.floor(value / 2 ** (8 * index));
  }
}

function headerBytes(size: number): 3 | 4 | 5 {
  if (size <= ONE_STREAM_MAX_BYTES) return 3;
  return size < 1 << 14 ? 4 : 5;
}

/** The length of each symbol's code, 0 where it does not occur; returns the largest. Two symbols occur at least. */
function codeLengths(counts: Uint32Array, lengths: Uint8Array): number {
  const used = [...counts.keys()].filter((symbol) => counts[symbol]! > 0);
  used.sort((a, b) => counts[a]! - counts[b]!);
  const weights = used.map((symbol) => counts[symbol]!);
  const parents: number[] = [];
  // Leaves come in order, and so do the pairs that are made of them.
  let [leaf, pair] = [0, used.length];
  const lightest = () =>
    leaf < used.length && (pair >= weights.length || weights[leaf]! <= weights[pair]!)
      ? leaf++
      : pair++;
  while (weights.length < 2 * used.length - 1) {
    const [one, two] = [lightest(), lightest()];
    parents[one] = weights.length;
    parents[two] = weights.length;
    weights.push(weights[one]! + weights[two]!);
  }
  const depths: number[] = [];
  depths[weights.length - 1] = 0;
  for (let at = weights.length - 2; at >= 0; at--) depths[at] = depths[parents[at]!]! + 1;
  const limited = depths.slice(0, used.length).map((depth) => Math.min(depth, BITS_MAX));
  completed(limited);
  lengths.fill(0);
  for (const [at, symbol] of used.entries()) lengths[symbol] = limited[at]!;
  return Math.max(...limited);
}

/** Changes lengths, of the rarest symbol first, until their codes fill the space exactly. */
function completed(lengths: number[]): void {
  const share = (length: number) => 1 << (BITS_MAX - length);
  let left = 1 << BITS_MAX;
  for (const length of lengths) left -= share(length);
  for (let at = 0; left < 0; ) {
    // Those of the full length can't grow; the lengths fall with the index.
    while (lengths[at] === BITS_MAX) at++;
    lengths[at]!++;
    left += share(lengths[at]!);
  }
  while (left > 0) {
    // The longest one's share divides what is left.
    const at = lengths.lastIndexOf(Math.max(...lengths));
    left -= share(lengths[at]!);
    lengths[at]!--;
  }
}

/** The longest codes are the lowest; of one length they rise with their symbols. */
function assignCodes(lengths: Uint8Array, bitsMax: number, codes: Uint16Array): void {
  let code = 0;
  for (let length = bitsMax; length > 0; length--) {
    for (let symbol = 0; symbol < 256; symbol++) {
      if (lengths[symbol] === length) codes[symbol] = code++;
    }
    code >>= 1;
  }
}
