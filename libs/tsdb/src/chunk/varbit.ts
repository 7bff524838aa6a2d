// The variable-width numbers of Prometheus's chunks (tsdb/docs/format/chunks.md): integers in eight size
// classes or in groups of seven bits, and floats XORed with their predecessor, whose width is kept in a
// window of significant bits (two bytes a value: leading and trailing zeros).
//
// Integers are JavaScript numbers: what is beyond 2^53 can't be exact, so it is refused as `corrupt`.
import { WeirError } from '@weir/errors';
import type { BitReader, BitWriter } from './bits.ts';

/** Bits of the number in each class; class n is announced by n + 1 ones and a zero, the last by eight. */
const CLASS_BITS = [3, 6, 9, 12, 18, 25, 56, 64] as const;
const CLASS_HALVES = CLASS_BITS.map((size) => 2 ** (size - 1));
const LAST_CLASS = CLASS_BITS.length - 1;

/** A window's leading zeros before there is one. */
export const NO_WINDOW = 0xff;

/** Up to this class announcement and number fit one word. */
const ONE_WORD_CLASS = 5;

function putClass(writer: BitWriter, index: number, value: number): void {
  const size = CLASS_BITS[index]!;
  const announced = index === LAST_CLASS ? 0xff : (1 << (index + 2)) - 2;
  const announcedSize = Math.min(index + 2, 8);
  if (index <= ONE_WORD_CLASS) {
    writer.put((announced << size) | (value & ((1 << size) - 1)), announcedSize + size);
    return;
  }
  writer.put(announced, announcedSize);
  writer.putLong(value, size);
}

/** Ranges are (−2^(n−1), 2^(n−1)]. */
export function putVarbitInt(writer: BitWriter, value: number): void {
  if (value === 0) {
    writer.put(0, 1);
    return;
  }
  let index = 0;
  for (; index < LAST_CLASS; index++) {
    const half = CLASS_HALVES[index]!;
    if (value > -half && value <= half) break;
  }
  putClass(writer, index, value);
}

export function putVarbitUint(writer: BitWriter, value: number): void {
  if (value === 0) {
    writer.put(0, 1);
    return;
  }
  let index = 0;
  while (index < LAST_CLASS && value >= 2 * CLASS_HALVES[index]!) index++;
  putClass(writer, index, value);
}

export function readVarbitInt(reader: BitReader): number {
  const ones = reader.readOnes();
  if (ones === 0) return 0;
  const size = CLASS_BITS[ones - 1]!;
  if (size <= 25) {
    const bits = reader.read(size);
    return bits > 1 << (size - 1) ? bits - (1 << size) : bits;
  }
  let high = reader.read(size - 32);
  const low = reader.read(32);
  if (size === 64) high |= 0;
  else if (high > 0x800000 || (high === 0x800000 && low > 0)) high -= 0x1000000;
  return exact(high * 4294967296 + low);
}

export function readVarbitUint(reader: BitReader): number {
  const ones = reader.readOnes();
  if (ones === 0) return 0;
  const size = CLASS_BITS[ones - 1]!;
  if (size <= 25) return reader.read(size);
  const high = reader.read(size - 32);
  return exact(high * 4294967296 + reader.read(32));
}

/** Seven bits a byte, the last ones first, as in Go's encoding/binary; not aligned to bytes. */
export function putUvarint(writer: BitWriter, value: number): void {
  let left = value;
  while (left >= 128) {
    writer.put((left % 128) | 128, 8);
    left = Math.floor(left / 128);
  }
  writer.put(left, 8);
}

/** The sign is the last bit. */
export function putVarint(writer: BitWriter, value: number): void {
  putUvarint(writer, value < 0 ? -value * 2 - 1 : value * 2);
}

export function readUvarint(reader: BitReader): number {
  let value = 0;
  for (let place = 1; place <= 2 ** 63; place *= 128) {
    const byte = reader.read(8);
    value += (byte & 127) * place;
    if (byte < 128) return exact(value);
  }
  throw new WeirError('corrupt', 'chunk: a varint longer than ten bytes');
}

export function readVarint(reader: BitReader): number {
  const value = readUvarint(reader);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Refuses what a JavaScript number may not hold exactly. */
export function exact(value: number): number {
  if (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER) {
    throw new WeirError('corrupt', 'chunk: an integer beyond 2^53');
  }
  return value;
}

/** Writes `high`, `low`: a value's bits XOR its predecessor's; `windows[at]` is its window. */
export function putXor(
  writer: BitWriter,
  high: number,
  low: number,
  windows: Uint8Array,
  at: number,
): void {
  if ((high | low) === 0) {
    writer.put(0, 1);
    return;
  }
  putChanged(writer, high, low, windows, at, 0b10, 2, 0b11, 2);
}

/**
 * Writes the bits that changed, at least one, in the window that there is where they fit. Before them the
 * code `kept` of so many bits stands for that window, `fresh` for a new one.
 */
export function putChanged(
  writer: BitWriter,
  high: number,
  low: number,
  windows: Uint8Array,
  at: number,
  kept: number,
  keptBits: number,
  fresh: number,
  freshBits: number,
): void {
  const before = Math.min(Math.clz32(high), 31);
  const after = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low);
  let leading = windows[at]!;
  let trailing = windows[at + 1]!;
  if (leading !== NO_WINDOW && before >= leading && after >= trailing) {
    writer.put(kept, keptBits);
  } else {
    leading = before;
    trailing = after;
    windows[at] = leading;
    windows[at + 1] = trailing;
    const width = (64 - leading - trailing) & 63;
    writer.put((fresh << 11) | (leading << 6) | width, freshBits + 11);
  }
  const size = 64 - leading - trailing;
  if (trailing >= 32) {
    writer.put(high >>> (trailing - 32), size);
    return;
  }
  if (size > 32) writer.put(high >>> trailing, size - 32);
  const shifted = trailing === 0 ? low : (low >>> trailing) | (high << (32 - trailing));
  writer.put(shifted, Math.min(size, 32));
}

/** Reads what putXor() wrote and applies it to `bits[2 · index]` (low word) and the one after (high). */
export function readXor(
  reader: BitReader,
  bits: Int32Array,
  index: number,
  windows: Uint8Array,
  at: number,
): void {
  if (reader.read(1) === 0) return;
  if (reader.read(1) === 1) {
    const header = reader.read(11);
    const leading = header >>> 6;
    const size = (header & 63) === 0 ? 64 : header & 63;
    if (leading + size > 64) throw new WeirError('corrupt', 'chunk: a value wider than 64 bits');
    windows[at] = leading;
    windows[at + 1] = 64 - leading - size;
  } else if (windows[at] === NO_WINDOW) {
    throw new WeirError('corrupt', 'chunk: a value in a window that was never given');
  }
  const trailing = windows[at + 1]!;
  const size = 64 - windows[at]! - trailing;
  if (trailing >= 32) {
    bits[2 * index + 1]! ^= reader.read(size) << (trailing - 32);
    return;
  }
  const top = size > 32 ? reader.read(size - 32) : 0;
  const rest = reader.read(Math.min(size, 32));
  bits[2 * index]! ^= rest << trailing;
  bits[2 * index + 1]! ^= trailing === 0 ? top : (top << trailing) | (rest >>> (32 - trailing));
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
