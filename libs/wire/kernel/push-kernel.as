// The hot loops of a push as WebAssembly: Snappy's block format, the scan of canonical series, and the
// gathering of their bytes by record. This is AssemblyScript, made into src/push-kernel/push-kernel-code.ts
// by apps/weir/scripts/build-kernels.mjs. What memory holds where, and all growing of it, is the
// caller's (push-kernel.ts). Nothing here allocates. Each function has a plain counterpart that tests
// compare it with: it may refuse what the plain scan accepts, never the reverse.
//
// Input is hostile. Each read of lengths is checked against the end of its message; copies may touch up to
// 15 bytes behind an end, which the caller keeps free.

/** Why scan() stopped. */
const DONE: i32 = 0;
const UNUSUAL: i32 = 1;
const FULL: i32 = 2;

/** Results of scan(), at fixed places: entries written, samples in them, why it stopped. */
const COUNT_AT: usize = 0;
const SAMPLES_AT: usize = 4;
const REASON_AT: usize = 8;

/** The smallest label: `0a 06 0a 01 n 12 01 v`. */
const LABEL_MIN: usize = 8;
const METRIC_NAME: u64 = 0x5f5f656d616e5f5f; // "__name__"

// Of the series walked last.
let labelsEnd: usize = 0;
let samples: i32 = 0;
let hash: u32 = 0;

/** Decompresses [src, srcEnd), behind its length, into exactly [dst, dstEnd); false when it is corrupt. */
export function uncompress(src: usize, srcEnd: usize, dst: usize, dstEnd: usize): bool {
  let ip = src;
  let op = dst;
  while (ip < srcEnd) {
    const tag = <usize>load<u8>(ip++);
    const kind = tag & 3;
    let size: usize = tag >>> 2;
    if (kind == 0) {
      if (size >= 60) {
        const extra = size - 59;
        if (extra > srcEnd - ip) return false;
        size = <usize>(load<u32>(ip) & (<u32>0xffffffff >>> 32 - 8 * <u32>extra));
        if (size > 0x7fffffff) return false;
        ip += extra;
      }
      size++;
      if (size > srcEnd - ip || size > dstEnd - op) return false;
      if (size <= 32) {
        for (let at: usize = 0; at < size; at += 8) store<u64>(op + at, load<u64>(ip + at));
      } else memory.copy(op, ip, size);
      ip += size;
      op += size;
      continue;
    }
    let offset: usize;
    if (kind == 1) {
      if (ip >= srcEnd) return false;
      offset = ((size >>> 3) << 8) | <usize>load<u8>(ip);
      size = (size & 7) + 4;
      ip += 1;
    } else if (kind == 2) {
      if (srcEnd - ip < 2) return false;
      offset = <usize>load<u16>(ip);
      size++;
      ip += 2;
    } else {
      if (srcEnd - ip < 4) return false;
      offset = <usize>load<u32>(ip);
      size++;
      ip += 4;
    }
    if (offset == 0 || offset > op - dst || size > dstEnd - op) return false;
    const from = op - offset;
    if (offset >= 8) {
      for (let at: usize = 0; at < size; at += 8) store<u64>(op + at, load<u64>(from + at));
    } else {
      for (let at: usize = 0; at < size; at++) store<u8>(op + at, load<u8>(from + at));
    }
    op += size;
  }
  return op == dstEnd;
}

/**
 * Walks entries of a WriteRequest from `at` until `pause`, and writes start, size, hash and samples of
 * each into four columns of `capacity`. Returns where it stopped: behind the last entry that is canonical.
 */
export function scan(
  start: usize,
  pause: usize,
  end: usize,
  base: usize,
  columns: usize,
  capacity: i32,
  seed: i32,
  nameMax: i32,
  valueMax: i32,
  labelsMax: i32,
  timeMin: f64,
  timeMax: f64,
): usize {
  let at = start;
  let count: i32 = 0;
  let total: i32 = 0;
  let reason = DONE;
  const column = <usize>capacity * 4;
  while (at < pause) {
    if (count == capacity) {
      reason = FULL;
      break;
    }
    reason = UNUSUAL;
    if (load<u8>(at) != 0x0a || end - at < 3) break;
    let from = at + 2;
    let size = <usize>load<u8>(at + 1);
    if (size >= 128) {
      const high = <usize>load<u8>(from++);
      if (high >= 128 || high == 0) break;
      size = (size & 127) | (high << 7);
    }
    if (size > end - from) break;
    const to = from + size;
    if (!walkLabels(from, to, nameMax, valueMax, labelsMax)) break;
    if (!walkSamples(labelsEnd, to, timeMin, timeMax)) break;
    if (!screen(from, labelsEnd, seed)) break;
    const place = columns + <usize>count * 4;
    store<u32>(place, <u32>(at - base));
    store<u32>(place + column, <u32>(to - at));
    store<u32>(place + 2 * column, hash);
    store<i32>(place + 3 * column, samples);
    count++;
    total += samples;
    at = to;
    reason = DONE;
  }
  store<i32>(COUNT_AT, count);
  store<i32>(SAMPLES_AT, total);
  store<i32>(REASON_AT, reason);
  return at;
}

function walkLabels(from: usize, to: usize, nameMax: i32, valueMax: i32, labelsMax: i32): bool {
  let at = from;
  let labels: i32 = 0;
  let previousFrom: usize = 0;
  let previousSize: usize = 0;
  let named = false;
  while (at < to && load<u8>(at) == 0x0a) {
    if (to - at < LABEL_MIN) return false;
    let size = <usize>load<u8>(at + 1);
    at += 2;
    if (size >= 128) {
      const high = <usize>load<u8>(at++);
      if (high >= 128 || high == 0) return false;
      size = (size & 127) | (high << 7);
    }
    if (size > to - at || size < LABEL_MIN - 2 || load<u8>(at) != 0x0a) return false;
    const end = at + size;
    const nameSize = <usize>load<u8>(at + 1);
    const nameFrom = at + 2;
    if (nameSize == 0 || nameSize >= 128 || nameSize > <usize>nameMax) return false;
    at = nameFrom + nameSize;
    if (at + 3 > end || load<u8>(at) != 0x12) return false;
    let valueSize = <usize>load<u8>(at + 1);
    at += 2;
    if (valueSize >= 128) {
      const high = <usize>load<u8>(at++);
      if (high >= 128 || high == 0) return false;
      valueSize = (valueSize & 127) | (high << 7);
    }
    if (valueSize == 0 || valueSize > <usize>valueMax || at + valueSize != end) return false;
    if (labels > 0 && !isAscending(previousFrom, previousSize, nameFrom, nameSize)) return false;
    if (nameSize == 8 && load<u64>(nameFrom) == METRIC_NAME) named = true;
    previousFrom = nameFrom;
    previousSize = nameSize;
    labels++;
    at = end;
  }
  labelsEnd = at;
  return named && labels <= labelsMax;
}

function isAscending(from: usize, size: usize, nextFrom: usize, nextSize: usize): bool {
  const shared = min(size, nextSize);
  for (let index: usize = 0; index < shared; index++) {
    const a = load<u8>(from + index);
    const b = load<u8>(nextFrom + index);
    if (a != b) return a < b;
  }
  return size < nextSize;
}

function walkSamples(from: usize, to: usize, timeMin: f64, timeMax: f64): bool {
  let at = from;
  let count: i32 = 0;
  let previous: i64 = -1;
  while (at < to) {
    if (to - at < 4 || load<u8>(at) != 0x12) return false;
    const end = at + 2 + <usize>load<u8>(at + 1);
    if (end > to) return false;
    at += 2;
    if (at + 9 <= end && load<u8>(at) == 0x09) at += 9;
    if (at + 2 > end || load<u8>(at) != 0x10) return false;
    at++;
    let timestamp: i64 = 0;
    let shift: i64 = 0;
    let last: u8 = 0x80;
    while (at < end && shift < 49 && last >= 128) {
      last = load<u8>(at++);
      timestamp |= <i64>(last & 127) << shift;
      shift += 7;
    }
    // The shortest form, as encoders write it.
    if (last >= 128 || at != end || (last == 0 && shift > 7)) return false;
    if (timestamp <= previous) return false;
    const time = <f64>timestamp;
    if (time > timeMax || time < timeMin) return false;
    previous = timestamp;
    count++;
  }
  samples = count;
  return count > 0;
}

/** MurmurHash3 x86_32 (public domain, Austin Appleby) of the labels; false when not all bytes are ASCII. */
function screen(from: usize, to: usize, seed: i32): bool {
  let h = <u32>seed;
  let seen: u32 = 0;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const word = load<u32>(at);
    seen |= word;
    h ^= rotl<u32>(word * 0xcc9e2d51, 15) * 0x1b873593;
    h = rotl<u32>(h, 13) * 5 + 0xe6546b64;
  }
  const left = <u32>(to - at);
  if (left > 0) {
    const tail = load<u32>(at) & ((<u32>1 << (8 * left)) - 1);
    seen |= tail;
    h ^= rotl<u32>(tail * 0xcc9e2d51, 15) * 0x1b873593;
  }
  h ^= <u32>(to - from);
  h ^= h >>> 16;
  h *= 0x85ebca6b;
  h ^= h >>> 13;
  h *= 0xc2b2ae35;
  h ^= h >>> 16;
  hash = h;
  return (seen & 0x80808080) == 0;
}

/**
 * Appends run after run to its record: columns of starts (from `base`), sizes and records (or -1), and for
 * each record the place behind its last byte, which moves on.
 */
export function gather(count: i32, base: usize, columns: usize, capacity: i32, ends: usize): void {
  const column = <usize>capacity * 4;
  for (let index: usize = 0; index < <usize>count; index++) {
    const place = columns + index * 4;
    const record = load<i32>(place + 2 * column);
    if (record < 0) continue;
    const end = ends + <usize>record * 4;
    const to = <usize>load<u32>(end);
    const size = <usize>load<u32>(place + column);
    memory.copy(to, base + <usize>load<u32>(place), size);
    store<u32>(end, <u32>(to + size));
  }
}
