// Samples of answers as JSON, many at once: `[seconds,"value"],[…`. AssemblyScript, made into
// src/json/sample-rows-code.ts by apps/weir/scripts/build-kernels.mjs. What memory holds where is the caller's
// (src/json/sample-rows.ts).

import { writeFloat, writeWhole } from './decimal';

const OPEN: u8 = 0x5b;
const COMMA: u8 = 0x2c;
const MINUS: u8 = 0x2d;
const BEFORE_VALUE: u16 = 0x222c; // `,"`
const AFTER_VALUE: u32 = 0x5d22; // `"]`
const AFTER_VALUE_SIZE: usize = 2;

// What is remembered of a place in a row: its time, the size of what stands before the value, and that, up to 24 bytes.
const STAMP_BYTES: usize = 40;
const STAMP_SIZE: usize = 8;
const STAMP_TEXT: usize = 16;

/**
 * Rows of `count` samples; times are whole milliseconds. Each row's end goes to `ends`. Series of an answer mostly have the same
 * times: `stamps` has what was written for those of the last call. Stores pass the end by less than 32 bytes.
 */
export function rows(
  times: usize,
  values: usize,
  count: u32,
  stamps: usize,
  powers: usize,
  ends: usize,
  out: usize,
): void {
  let at = out;
  for (let index: usize = 0; index < <usize>count; index++) {
    const time = load<f64>(times + (index << 3));
    const stamp = stamps + index * STAMP_BYTES;
    if (time != load<f64>(stamp)) writeStamp(stamp, time);
    store<u64>(at, load<u64>(stamp, STAMP_TEXT));
    store<u64>(at, load<u64>(stamp, STAMP_TEXT + 8), 8);
    store<u64>(at, load<u64>(stamp, STAMP_TEXT + 16), 16);
    at += load<u32>(stamp, STAMP_SIZE);
    at = writeFloat(at, load<f64>(values + (index << 3)), powers);
    store<u16>(at, AFTER_VALUE);
    at += AFTER_VALUE_SIZE;
    store<u32>(ends + (index << 2), at);
    store<u8>(at++, COMMA);
  }
}

function writeStamp(stamp: usize, time: f64): void {
  store<f64>(stamp, time);
  const text = stamp + STAMP_TEXT;
  store<u8>(text, OPEN);
  const end = writeSeconds(text + 1, <i64>time);
  store<u16>(end, BEFORE_VALUE);
  store<u32>(stamp, end + 2 - text, STAMP_SIZE);
}

/** Three decimals unless they are zero. */
function writeSeconds(start: usize, ms: i64): usize {
  store<u8>(start, MINUS);
  const size = <u64>abs(ms);
  const seconds = size / 1000;
  const rest = <u32>(size - seconds * 1000);
  const at = writeWhole(start + usize(ms < 0), seconds);
  if (rest == 0) return at;
  const hundreds = rest / 100;
  const tens = rest / 10;
  store<u32>(
    at,
    0x3030302e | (hundreds << 8) | ((tens - hundreds * 10) << 16) | ((rest - tens * 10) << 24),
  );
  return at + 4;
}
