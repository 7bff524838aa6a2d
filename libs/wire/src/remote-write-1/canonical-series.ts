// The fast path: is this TimeSeries already what a record holds? Labels in canonical form (see
// label-bytes of @weir/model) within the rules, then samples in ascending order inside the time range,
// nothing else. Anything unusual answers "no" and takes the slow path, which decides what it is; so
// this file may refuse too much, never too little.
//
// Every read is guarded by the message's end: one read past a typed array's end would deoptimise the
// loop for good, and a client could do that to us.
import { isLabelName, isMetricName } from '../write-request/names.ts';
import { LabelScreen } from '../write-request/screen.ts';
import type { WriteRules } from '../write-request/write-rules.ts';

/** The smallest label: `0a 06 0a 01 n 12 01 v`. */
const LABEL_MIN = 8;

export class CanonicalSeries {
  /** Of the last series that passed. */
  samples = 0;
  readonly screen = new LabelScreen();
  #metricFrom = 0;
  #metricTo = 0;

  /** Whether bytes[from, to), the payload of a TimeSeries, can be copied as it stands. */
  check(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
    rules: WriteRules,
    seed: number,
  ): boolean {
    const labelsEnd = this.#walkLabels(bytes, from, to, rules);
    if (labelsEnd < 0) return false;
    if (!this.#walkSamples(bytes, labelsEnd, to, rules)) return false;
    return this.#textIsGood(bytes, view, from, labelsEnd, rules, seed);
  }

  /** Where the labels end if they can be copied, whatever follows; else -1. */
  checkLabels(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
    rules: WriteRules,
    seed: number,
  ): number {
    const labelsEnd = this.#walkLabels(bytes, from, to, rules);
    if (labelsEnd < 0) return -1;
    return this.#textIsGood(bytes, view, from, labelsEnd, rules, seed) ? labelsEnd : -1;
  }

  #textIsGood(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    labelsEnd: number,
    rules: WriteRules,
    seed: number,
  ): boolean {
    this.screen.run(bytes, view, from, labelsEnd, seed);
    if (rules.legacyNames) {
      if (!isMetricName(bytes, this.#metricFrom, this.#metricTo, true)) return false;
    }
    return (this.screen.ascii && !rules.legacyNames) || textIsValid(bytes, from, labelsEnd, rules);
  }

  /** Returns the position behind the labels, or -1 when they aren't canonical. */
  #walkLabels(bytes: Uint8Array, from: number, to: number, rules: WriteRules): number {
    const nameMax = rules.labelNameBytesMax;
    const valueMax = rules.labelValueBytesMax;
    let at = from;
    let labels = 0;
    let previousFrom = 0;
    let previousSize = 0;
    let metricFrom = -1;
    while (at < to && bytes[at] === 0x0a) {
      if (at + LABEL_MIN > to) return -1;
      let size = bytes[at + 1]!;
      at += 2;
      if (size >= 128) {
        const high = bytes[at++]!;
        if (high >= 128 || high === 0) return -1;
        size = (size & 127) | (high << 7);
      }
      const end = at + size;
      if (end > to || size < LABEL_MIN - 2 || bytes[at] !== 0x0a) return -1;
      const nameSize = bytes[at + 1]!;
      const nameFrom = at + 2;
      at = nameFrom + nameSize;
      if (nameSize === 0 || nameSize >= 128 || nameSize > nameMax) return -1;
      if (at + 3 > end || bytes[at] !== 0x12) return -1;
      let valueSize = bytes[at + 1]!;
      at += 2;
      if (valueSize >= 128) {
        const high = bytes[at++]!;
        if (high >= 128 || high === 0) return -1;
        valueSize = (valueSize & 127) | (high << 7);
      }
      if (valueSize === 0 || valueSize > valueMax || at + valueSize !== end) return -1;
      if (labels > 0 && !isAscending(bytes, previousFrom, previousSize, nameFrom, nameSize)) {
        return -1;
      }
      if (nameSize === 8 && metricFrom < 0 && isMetricLabel(bytes, nameFrom)) {
        metricFrom = at;
        this.#metricTo = end;
      }
      previousFrom = nameFrom;
      previousSize = nameSize;
      labels++;
      at = end;
    }
    if (metricFrom < 0 || labels > rules.labelNamesMax) return -1;
    this.#metricFrom = metricFrom;
    return at;
  }

  #walkSamples(bytes: Uint8Array, from: number, to: number, rules: WriteRules): boolean {
    let at = from;
    let samples = 0;
    let previous = -1;
    while (at < to) {
      // The largest sample here: 09 + 8 bytes, 10 + 8 bytes; the smallest a bare timestamp.
      if (at + 4 > to || bytes[at] !== 0x12) return false;
      const end = at + 2 + bytes[at + 1]!;
      if (end > to) return false;
      at += 2;
      if (at + 9 <= end && bytes[at] === 0x09) at += 9;
      if (at + 2 > end || bytes[at] !== 0x10) return false;
      at++;
      let low = 0;
      let shift = 0;
      while (at < end && shift < 28) {
        const byte = bytes[at++]!;
        low |= (byte & 127) << shift;
        shift += 7;
        if (byte < 128) shift = 64;
      }
      let high = 0;
      if (shift === 28) {
        shift = 0;
        while (at < end && shift < 21) {
          const byte = bytes[at++]!;
          high |= (byte & 127) << shift;
          shift += 7;
          if (byte < 128) shift = 64;
        }
      }
      if (shift !== 64 || at !== end || (bytes[at - 1] === 0 && bytes[at - 2]! >= 128))
        return false;
      const timestamp = high * 268435456 + low;
      if (timestamp <= previous) return false;
      if (timestamp > rules.timestampMaxMs || timestamp < rules.timestampMinMs) return false;
      previous = timestamp;
      samples++;
    }
    this.samples = samples;
    return samples > 0;
  }
}

function isAscending(
  bytes: Uint8Array,
  from: number,
  size: number,
  nextFrom: number,
  nextSize: number,
): boolean {
  const shared = size < nextSize ? size : nextSize;
  for (let index = 0; index < shared; index++) {
    const difference = bytes[from + index]! - bytes[nextFrom + index]!;
    if (difference !== 0) return difference < 0;
  }
  return size < nextSize;
}

/** Whether the eight bytes read `__name__`. */
function isMetricLabel(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x5f &&
    bytes[at + 1] === 0x5f &&
    bytes[at + 2] === 0x6e &&
    bytes[at + 3] === 0x61 &&
    bytes[at + 4] === 0x6d &&
    bytes[at + 5] === 0x65 &&
    bytes[at + 6] === 0x5f &&
    bytes[at + 7] === 0x5f
  );
}

/** A second walk, for labels that aren't plain ASCII or whose names follow the legacy scheme. */
function textIsValid(bytes: Uint8Array, from: number, to: number, rules: WriteRules): boolean {
  let at = from;
  while (at < to) {
    at += bytes[at + 1]! >= 128 ? 3 : 2;
    const nameFrom = at + 2;
    const nameTo = nameFrom + bytes[at + 1]!;
    if (!isLabelName(bytes, nameFrom, nameTo, rules.legacyNames)) return false;
    let size = bytes[nameTo + 1]!;
    let valueFrom = nameTo + 2;
    if (size >= 128) size = (size & 127) | (bytes[valueFrom++]! << 7);
    at = valueFrom + size;
    // Any UTF-8 will do for a value; names passed above.
    if (!isUtf8Value(bytes, valueFrom, at)) return false;
  }
  return true;
}

function isUtf8Value(bytes: Uint8Array, from: number, to: number): boolean {
  return isLabelName(bytes, from, to, false);
}
