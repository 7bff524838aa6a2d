// How the kernels of chunks read bits. AssemblyScript; part of xor-chunk.as and xor2-chunk.as.
//
// Bits are read from 32-bit words in native order, as a head's open chunks have them: two words in one load. What is a
// chunk's bytes is swapped first.

/** What is wrong with a chunk. */
export const VARINT: i32 = -1;
export const WIDE: i32 = -2;
export const CUT_OFF: i32 = -3;
export const BACK: i32 = -4;

export const BIT_62: u64 = 1 << 62;
export const BIT_61: u64 = 1 << 61;
export const BIT_60: u64 = 1 << 60;
const VARINT_MAX: u64 = 70;

/** Where readVarint() and readLong() stand, in bits from address 0. */
export let position: usize = 0;
export let isLong: bool = false;

/** The bits at a position, on top; at least 33 are right. */
// @ts-ignore: decorator
@inline
export function bitsAt(at: usize): u64 {
  return rotl(load<u64>((at >> 5) << 2), 32) << (at & 31);
}

/** 64 bits. */
// @ts-ignore: decorator
@inline
export function wordAt(at: usize): u64 {
  return (bitsAt(at) & 0xffffffff00000000) | (bitsAt(at + 32) >> 32);
}

/** Sets `isLong` where it is too long. */
export function readVarint(): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < VARINT_MAX; shift += 7) {
    const byte = bitsAt(position) >> 56;
    position += 8;
    value |= (byte & 127) << shift;
    if (byte < 128) return value;
  }
  isLong = true;
  return value;
}

/** Prometheus's ranges are (-2^(n-1), 2^(n-1)], so the one pattern of 2^(n-1) is positive. */
// @ts-ignore: decorator
@inline
export function signed(bits: u64, size: u64): f64 {
  const half: i64 = 1 << (size - 1);
  return <f64>(half - ((half - <i64>bits) & (2 * half - 1)));
}

/** Bytes of a chunk to words, in place; `end` may be passed by less than eight bytes. */
export function swap(from: usize, end: usize): void {
  for (let at = from; at < end; at += 8) {
    let word = load<u64>(at);
    word = ((word & 0x00ff00ff00ff00ff) << 8) | ((word >> 8) & 0x00ff00ff00ff00ff);
    word = ((word & 0x0000ffff0000ffff) << 16) | ((word >> 16) & 0x0000ffff0000ffff);
    store<u64>(at, word);
  }
}
