// The hot loops of a push as WebAssembly: Snappy's block format, the scan of canonical series (1.0), the
// expansion of series that refer to symbols (2.0), and the gathering of their bytes by record. This is AssemblyScript, made into src/push-kernel/push-kernel-code.ts
// by apps/weir/scripts/build-kernels.mjs. What memory holds where, and all growing of it, is the
// caller's (push-kernel.ts). Nothing here allocates. Each function has a plain counterpart that tests
// compare it with: it may refuse what the plain scan accepts, never the reverse.
//
// Input is hostile. Each read of lengths is checked against the end of its message; copies may touch up to
// 15 bytes behind an end, which the caller keeps free.

import { copy, hash, payloadFrom, payloadTo, readSize, screen, writeSize } from './labels';

/** Why scan() stopped. */
const DONE: i32 = 0;
const UNUSUAL: i32 = 1;
const FULL: i32 = 2;
const NO_ROOM: i32 = 3;
/** Of expand(): the next series has metadata that was not seen before, and nothing else that is unusual. */
const METADATA_FIRST: i32 = 4;

/** Results of scan() and expand(), at fixed places: entries written, samples in them, why it stopped. */
const COUNT_AT: usize = 0;
const SAMPLES_AT: usize = 4;
const REASON_AT: usize = 8;
/** Of expand(): behind the last byte written. */
const WRITTEN_AT: usize = 12;

/** Tag and size of a run that is written. */
const HEAD_MAX: usize = 3;
/** Of a label beside its texts, and of a sample or start time. */
const AROUND_MAX: usize = 48;
/** Behind the columns of symbols: for each the label it was the name of last, as its value, place, size and epoch. */
const SYMBOL_COLUMNS: usize = 4;
const LAST_BYTES: usize = 16;
const TWO_BYTES: usize = 16384;

/** The smallest label: `0a 06 0a 01 n 12 01 v`. */
const LABEL_MIN: usize = 8;
const METRIC_NAME: u64 = 0x5f5f656d616e5f5f; // "__name__"
/** The tag of a 2.0 series' metadata. */
const METADATA: u8 = 0x2a;

// Of the series walked last.
let labelsEnd: usize = 0;
let samples: i32 = 0;

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

/**
 * Finds the symbols of a 2.0 request: columns of `capacity` of where each starts and ends (from `base`), which
 * name is known to stand before it, and whether metadata was seen for it. Returns how many; -1 where there are
 * too many or something else is in the message, too.
 */
export function symbols(start: usize, end: usize, base: usize, table: usize, capacity: i32): i32 {
  const column = <usize>capacity * 4;
  let at = start;
  let count: i32 = 0;
  while (at < end) {
    const tag = load<u8>(at);
    if (tag != 0x22 && tag != 0x2a) return -1;
    if (!readSize(at + 1, end)) return -1;
    at = payloadTo;
    if (tag == 0x2a) continue;
    if (count == capacity) return -1;
    const place = table + <usize>count * 4;
    store<u32>(place, <u32>(payloadFrom - base));
    store<u32>(place + column, <u32>(payloadTo - base));
    store<i32>(place + 2 * column, -1);
    store<i32>(place + 3 * column, 0);
    store<u32>(lastOf(table, column, count) + 12, 0);
    count++;
  }
  return count;
}

// @ts-ignore: decorator
@inline
function lastOf(table: usize, column: usize, symbol: u32): usize {
  return table + SYMBOL_COLUMNS * column + <usize>symbol * LAST_BYTES;
}

// Of expand(), for what it calls.
let symbolsAt: usize = 0;
let symbolColumn: usize = 0;
let symbolCount: u32 = 0;
let bodyAt: usize = 0;
let written: usize = 0;
let roomEnd: usize = 0;
let metric: u32 = 0;
let metricName: u32 = 0;
let startTime: i64 = 0;
let next: usize = 0;
let tellsMore: bool = false;
/** Labels of an earlier epoch may have been written over. */
let epoch: u32 = 0;

/**
 * As scan(), of a 2.0 request: each series is written out at `out` as its 1.0 form, and the columns say where.
 * Stops, too, where `outEnd` may be passed.
 */
export function expand(
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
  table: usize,
  tableCapacity: i32,
  known: i32,
  out: usize,
  outEnd: usize,
): usize {
  symbolsAt = table;
  symbolColumn = <usize>tableCapacity * 4;
  symbolCount = <u32>known;
  bodyAt = base;
  roomEnd = outEnd;
  epoch++;
  metricName = u32.MAX_VALUE;
  let at = start;
  let op = out;
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
    const tag = load<u8>(at);
    if ((tag != 0x2a && tag != 0x22) || !readSize(at + 1, end)) break;
    const from = payloadFrom;
    const to = payloadTo;
    if (tag == 0x22) {
      at = to;
      reason = DONE;
      continue;
    }
    const labelsFrom = op + HEAD_MAX;
    written = labelsFrom;
    if (to == from || load<u8>(from) != 0x0a || !readSize(from + 1, to)) break;
    next = payloadTo;
    if (!writeLabels(payloadFrom, payloadTo, nameMax, valueMax, labelsMax)) {
      if (written > roomEnd) reason = NO_ROOM;
      break;
    }
    const labelsTo = written;
    // Metadata stands before or behind the samples, as encoders like.
    tellsMore = false;
    const hasMetadata = next < to && load<u8>(next) == METADATA;
    if (hasMetadata && !readMetadata(next, to)) break;
    if (!writeSamples(next, to, timeMin, timeMax)) {
      if (written > roomEnd) reason = NO_ROOM;
      break;
    }
    if (next < to && (hasMetadata || !readMetadata(next, to) || next < to)) break;
    if (tellsMore) {
      reason = METADATA_FIRST;
      break;
    }
    if (!screen(labelsFrom, labelsTo, seed)) break;
    const size = written - labelsFrom;
    if (size >= TWO_BYTES) break;
    let run = op;
    if (size < 128) {
      run++;
      store<u8>(run + 1, <u8>size);
    } else {
      store<u8>(run + 1, <u8>(size & 127 | 128));
      store<u8>(run + 2, <u8>(size >>> 7));
    }
    store<u8>(run, 0x0a);
    const place = columns + <usize>count * 4;
    store<u32>(place, <u32>(run - base));
    store<u32>(place + column, <u32>(written - run));
    store<u32>(place + 2 * column, hash);
    store<i32>(place + 3 * column, samples);
    count++;
    total += samples;
    op = written;
    at = to;
    reason = DONE;
  }
  store<i32>(COUNT_AT, count);
  store<i32>(SAMPLES_AT, total);
  store<i32>(REASON_AT, reason);
  store<u32>(WRITTEN_AT, <u32>op);
  return at;
}

// Of the reference read last.
let reference: u32 = 0;

/** A reference of at most three bytes; returns the place behind it, or 0. */
function readReference(start: usize, end: usize): usize {
  let at = start;
  let last: u32 = 0x80;
  let shift: u32 = 0;
  reference = 0;
  while (last >= 128) {
    if (at >= end || shift > 14) return 0;
    last = <u32>load<u8>(at++);
    reference |= (last & 127) << shift;
    shift += 7;
  }
  return reference < symbolCount ? at : 0;
}

/** Leaves `written` behind `roomEnd` where that is why it fails. */
function writeLabels(from: usize, to: usize, nameMax: i32, valueMax: i32, labelsMax: i32): bool {
  let at = from;
  let op = written;
  let labels: i32 = 0;
  let previous: u32 = 0;
  let named = false;
  while (at < to) {
    at = readReference(at, to);
    if (at == 0) return false;
    const name = reference;
    at = readReference(at, to);
    if (at == 0) return false;
    if (labels > 0 && !stands(previous, name)) return false;
    previous = name;
    labels++;
    const last = lastOf(symbolsAt, symbolColumn, name);
    if (load<u32>(last + 12) == epoch && load<u32>(last) == reference) {
      const size = <usize>load<u32>(last + 8);
      if (op + size + AROUND_MAX > roomEnd) {
        written = roomEnd + 1;
        return false;
      }
      op = copy(op, <usize>load<u32>(last + 4), size);
      if (name != metricName) continue;
      named = true;
      metric = reference;
      continue;
    }
    const value = symbolsAt + <usize>reference * 4;
    const nameAt = symbolsAt + <usize>name * 4;
    const nameFrom = bodyAt + <usize>load<u32>(nameAt);
    const nameSize = bodyAt + <usize>load<u32>(nameAt + symbolColumn) - nameFrom;
    const valueFrom = bodyAt + <usize>load<u32>(value);
    const valueSize = bodyAt + <usize>load<u32>(value + symbolColumn) - valueFrom;
    if (nameSize == 0 || nameSize >= 128 || nameSize > <usize>nameMax) return false;
    if (valueSize == 0 || valueSize >= TWO_BYTES - 256 || valueSize > <usize>valueMax) return false;
    if (op + nameSize + valueSize + AROUND_MAX > roomEnd) {
      written = roomEnd + 1;
      return false;
    }
    if (nameSize == 8 && load<u64>(nameFrom) == METRIC_NAME) {
      named = true;
      metric = reference;
      metricName = name;
    }
    const labelAt = op;
    const size: usize = 3 + nameSize + <usize>(valueSize < 128 ? 1 : 2) + valueSize;
    store<u8>(op, 0x0a);
    op = writeSize(op + 1, size);
    store<u8>(op, 0x0a);
    store<u8>(op + 1, <u8>nameSize);
    op = copy(op + 2, nameFrom, nameSize);
    store<u8>(op, 0x12);
    op = copy(writeSize(op + 1, valueSize), valueFrom, valueSize);
    store<u32>(last, reference);
    store<u32>(last + 4, <u32>labelAt);
    store<u32>(last + 8, <u32>(op - labelAt));
    store<u32>(last + 12, epoch);
  }
  written = op;
  return named && labels <= labelsMax;
}

/** Whether name `a` stands before name `b`; what is found out is kept with `b`. */
function stands(a: u32, b: u32): bool {
  const place = symbolsAt + <usize>b * 4;
  if (load<u32>(place + 2 * symbolColumn) == a) return true;
  const before = symbolsAt + <usize>a * 4;
  const from = bodyAt + <usize>load<u32>(before);
  const nextFrom = bodyAt + <usize>load<u32>(place);
  const size = bodyAt + <usize>load<u32>(before + symbolColumn) - from;
  const nextSize = bodyAt + <usize>load<u32>(place + symbolColumn) - nextFrom;
  if (!isAscending(from, size, nextFrom, nextSize)) return false;
  store<u32>(place + 2 * symbolColumn, a);
  return true;
}

// Of the number read last.
let number: i64 = 0;

/** A number below 2^49 in its shortest form; returns the place behind it, or 0. */
function readNumber(start: usize, end: usize): usize {
  let at = start;
  let shift: i64 = 0;
  let last: u8 = 0x80;
  number = 0;
  while (last >= 128) {
    if (at >= end || shift >= 49) return 0;
    last = load<u8>(at++);
    number |= <i64>(last & 127) << shift;
    shift += 7;
  }
  return last == 0 && shift > 7 ? 0 : at;
}

/** Samples that start at the same time, ascending; `next` is left behind the last. */
function writeSamples(from: usize, to: usize, timeMin: f64, timeMax: f64): bool {
  let at = from;
  let op = written;
  let count: i32 = 0;
  let previous: i64 = -1;
  while (at < to && load<u8>(at) == 0x12) {
    if (to - at < 4) return false;
    const sampleAt = at;
    const end = at + 2 + <usize>load<u8>(at + 1);
    if (end > to || end > at + 129) return false;
    at += 2;
    let bits: u64 = 0;
    if (at + 9 <= end && load<u8>(at) == 0x09) {
      bits = load<u64>(at + 1);
      at += 9;
    }
    if (at + 2 > end || load<u8>(at) != 0x10) return false;
    const timeAt = at;
    at = readNumber(at + 1, end);
    if (at == 0) return false;
    const timeSize = at - timeAt;
    const timestamp = number;
    if (timestamp <= previous) return false;
    const time = <f64>timestamp;
    if (time > timeMax || time < timeMin) return false;
    let since: i64 = 0;
    if (at < end) {
      if (load<u8>(at) != 0x18) return false;
      at = readNumber(at + 1, end);
      if (at != end) return false;
      since = number;
    }
    if (count == 0) {
      if (since != 0 && since >= timestamp) return false;
      startTime = since;
    } else if (since != startTime) return false;
    if (op + AROUND_MAX > roomEnd) {
      written = roomEnd + 1;
      return false;
    }
    store<u8>(op, 0x12);
    store<u8>(op + 1, <u8>(9 + timeSize));
    store<u8>(op + 2, 0x09);
    store<u64>(op + 3, bits);
    op = copy(op + 11, timeAt, timeSize);
    previous = timestamp;
    count++;
    at = sampleAt + 2 + <usize>load<u8>(sampleAt + 1);
  }
  if (startTime != 0 && count > 0) {
    store<u8>(op++, 0x30);
    let rest = startTime;
    while (rest >= 128) {
      store<u8>(op++, <u8>(rest & 127 | 128));
      rest >>= 7;
    }
    store<u8>(op++, <u8>rest);
  }
  samples = count;
  written = op;
  next = at;
  return count > 0;
}

/** Whether that is metadata; `next` is left behind it, and `tellsMore` says whether it was not seen before. */
function readMetadata(from: usize, to: usize): bool {
  if (load<u8>(from) != METADATA || !readSize(from + 1, to)) return false;
  let at = payloadFrom;
  next = payloadTo;
  let told = false;
  while (at < next) {
    const tag = load<u8>(at++);
    if (tag == 0x08) {
      const type = at < next ? load<u8>(at++) : 0x80;
      if (type >= 128) return false;
      if (type != 0) told = true;
    } else if (tag == 0x18 || tag == 0x20) {
      at = readReference(at, next);
      if (at == 0) return false;
      if (reference != 0) told = true;
    } else return false;
  }
  tellsMore = told && load<i32>(symbolsAt + <usize>metric * 4 + 3 * symbolColumn) == 0;
  return true;
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
