// Decodes XOR2 chunks: floats with start timestamps. AssemblyScript; part of xor-chunk.as, whose rules hold here too: input is
// hostile, and the caller has room behind a chunk that ends too early.
import {
  BACK,
  BIT_60,
  BIT_61,
  BIT_62,
  bitsAt,
  CUT_OFF,
  isLong,
  position,
  readVarint,
  signed,
  swap,
  VARINT,
  WIDE,
  wordAt,
} from './chunk-bits';

const HEADER_BITS: usize = 24;
const FIRST_KNOWN: u32 = 128;
const CHANGE_MASK: u32 = 127;
const NEVER: u32 = 0xffffffff;
const STALE: u64 = 0x7ff0000000000002;

/** What is told of a value: it is the same, or its bits follow, in the window there is or in a new one, or it is a marker. */
const SAME: u32 = 0;
const KEPT: u32 = 1;
const FRESH: u32 = 2;
const MARKER: u32 = 3;

/** Bits of the eight classes of integers, a byte each. */
const CLASS_BITS: u64 = 0x403819120c090603;

// @ts-ignore: decorator
@inline
function zigzag(bits: u64): f64 {
  return <f64>(<i64>(bits >> 1) ^ -<i64>(bits & 1));
}

/** Ones at the top of `head`, up to `most`. */
// @ts-ignore: decorator
@inline
function onesOf(head: u64, most: u32): u32 {
  const ones = <u32>clz(~head);
  return ones < most ? ones : most;
}

/** Where readStart() stopped, in bits from address 0. */
let startEnd: usize = 0;

/** How much farther from a start to the time before it is than it was, at a position. */
function readStart(from: usize): f64 {
  const head = bitsAt(from);
  const ones = onesOf(head, 8);
  if (ones == 0) {
    startEnd = from + 1;
    return 0;
  }
  const size = (CLASS_BITS >> ((ones - 1) << 3)) & 255;
  const at = from + <usize>ones + (ones < 8 ? 1 : 0);
  startEnd = at + <usize>size;
  return signed(wordAt(at) >> (64 - size), size);
}

/**
 * The chunk of `count` samples, one at least, whose bytes are the `size` at `from`: those of its samples with
 * minT ≤ t ≤ maxT go to `times`, `values` and `starts`, up to the first past maxT. Returns how many, or what is wrong.
 */
export function decodeXor2(
  from: usize,
  bytes: usize,
  count: u32,
  minT: f64,
  maxT: f64,
  times: usize,
  values: usize,
  starts: usize,
): i32 {
  swap(from, from + bytes);
  const end = (from + bytes) << 3;
  const header = <u32>(bitsAt((from << 3) + 16) >> 56);
  const change = (header & CHANGE_MASK) == 0 ? NEVER : header & CHANGE_MASK;
  position = (from << 3) + HEADER_BITS;
  isLong = false;
  let t = zigzag(readVarint());
  let shown = wordAt(position);
  position += 64;
  let st: f64 = 0;
  if ((header & FIRST_KNOWN) != 0) st = t - zigzag(readVarint());
  let at = position;
  /** The last value that is no marker: what the next one is written against. */
  let value: u64 = shown == STALE ? 0 : shown;
  let trailing: u64 = 0;
  let size: u64 = 64;
  let delta: f64 = 0;
  /** From the start to the time before. */
  let gap: f64 = 0;
  let out = times;
  const toValues = values - times;
  const toStarts = starts - times;
  for (let index: u32 = 1; t <= maxT; index++) {
    if (t >= minT) {
      store<f64>(out, t);
      store<u64>(out + toValues, shown);
      store<f64>(out + toStarts, st);
      out += 8;
    }
    if (index >= count) break;
    const before = t;
    let told: u32 = SAME;
    let head = bitsAt(at);
    if (index > 1 && <i64>head >= 0) {
      at++;
    } else if (index > 1 && (head & BIT_62) == 0) {
      told = (head & BIT_61) == 0 ? KEPT : FRESH;
      at += 3;
    } else if (index > 1 && head >> 59 == 31) {
      told = MARKER;
      at += 5;
    } else {
      if (index == 1) {
        position = at;
        delta = <f64>(<i64>readVarint());
        at = position;
      } else if ((head & BIT_61) == 0) {
        delta += <f64>(<i64>(head << 3) >> 51);
        at += 16;
      } else if ((head & BIT_60) == 0) {
        delta += <f64>(<i64>(head << 4) >> 44);
        at += 24;
      } else {
        delta += <f64>(<i64>wordAt(at + 5));
        at += 69;
      }
      if (!(delta > 0)) return at > end ? CUT_OFF : BACK;
      told = onesOf(bitsAt(at), 3);
      at += told < MARKER ? told + 1 : MARKER;
    }
    t += delta;
    if (told == KEPT || told == FRESH) {
      if (told == FRESH) {
        head = bitsAt(at);
        size = (((head << 5) >> 58) - 1 & 63) + 1;
        trailing = 64 - (head >> 59) - size;
        at += 11;
        if (<i64>trailing < 0) return at > end ? CUT_OFF : WIDE;
      }
      const significant = size <= 33 ? bitsAt(at) : wordAt(at);
      at += <usize>size;
      value ^= (significant >> (64 - size)) << trailing;
    }
    shown = told == MARKER ? STALE : value;
    if (index >= change) {
      gap += readStart(at);
      at = startEnd;
      st = before - gap;
    }
  }
  if (at > end) return CUT_OFF;
  if (isLong) return VARINT;
  return <i32>((out - times) >> 3);
}
