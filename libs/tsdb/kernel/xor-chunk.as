// Decodes XOR chunks. AssemblyScript, made into src/chunk/xor-chunk-code.ts by apps/weir/scripts/build-kernels.mjs. What memory
// holds where is the caller's (src/chunk/xor-kernel.ts). Input is hostile: behind a chunk that ends too early the caller has
// room for as many samples as it claims, which are read and then refused.
//
// There is no bit buffer (chunk-bits.as): where the next sample begins does not depend on what
// was loaded, as long as branches are foretold, so the loads of several samples overlap. The loop has as little state as it can,
// since what does not stay in registers costs as much as the work.

import {
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

export { swap } from './chunk-bits';
export { decodeXor2 } from './xor2-chunk';

const HEADER_BITS: usize = 16;

// Of a task, see src/chunk/xor-kernel.ts.
const TASK_BYTES: usize = 32;
const TASK_WORDS: usize = 8;
const TASK_BITS: usize = 12;
const TASK_COUNT: usize = 16;
const TASK_RAW: usize = 20;
const TASK_RESULT: usize = 24;

/** A change of the interval that takes more than 14 bits. */
function readLong(head: u64): f64 {
  if ((head & BIT_61) == 0) {
    position += 20;
    return signed((head << 3) >> 47, 17);
  }
  if ((head & BIT_60) == 0) {
    position += 24;
    return signed((head << 4) >> 44, 20);
  }
  position += 68;
  return <f64>(<i64>wordAt(position - 64));
}

/**
 * The chunk of `count` samples, one at least, whose words begin at `from` and whose last bit is before the `bits`th: those of
 * its samples with minT ≤ t ≤ maxT go to `times` and `values`, up to the first past maxT. Returns how many, or what is
 * wrong. Whether it ends too early is looked at in the end: until then what lies behind it may be read.
 */
function decode(
  from: usize,
  bits: u32,
  count: u32,
  minT: f64,
  maxT: f64,
  times: usize,
  values: usize,
): i32 {
  const end = (from << 3) + bits;
  position = (from << 3) + HEADER_BITS;
  isLong = false;
  const first = readVarint();
  // Times are whole numbers as doubles: they need no registers of integers, of which there are few.
  let t = <f64>(<i64>(first >> 1) ^ -<i64>(first & 1));
  let delta: f64 = 0;
  let value = wordAt(position);
  let at = position + 64;
  let trailing: u64 = 0;
  let size: u64 = 64;
  let out = times;
  const gap = values - times;
  if (t >= minT && t <= maxT) {
    store<f64>(out, t);
    store<u64>(out + gap, value);
    out += 8;
  }
  if (count > 1 && t <= maxT) {
    position = at;
    delta = <f64>(<i64>readVarint());
    at = position;
    let left = count - 1;
    let head = bitsAt(at);
    for (;;) {
      t += delta;
      if (<i64>head >= 0) {
        at++;
      } else {
        if ((head & BIT_62) == 0) {
          at += 2;
        } else {
          size = (((head << 7) >> 58) - 1 & 63) + 1;
          trailing = 64 - ((head << 2) >> 59) - size;
          at += 13;
          if (<i64>trailing < 0) return at > end ? CUT_OFF : WIDE;
        }
        const significant = size <= 33 ? bitsAt(at) : wordAt(at);
        at += <usize>size;
        value ^= (significant >> (64 - size)) << trailing;
      }
      if (t > maxT) break;
      if (t >= minT) {
        store<f64>(out, t);
        store<u64>(out + gap, value);
        out += 8;
      }
      if (--left == 0) break;
      head = bitsAt(at);
      if (<i64>head >= 0) {
        at++;
        head <<= 1;
      } else if ((head & BIT_62) == 0) {
        delta += signed((head << 2) >> 50, 14);
        at += 16;
        head <<= 16;
      } else {
        position = at;
        delta += readLong(head);
        at = position;
        head = bitsAt(at);
      }
    }
  }
  if (at > end) return CUT_OFF;
  if (isLong) return VARINT;
  return <i32>((out - times) >> 3);
}

/** As decode(), of bytes. */
export function decodeBytes(
  from: usize,
  size: usize,
  count: u32,
  minT: f64,
  maxT: f64,
  times: usize,
  values: usize,
): i32 {
  swap(from, from + size);
  return decode(from, <u32>(size << 3), count, minT, maxT, times, values);
}

/**
 * Decodes many. A task has the time that its raw samples count from, where its words begin, bits and samples of its chunk,
 * and how many raw samples lie behind its words: their times, then their values. Its samples go behind those of the
 * task before; into the task goes how many there are by then. Returns the number of tasks done, fewer than `tasks` where
 * one is damaged, which then has what is wrong.
 */
export function decodeAll(
  task: usize,
  tasks: u32,
  minT: f64,
  maxT: f64,
  times: usize,
  values: usize,
): u32 {
  let written: usize = 0;
  for (let done: u32 = 0; done < tasks; done++, task += TASK_BYTES) {
    const from = <usize>load<u32>(task, TASK_WORDS);
    const bits = load<u32>(task, TASK_BITS);
    const count = load<u32>(task, TASK_COUNT);
    const raw = <usize>load<u32>(task, TASK_RAW);
    if (count > 0) {
      const result = decode(from, bits, count, minT, maxT, times + written, values + written);
      if (result < 0) {
        store<i32>(task, result, TASK_RESULT);
        return done;
      }
      written += <usize>result << 3;
    }
    if (raw > 0) {
      const start = load<f64>(task);
      const rawTimes = from + ((<usize>(bits + 31) >> 5) << 2);
      const rawValues = rawTimes + (raw << 2);
      for (let index: usize = 0; index < raw; index++) {
        const t = start + <f64>load<i32>(rawTimes + (index << 2));
        if (t > maxT) break;
        if (t < minT) continue;
        store<f64>(times + written, t);
        store<u64>(values + written, load<u64>(rawValues + (index << 3)));
        written += 8;
      }
    }
    store<i32>(task, <i32>(written >> 3), TASK_RESULT);
  }
  return tasks;
}
