// Prometheus's XOR chunk encoding (tsdb/docs/format/chunks.md, "XOR chunk data"; after Gorilla, VLDB
// 2015), written in runs: the state of an encoder is a handful of numbers that a caller keeps anywhere,
// and finished 32-bit words come out for it to store. So a head encodes eight samples of a series at a
// time, which is twice as fast as one at a time, and a whole chunk is one long run.
// Which window of bits a value is written in is the encoder's choice: Prometheus stays in the present one
// as long as the value fits, here eight values at a time get the windows that take the fewest bits (see
// planWindows()), some five percent of a chunk. Any decoder reads both.
// The words are the chunk's bytes, big endian; the first 16 bits are the sample count, filled in last.

const NO_WINDOW = 0xff;
/** A new window costs 11 bits more than staying in the one there is. */
const WINDOW_BITS = 11;
/** Values whose windows are chosen together: as many as a head encodes at once. */
const PLANNED = 8;

/** A resumable encoder. Fields are public because callers save and restore them between runs. */
export class XorEncoder {
  /** Samples written so far. */
  count = 0;
  /** Last timestamp, ms, and the difference to the one before. */
  t = 0;
  delta = 0;
  /** Bits of the last value. */
  high = 0;
  low = 0;
  /** The current window of significant bits; NO_WINDOW before the first. */
  leading = NO_WINDOW;
  trailing = 0;
  /** The unfinished word, left-aligned, and how many of its bits are used (below 32). */
  word = 0;
  wordBits = 16;
  /** Finished words of the current run. */
  words = new Uint32Array(1024);
  wordCount = 0;

  /** Back to an empty chunk. */
  reset(): void {
    this.count = 0;
    this.t = 0;
    this.delta = 0;
    this.high = 0;
    this.low = 0;
    this.leading = NO_WINDOW;
    this.trailing = 0;
    this.word = 0;
    this.wordBits = 16;
    this.wordCount = 0;
  }

  /**
   * Appends samples [from, to), ascending in time. `bits` views the values' bits as little-endian pairs
   * (low word first), so that NaN payloads survive.
   */
  encode(t: Float64Array, bits: Int32Array, from: number, to: number): void {
    this.#reserve((to - from) * 5 + 8);
    let index = from;
    for (; index < to && this.count < 2; index++) {
      this.#encodeEarly(t[index]!, bits[2 * index + 1]!, bits[2 * index]!);
    }
    if (index < to) this.#encodeRun(t, bits, index, to);
  }

  /** The first two samples, whose times are written differently. */
  #encodeEarly(at: number, high: number, low: number): void {
    if (this.count === 0) {
      this.#putVarint(at < 0 ? -at * 2 - 1 : at * 2);
      this.#put(high, 32);
      this.#put(low, 32);
    } else {
      this.delta = at - this.t;
      this.#putVarint(this.delta);
      this.#putValue(high ^ this.high, low ^ this.low);
    }
    this.t = at;
    this.high = high;
    this.low = low;
    this.count++;
  }

  /**
   * All others: the loop that ingest spends most on, so the state is in locals, #put() is written out,
   * and the bits of the time and those that announce the value go in one step (29 at most).
   */
  #encodeRun(t: Float64Array, bits: Int32Array, from: number, to: number): void {
    const { words } = this;
    let { t: lastT, delta: lastDelta, high: lastHigh, low: lastLow } = this;
    let { leading, trailing, word, wordBits, wordCount } = this;
    let newWindows = 0;
    for (let index = from; index < to; index++) {
      const place = (index - from) & (PLANNED - 1);
      if (place === 0) {
        const end = Math.min(index + PLANNED, to);
        newWindows = planWindows(bits, index, end, lastHigh, lastLow, leading, trailing);
      }
      const at = t[index]!;
      const delta = at - lastT;
      let control = 0;
      let size = 1;
      if (delta !== lastDelta) {
        const dod = delta - lastDelta;
        if (dod >= -8191 && dod <= 8192) {
          control = (2 << 14) | (dod & 0x3fff);
          size = 16;
        } else {
          this.word = word;
          this.wordBits = wordBits;
          this.wordCount = wordCount;
          this.#putDeltaOfDelta(dod);
          word = this.word;
          wordBits = this.wordBits;
          wordCount = this.wordCount;
          size = 0;
        }
        lastDelta = delta;
      }
      lastT = at;
      const low = bits[2 * index]! ^ lastLow;
      const high = bits[2 * index + 1]! ^ lastHigh;
      lastLow ^= low;
      lastHigh ^= high;
      let significant = 0;
      if ((low | high) === 0) {
        control <<= 1;
        size++;
      } else {
        if ((newWindows & (1 << place)) === 0) {
          control = (control << 2) | 2;
          size += 2;
        } else {
          leading = plannedLeading[place]!;
          trailing = plannedTrailing[place]!;
          control = (control << 13) | (3 << 11) | (leading << 6) | ((64 - leading - trailing) & 63);
          size += 13;
        }
        significant = 64 - leading - trailing;
      }
      let free = 32 - wordBits;
      if (size < free) {
        word |= control << (free - size);
        wordBits += size;
      } else {
        wordBits = size - free;
        words[wordCount++] = word | (control >>> wordBits);
        word = wordBits === 0 ? 0 : control << (32 - wordBits);
      }
      if (significant === 0) continue;
      let part = 0;
      if (trailing >= 32) part = high >>> (trailing - 32);
      else part = trailing === 0 ? low : (low >>> trailing) | (high << (32 - trailing));
      if (significant > 32) {
        const upper = high >>> trailing;
        const upperSize = significant - 32;
        free = 32 - wordBits;
        if (upperSize < free) {
          word |= upper << (free - upperSize);
          wordBits += upperSize;
        } else {
          wordBits = upperSize - free;
          words[wordCount++] = word | (upper >>> wordBits);
          word = wordBits === 0 ? 0 : upper << (32 - wordBits);
        }
        significant = 32;
      } else if (significant < 32) {
        part &= (1 << significant) - 1;
      }
      free = 32 - wordBits;
      if (significant < free) {
        word |= part << (free - significant);
        wordBits += significant;
      } else {
        wordBits = significant - free;
        words[wordCount++] = word | (part >>> wordBits);
        word = wordBits === 0 ? 0 : part << (32 - wordBits);
      }
    }
    this.count += to - from;
    this.t = lastT;
    this.delta = lastDelta;
    this.high = lastHigh;
    this.low = lastLow;
    this.leading = leading;
    this.trailing = trailing;
    this.word = word;
    this.wordBits = wordBits;
    this.wordCount = wordCount;
  }

  #reserve(words: number): void {
    const wanted = this.wordCount + words;
    if (wanted <= this.words.length) return;
    const grown = new Uint32Array(Math.max(wanted, this.words.length * 2));
    grown.set(this.words);
    this.words = grown;
  }

  /**
   * Appends the low `size` bits (1 to 32) of `value`, a signed 32-bit number whose other bits are zero.
   * (An unsigned one above 2^31 would be boxed on the way here.)
   */
  #put(value: number, size: number): void {
    const free = 32 - this.wordBits;
    if (size < free) {
      this.word |= value << (free - size);
      this.wordBits += size;
      return;
    }
    const rest = size - free;
    this.words[this.wordCount++] = this.word | (value >>> rest);
    this.wordBits = rest;
    this.word = rest === 0 ? 0 : value << (32 - rest);
  }

  #putVarint(value: number): void {
    let left = value;
    while (left >= 128) {
      this.#put((left % 128) | 128, 8);
      left = Math.floor(left / 128);
    }
    this.#put(left, 8);
  }

  #putDeltaOfDelta(dod: number): void {
    if (dod >= -8191 && dod <= 8192) {
      this.#put((2 << 14) | (dod & 0x3fff), 16);
    } else if (dod >= -65535 && dod <= 65536) {
      this.#put((6 << 17) | (dod & 0x1ffff), 20);
    } else if (dod >= -524287 && dod <= 524288) {
      this.#put((14 << 20) | (dod & 0xfffff), 24);
    } else {
      this.#put(15, 4);
      this.#put(Math.floor(dod / 4294967296) | 0, 32);
      this.#put(dod | 0, 32);
    }
  }

  #putValue(high: number, low: number): void {
    if (high === 0 && low === 0) {
      this.#put(0, 1);
      return;
    }
    this.leading = Math.min(Math.clz32(high), 31);
    this.trailing = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low);
    this.#put((3 << 11) | (this.leading << 6) | ((64 - this.leading - this.trailing) & 63), 13);
    this.#putSignificant(high, low);
  }

  #putSignificant(high: number, low: number): void {
    const { trailing } = this;
    const size = 64 - this.leading - trailing;
    if (trailing >= 32) {
      this.#put(high >>> (trailing - 32), size);
      return;
    }
    const shifted = trailing === 0 ? low : (low >>> trailing) | (high << (32 - trailing));
    if (size > 32) {
      this.#put(high >>> trailing, size - 32);
      this.#put(shifted, 32);
    } else {
      this.#put(size === 32 ? shifted : shifted & ((1 << size) - 1), size);
    }
  }
}

/** By place: the window that begins there, if one does. */
const plannedLeading = new Uint8Array(PLANNED);
const plannedTrailing = new Uint8Array(PLANNED);
/** By number of the value among those that changed: its place, and zeros before and after its bits. */
const places = new Uint8Array(PLANNED);
const zerosBefore = new Uint8Array(PLANNED);
const zerosAfter = new Uint8Array(PLANNED);
/** By how many values are written: the fewest bits that takes, and how many of them come before the last window. */
const costs = new Int32Array(PLANNED + 1);
const windowFrom = new Uint8Array(PLANNED + 1);
const windowLeading = new Uint8Array(PLANNED + 1);
const windowTrailing = new Uint8Array(PLANNED + 1);
/** No window before: the values are still in the one that the run began with. */
const KEPT = 0xff;

/**
 * Chooses the windows of the values [from, to), at most eight, so that they take the fewest bits: the present
 * window for some of the first (none, where it is NO_WINDOW), then stretches of values in one new window
 * each. Returns a bit for each place where a new one begins.
 */
function planWindows(
  bits: Int32Array,
  from: number,
  to: number,
  lastHigh: number,
  lastLow: number,
  leading: number,
  trailing: number,
): number {
  let count = 0;
  let spare = 0;
  let fitting = 0;
  for (let index = from, high = lastHigh, low = lastLow; index < to; index++) {
    low ^= bits[2 * index]!;
    high ^= bits[2 * index + 1]!;
    if ((low | high) !== 0) {
      const before = Math.min(Math.clz32(high), 31);
      const after = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low);
      places[count] = index - from;
      zerosBefore[count] = before;
      zerosAfter[count] = after;
      if (fitting === count && before >= leading && after >= trailing) {
        fitting++;
        spare += before + after - leading - trailing;
      }
      count++;
    }
    low = bits[2 * index]!;
    high = bits[2 * index + 1]!;
  }
  // The usual case: all fit, and no window could save more than it costs.
  if (fitting === count && spare <= WINDOW_BITS) return 0;
  const kept = 66 - leading - trailing;
  for (let end = 1; end <= count; end++) {
    costs[end] = end <= fitting ? end * kept : 0x7fffffff;
    windowFrom[end] = KEPT;
    let before = 64;
    let after = 64;
    for (let start = end - 1; start >= 0; start--) {
      before = Math.min(before, zerosBefore[start]!);
      after = Math.min(after, zerosAfter[start]!);
      const cost = costs[start]! + WINDOW_BITS + (end - start) * (66 - before - after);
      if (cost >= costs[end]!) continue;
      costs[end] = cost;
      windowFrom[end] = start;
      windowLeading[end] = before;
      windowTrailing[end] = after;
    }
  }
  let begins = 0;
  for (let end = count; end > 0 && windowFrom[end] !== KEPT; end = windowFrom[end]!) {
    const place = places[windowFrom[end]!]!;
    begins |= 1 << place;
    plannedLeading[place] = windowLeading[end]!;
    plannedTrailing[place] = windowTrailing[end]!;
  }
  return begins;
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Bytes of a chunk whose stream has `wordCount` whole words and `wordBits` more bits. */
export function xorChunkSize(wordCount: number, wordBits: number): number {
  return wordCount * 4 + ((wordBits + 7) >>> 3);
}

const encoder = new XorEncoder();
let columnT = new Float64Array(256);
let columnV = new Float64Array(256);
let columnBits = new Int32Array(columnV.buffer);

/** Encodes samples [from, to), at most 65,535 and ascending in time, as one XOR chunk. */
export function encodeXorChunk(
  t: Float64Array,
  v: Float64Array,
  from: number,
  to: number,
): Uint8Array {
  const count = to - from;
  if (count > columnT.length) {
    columnT = new Float64Array(count * 2);
    columnV = new Float64Array(count * 2);
    columnBits = new Int32Array(columnV.buffer);
  }
  // Copied as memory, not number by number: a signalling NaN must not be quietened.
  columnT.set(t.subarray(from, to));
  columnV.set(v.subarray(from, to));
  encoder.reset();
  encoder.encode(columnT, columnBits, 0, count);
  const { words, wordCount, word, wordBits } = encoder;
  const out = new Uint8Array(xorChunkSize(wordCount, wordBits));
  let at = 0;
  for (let index = 0; index < wordCount; index++) {
    const whole = words[index]!;
    out[at++] = whole >>> 24;
    out[at++] = whole >>> 16;
    out[at++] = whole >>> 8;
    out[at++] = whole;
  }
  for (let shift = 24; at < out.length; shift -= 8) out[at++] = word >>> shift;
  out[0] = count >>> 8;
  out[1] = count;
  return out;
}
