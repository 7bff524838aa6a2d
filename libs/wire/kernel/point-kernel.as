// The hot loops of OTLP as WebAssembly: data points of sums, gauges and classic histograms whose attributes are known
// become series of remote write 1.0. AssemblyScript, made into src/otlp/point-kernel-code.ts by
// apps/weir/scripts/build-kernels.mjs. It works in the push kernel's memory; what lies where is the caller's
// (point-kernel.ts). It may leave a point to the plain way, never the reverse. Input is hostile.

import { copy, digest, hash, payloadFrom, payloadTo, readSize, screen, writeSize } from './labels';

/** Why points() stopped. */
const DONE: i32 = 0;
const UNUSUAL: i32 = 1;
const FULL: i32 = 2;

/** Results, at fixed places: series and samples, why it stopped, behind the last byte; earliest and latest time, ms. */
const COUNT_AT: usize = 0;
const SAMPLES_AT: usize = 4;
const REASON_AT: usize = 8;
const WRITTEN_AT: usize = 12;
const EARLIEST_AT: usize = 16;
const LATEST_AT: usize = 24;

const HEAD_MAX: usize = 3;
const AROUND_MAX: usize = 48;
const TWO_BYTES: usize = 16384;
const ATTRIBUTES_MAX: u32 = 64;
const DIGITS_MAX: usize = 24;
const STALE_BITS: u64 = 0x7ff0000000000002;
const TRUE: u32 = 0x65757274; // "true"
const FALSE: u64 = 0x65736c6166; // "false"

// Segments of a plan, and where a plan has what: keys' count, segments' count, whether it has `le`, keys, segments.
const CONSTANT: u32 = 0xffff;
const METRIC: u32 = 0xfffe;
const BOUND: u32 = 0xfffd;
const PLAN_LE: usize = 8;
const PLAN_HEAD: usize = 12;
const KEY_BYTES: usize = 8;
const SEGMENT_BYTES: usize = 12;

// Parameters that stay for many calls, behind one another.
let plans: usize = 0;
let attributes: usize = 0;
let digits: usize = 0;
let constants: usize = 0;
let boundSets: usize = 0;
let metricAt: usize = 0;
let metricSize: usize = 0;
let valueMax: usize = 0;
let seed: i32 = 0;
let timeMin: f64 = 0;
let timeMax: f64 = 0;
let takesStart: bool = false;

/** Where things lie: lists (a number, then places) of plans and sets of bounds, room for attributes and digits, constants. */
export function layOut(
  plansAt: usize,
  boundSetsAt: usize,
  attributesAt: usize,
  digitsAt: usize,
  constantsAt: usize,
): void {
  boundSets = boundSetsAt;
  plans = plansAt;
  attributes = attributesAt;
  digits = digitsAt;
  constants = constantsAt;
}

export function setRules(valueBytesMax: i32, hashSeed: i32, earliest: f64, latest: f64): void {
  valueMax = <usize>valueBytesMax;
  seed = hashSeed;
  timeMin = earliest;
  timeMax = latest;
}

/** The label of the metric's name, whole, and whether its samples tell their start. */
export function setMetric(at: usize, size: usize, hasStart: bool): void {
  metricAt = at;
  metricSize = size;
  takesStart = hasStart;
  isHistogram = false;
}

// Of a classic histogram: the labels of the names of its sums, counts and buckets.
let isHistogram: bool = false;
let sumAt: usize = 0;
let sumSize: usize = 0;
let countAt: usize = 0;
let countSize: usize = 0;
let bucketAt: usize = 0;
let bucketSize: usize = 0;

export function setHistogram(
  sum: usize,
  sumBytes: usize,
  counts: usize,
  countBytes: usize,
  bucket: usize,
  bucketBytes: usize,
  hasStart: bool,
): void {
  sumAt = sum;
  sumSize = sumBytes;
  countAt = counts;
  countSize = countBytes;
  bucketAt = bucket;
  bucketSize = bucketBytes;
  takesStart = hasStart;
  isHistogram = true;
}

// Of the point read last.
let attributeCount: u32 = 0;
let nanos: u64 = 0;
let startNanos: u64 = 0;
let bits: u64 = 0;
let stale: bool = false;

// Of the call under way: where series are told and written, how many there are, and their times.
let bodyAt: usize = 0;
let columns: usize = 0;
let capacity: i32 = 0;
let op: usize = 0;
let roomEnd: usize = 0;
let count: i32 = 0;
let reason: i32 = 0;
let earliest: f64 = 0;
let latest: f64 = 0;

function begin(base: usize, columnsAt: usize, columnCapacity: i32, out: usize, outEnd: usize): void {
  bodyAt = base;
  columns = columnsAt;
  capacity = columnCapacity;
  op = out;
  roomEnd = outEnd;
  count = 0;
  earliest = Infinity;
  latest = -Infinity;
}

function tell(samples: i32): void {
  store<i32>(COUNT_AT, count);
  store<i32>(SAMPLES_AT, samples);
  store<i32>(REASON_AT, reason);
  store<u32>(WRITTEN_AT, <u32>op);
  store<f64>(EARLIEST_AT, earliest);
  store<f64>(LATEST_AT, latest);
}

function addRun(at: usize, to: usize, samples: i32): void {
  const column = <usize>capacity * 4;
  const place = columns + <usize>count * 4;
  store<u32>(place, <u32>(at - bodyAt));
  store<u32>(place + column, <u32>(to - at));
  store<u32>(place + 2 * column, hash);
  store<i32>(place + 3 * column, samples);
  count++;
  op = to;
}

/**
 * Walks data_points of the metric that was set, which ends at `end`, from `start` until `pause`, and writes each as
 * a series behind `out`; four columns of `columnCapacity` say where (from `base`), how long, its hash, and that it
 * has one sample. Returns where it stopped: before the first field it leaves.
 */
export function points(
  start: usize,
  pause: usize,
  end: usize,
  base: usize,
  columnsAt: usize,
  columnCapacity: i32,
  out: usize,
  outEnd: usize,
): usize {
  begin(base, columnsAt, columnCapacity, out, outEnd);
  const at = takePoints(start, pause, end);
  tell(count);
  return at;
}

function takePoints(start: usize, pause: usize, end: usize): usize {
  let at = start;
  reason = DONE;
  while (at < pause) {
    if (count == capacity) {
      reason = FULL;
      break;
    }
    reason = UNUSUAL;
    if (load<u8>(at) != 0x0a || !readSize(at + 1, end)) break;
    const next = payloadTo;
    const from = payloadFrom;
    const first = op;
    const known = count;
    const isWritten = isHistogram ? writeHistogram(from, next) : writeNumber(from, next);
    if (!isWritten) {
      // All of a point or nothing.
      if (isHistogram && known > 0 && count == capacity) reason = FULL;
      op = first;
      count = known;
      break;
    }
    const timeMs = <f64>(nanos / 1000000);
    if (timeMs < earliest) earliest = timeMs;
    if (timeMs > latest) latest = timeMs;
    at = next;
    reason = DONE;
  }
  return at;
}

// Of the point under way, ms.
let time: u64 = 0;
let since: u64 = 0;

function takeTimes(): bool {
  time = nanos / 1000000;
  const timeMs = <f64>time;
  if (timeMs > timeMax || timeMs < timeMin) return false;
  since = takesStart ? startNanos / 1000000 : 0;
  return since == 0 || since < time;
}

function writeNumber(from: usize, to: usize): bool {
  if (!readPoint(from, to) || !takeTimes()) return false;
  const plan = planOfPoint(false);
  return plan != 0 && writeSeries(plan);
}

/** A series by a plan. */
function writeSeries(plan: usize): bool {
  const labelsFrom = op + HEAD_MAX;
  return endSeries(labelsFrom, writeLabels(plan, labelsFrom, roomEnd));
}

/** The rest of a series whose labels are written; none where `labelsTo` is 0. */
function endSeries(labelsFrom: usize, labelsTo: usize): bool {
  if (count == capacity) return false;
  if (labelsTo == 0 || !screen(labelsFrom, labelsTo, seed)) return false;
  const written = writeSample(labelsTo, time, since);
  const size = written - labelsFrom;
  if (size >= TWO_BYTES) return false;
  let run = labelsFrom - HEAD_MAX;
  if (size < 128) run++;
  store<u8>(run, 0x0a);
  writeSize(run + 1, size);
  addRun(run, written, 1);
  return true;
}

// Of the histogram read last.
let observations: u64 = 0;
let sumBits: u64 = 0;
let hasSum: bool = false;
let countsFrom: usize = 0;
let countsTo: usize = 0;
let boundsFrom: usize = 0;
let boundsTo: usize = 0;

/** The series of a HistogramDataPoint: its sum where it has one, its count, and its buckets. */
function writeHistogram(from: usize, to: usize): bool {
  if (!readHistogram(from, to) || !takeTimes()) return false;
  const plan = planOfPoint(false);
  const plans = planOfPoint(true);
  if (plan == 0 || plans == 0) return false;
  const set = boundSetOf();
  if (set == 0) return false;
  if (hasSum) {
    metricAt = sumAt;
    metricSize = sumSize;
    bits = sumBits;
    if (!writeSeries(plan)) return false;
  }
  metricAt = countAt;
  metricSize = countSize;
  bits = reinterpret<u64>(<f64>observations);
  if (!writeSeries(plan)) return false;
  metricAt = bucketAt;
  metricSize = bucketSize;
  const buckets = min(boundsTo - boundsFrom, countsTo - countsFrom) >>> 3;
  const all = (boundsTo - boundsFrom) >>> 3;
  let cumulative: f64 = 0;
  for (let index: usize = 0; index <= buckets; index++) {
    const isLast = index == buckets;
    const label = set + BOUND_LABELS + (isLast ? all : index) * 8;
    if (!isLast) cumulative += <f64>load<u64>(countsFrom + index * 8);
    bits = reinterpret<u64>(isLast ? <f64>observations : cumulative);
    const size = <usize>load<u32>(label + 4);
    if (!writeBucket(plans, <usize>load<u32>(label), size, index == 0)) return false;
  }
  return true;
}

/** Labels of buckets differ in `le` alone: after the first they are copied around it. */
function writeBucket(plan: usize, label: usize, size: usize, isFirst: bool): bool {
  boundAt = label;
  boundSize = size;
  const labelsFrom = op + HEAD_MAX;
  if (isFirst) {
    bucketFrom = labelsFrom;
    bucketTo = writeLabels(plan, labelsFrom, roomEnd);
    return endSeries(labelsFrom, bucketTo);
  }
  const head = boundFrom - bucketFrom;
  const tail = bucketTo - boundTo;
  if (labelsFrom + head + size + tail + AROUND_MAX > roomEnd) return false;
  memory.copy(labelsFrom, bucketFrom, head);
  const to = copy(labelsFrom + head, label, size);
  memory.copy(to, boundTo, tail);
  boundFrom = labelsFrom + head;
  boundTo = to;
  bucketFrom = labelsFrom;
  bucketTo = to + tail;
  return endSeries(labelsFrom, bucketTo);
}

// Where the labels of the bucket before lie.
let bucketFrom: usize = 0;
let bucketTo: usize = 0;

// A set of bounds: size of its bytes, their place, then a label `le` for each bound and for infinity (place, size).
const BOUND_LABELS: usize = 8;

/** The set of the point's bounds; 0 where it is not known. */
function boundSetOf(): usize {
  const known = load<u32>(boundSets);
  const size = boundsTo - boundsFrom;
  for (let index: u32 = 0; index < known; index++) {
    const set = <usize>load<u32>(boundSets + 4 + <usize>index * 4);
    if (<usize>load<u32>(set) != size) continue;
    if (isEqual(<usize>load<u32>(set + 4), boundsFrom, size)) return set;
  }
  return 0;
}

/** HistogramDataPoint, as readPoint() reads numbers; rows of numbers are packed. */
function readHistogram(from: usize, to: usize): bool {
  let at = from;
  attributeCount = 0;
  nanos = 0;
  startNanos = 0;
  stale = false;
  observations = 0;
  hasSum = false;
  countsFrom = countsTo = boundsFrom = boundsTo = from;
  while (at < to) {
    const tag = load<u8>(at++);
    if (tag == 0x4a || tag == 0x32 || tag == 0x3a) {
      if (!readSize(at, to)) return false;
      at = payloadTo;
      if (tag == 0x4a) {
        if (attributeCount == ATTRIBUTES_MAX || !readAttribute(payloadFrom, at)) return false;
        attributeCount++;
        continue;
      }
      if ((at - payloadFrom) % 8 != 0) return false;
      // A row that comes in pieces is put together by the plain way.
      if (tag == 0x32) {
        if (countsTo != countsFrom) return false;
        countsFrom = payloadFrom;
        countsTo = at;
      } else {
        if (boundsTo != boundsFrom) return false;
        boundsFrom = payloadFrom;
        boundsTo = at;
      }
      continue;
    }
    if (tag == 0x50) {
      if (at >= to) return false;
      const flags = load<u8>(at++);
      if (flags >= 128) return false;
      stale = (flags & 1) != 0;
      continue;
    }
    if (to - at < 8) return false;
    const word = load<u64>(at);
    at += 8;
    if (tag == 0x19) nanos = word;
    else if (tag == 0x11) startNanos = word;
    else if (tag == 0x21) observations = word;
    else if (tag == 0x29) {
      sumBits = word;
      hasSum = true;
    } else if (tag != 0x59 && tag != 0x61) return false;
  }
  return true;
}

/** Results of metrics() beside the others: points and metadata of whole metrics, and where in a metric it stopped. */
const POINTS_AT: usize = 32;
const METADATA_AT: usize = 36;
const STOPPED_AT: usize = 40;

// What is known of a metric: words of an entry, in this order.
const HEADER: usize = 0;
const HEADER_SIZE: usize = 4;
/** The tag of its points' message, and what stands there beside the points. */
const TAG: usize = 8;
const SETTINGS_SIZE: usize = 12;
const SETTINGS: usize = 16;
const LABEL: usize = 24;
const LABEL_SIZE: usize = 28;
const NAME_SIZE: usize = 32;
const STARTS: usize = 36;
/** Where the request stands that has told its metadata last; that, as a run; and its family's name. */
const TOLD: usize = 40;
const RUN: usize = 44;
const RUN_SIZE: usize = 48;
const FAMILY: usize = 52;
const FAMILY_SIZE: usize = 56;
/** Of a histogram, whose sums have the first label: those of counts and buckets. */
const COUNT_LABEL: usize = 60;
const COUNT_LABEL_SIZE: usize = 64;
const BUCKET_LABEL: usize = 68;
const BUCKET_LABEL_SIZE: usize = 72;
const HISTOGRAM_TAG: u8 = 0x4a;

let metricTable: usize = 0;
let metricSlots: u32 = 0;

/** A hash table of places of entries; `slots` is a power of two, and 0 means none. */
export function setMetrics(table: usize, slots: i32): void {
  metricTable = table;
  metricSlots = <u32>slots;
}

/**
 * Walks a ScopeMetrics, which ends at `end`, from `start` until `pause`: metrics that are known are taken whole, with
 * their metadata where this request has not told it. Returns where it stopped: before the first field it leaves. Of a
 * metric that it leaves half-way STOPPED_AT has where its points go on, else 0.
 */
export function metrics(
  start: usize,
  pause: usize,
  end: usize,
  base: usize,
  columnsAt: usize,
  columnCapacity: i32,
  out: usize,
  outEnd: usize,
  request: i32,
): usize {
  begin(base, columnsAt, columnCapacity, out, outEnd);
  let at = start;
  let wholePoints: i32 = 0;
  let metadata: i32 = 0;
  let stopped: usize = 0;
  reason = DONE;
  while (at < pause) {
    reason = UNUSUAL;
    if (load<u8>(at) != 0x12 || !readSize(at + 1, end)) break;
    const from = payloadFrom;
    const to = payloadTo;
    let headerTo = from;
    let tag: u8 = 0;
    while (headerTo < to) {
      tag = load<u8>(headerTo);
      if (tag != 0x0a && tag != 0x12 && tag != 0x1a) break;
      if (!readSize(headerTo + 1, to)) break;
      headerTo = payloadTo;
    }
    if (headerTo >= to || (tag != 0x2a && tag != 0x3a && tag != HISTOGRAM_TAG)) break;
    if (!readSize(headerTo + 1, to) || payloadTo != to) break;
    const leadFrom = payloadFrom;
    let first = leadFrom;
    while (to - first > 2 && isSetting(load<u8>(first)) && load<u8>(first + 1) < 128) first += 2;
    let tail = first;
    let own: i32 = 0;
    while (tail < to && load<u8>(tail) == 0x0a && readSize(tail + 1, to)) {
      tail = payloadTo;
      own++;
    }
    if (own == 0) break;
    const entry = entryOf(from, headerTo, tag, leadFrom, first, tail, to);
    if (entry == 0 || <usize>load<u32>(entry + NAME_SIZE) > valueMax) break;
    const told = <usize>load<u32>(entry + TOLD);
    if (load<i32>(told) != request) {
      const size = <usize>load<u32>(entry + RUN_SIZE);
      if (count == capacity || op + size + AROUND_MAX > roomEnd) {
        if (count == capacity) reason = FULL;
        break;
      }
      const family = <usize>load<u32>(entry + FAMILY);
      digest(family, family + <usize>load<u32>(entry + FAMILY_SIZE), seed);
      addRun(op, copy(op, <usize>load<u32>(entry + RUN), size), 0);
      store<i32>(told, request);
      metadata++;
    }
    isHistogram = tag == HISTOGRAM_TAG;
    sumAt = metricAt = <usize>load<u32>(entry + LABEL);
    sumSize = metricSize = <usize>load<u32>(entry + LABEL_SIZE);
    countAt = <usize>load<u32>(entry + COUNT_LABEL);
    countSize = <usize>load<u32>(entry + COUNT_LABEL_SIZE);
    bucketAt = <usize>load<u32>(entry + BUCKET_LABEL);
    bucketSize = <usize>load<u32>(entry + BUCKET_LABEL_SIZE);
    takesStart = load<u32>(entry + STARTS) != 0;
    const next = takePoints(first, min(pause, tail), to);
    if (next != tail) {
      stopped = next;
      break;
    }
    wholePoints += own;
    at = to;
    reason = DONE;
  }
  tell(count - metadata);
  store<i32>(POINTS_AT, wholePoints);
  store<i32>(METADATA_AT, metadata);
  store<u32>(STOPPED_AT, <u32>stopped);
  return at;
}

/** Aggregation temporality, and whether sums are monotonic: before or behind the points. */
function isSetting(tag: u8): bool {
  return tag == 0x10 || tag == 0x18;
}

/** The entry of a metric by what stands before its data, and around its points there; 0 where there is none. */
function entryOf(
  from: usize,
  headerTo: usize,
  tag: u8,
  leadFrom: usize,
  first: usize,
  tail: usize,
  to: usize,
): usize {
  const size = headerTo - from;
  const lead = first - leadFrom;
  digest(from, headerTo, <i32>tag);
  let slot = hash & (metricSlots - 1);
  let entry = <usize>load<u32>(metricTable + <usize>slot * 4);
  while (entry != 0) {
    if (
      <usize>load<u32>(entry + HEADER_SIZE) == size &&
      load<u32>(entry + TAG) == <u32>tag &&
      <usize>load<u32>(entry + SETTINGS_SIZE) == lead + to - tail &&
      isEqual(<usize>load<u32>(entry + HEADER), from, size) &&
      isEqual(entry + SETTINGS, leadFrom, lead) &&
      isEqual(entry + SETTINGS + lead, tail, to - tail)
    ) {
      return entry;
    }
    slot = (slot + 1) & (metricSlots - 1);
    entry = <usize>load<u32>(metricTable + <usize>slot * 4);
  }
  return 0;
}

/** NumberDataPoint: attributes as columns of four words (key and value, each from and size), times and value. */
function readPoint(from: usize, to: usize): bool {
  let at = from;
  attributeCount = 0;
  nanos = 0;
  startNanos = 0;
  bits = 0;
  stale = false;
  while (at < to) {
    const tag = load<u8>(at++);
    if (tag == 0x3a) {
      if (attributeCount == ATTRIBUTES_MAX || !readSize(at, to)) return false;
      at = payloadTo;
      if (!readAttribute(payloadFrom, at)) return false;
      attributeCount++;
      continue;
    }
    if (tag == 0x40) {
      if (at >= to) return false;
      const flags = load<u8>(at++);
      if (flags >= 128) return false;
      stale = (flags & 1) != 0;
      continue;
    }
    if (to - at < 8) return false;
    const word = load<u64>(at);
    at += 8;
    if (tag == 0x19) nanos = word;
    else if (tag == 0x11) startNanos = word;
    else if (tag == 0x21) bits = word;
    else if (tag == 0x31) bits = reinterpret<u64>(<f64>(<i64>word));
    else return false;
  }
  return true;
}

/** A KeyValue: `0a key 12 value`, of a value that is a string, a whole number or a truth. */
function readAttribute(from: usize, to: usize): bool {
  if (to - from < 6 || load<u8>(from) != 0x0a) return false;
  const keySize = <usize>load<u8>(from + 1);
  const keyFrom = from + 2;
  if (keySize >= 128 || keySize + 4 > to - keyFrom) return false;
  let at = keyFrom + keySize;
  if (load<u8>(at) != 0x12 || !readSize(at + 1, to) || payloadTo != to) return false;
  at = payloadFrom;
  if (to - at < 2) return false;
  const place = attributes + <usize>attributeCount * 16;
  store<u32>(place, <u32>keyFrom);
  store<u32>(place + 4, <u32>keySize);
  const tag = load<u8>(at);
  if (tag == 0x0a) {
    if (!readSize(at + 1, to) || payloadTo != to || payloadFrom == to) return false;
    store<u32>(place + 8, <u32>payloadFrom);
    store<u32>(place + 12, <u32>(to - payloadFrom));
    return true;
  }
  const text = digits + <usize>attributeCount * DIGITS_MAX;
  if (tag == 0x18) return printNumber(place + 8, text, at + 1, to);
  if (tag != 0x10 || to - at != 2) return false;
  const truth = load<u8>(at + 1);
  if (truth > 1) return false;
  if (truth == 1) store<u32>(text, TRUE);
  else store<u64>(text, FALSE);
  store<u32>(place + 8, <u32>text);
  store<u32>(place + 12, truth == 1 ? 4 : 5);
  return true;
}

/** An int64 as decimal digits; where they lie goes to `place`. */
function printNumber(place: usize, text: usize, from: usize, to: usize): bool {
  let value: u64 = 0;
  let shift: u64 = 0;
  let at = from;
  let last: u8 = 0x80;
  while (last >= 128) {
    if (at >= to || shift > 63) return false;
    last = load<u8>(at++);
    value |= <u64>(last & 127) << shift;
    shift += 7;
  }
  if (at != to) return false;
  const negative = <i64>value < 0;
  let rest = negative ? 0 - value : value;
  let first = text + DIGITS_MAX;
  do {
    store<u8>(--first, <u8>(48 + rest % 10));
    rest /= 10;
  } while (rest > 0);
  if (negative) store<u8>(--first, 45);
  store<u32>(place, <u32>first);
  store<u32>(place + 4, <u32>(text + DIGITS_MAX - first));
  return true;
}

// Tried first, without and with `le`: points that stand together mostly look alike.
let lastPlan: usize = 0;
let lastBoundPlan: usize = 0;

/** The plan whose keys the point has, in their order; 0 where there is none. */
function planOfPoint(hasBound: bool): usize {
  const last = hasBound ? lastBoundPlan : lastPlan;
  const known = load<u32>(plans);
  for (let index: u32 = 0; index < known; index++) {
    const plan = <usize>load<u32>(plans + 4 + <usize>index * 4);
    if (plan == last && fits(plan, hasBound)) return plan;
  }
  for (let index: u32 = 0; index < known; index++) {
    const plan = <usize>load<u32>(plans + 4 + <usize>index * 4);
    if (plan == last || !fits(plan, hasBound)) continue;
    if (hasBound) lastBoundPlan = plan;
    else lastPlan = plan;
    return plan;
  }
  return 0;
}

function fits(plan: usize, hasBound: bool): bool {
  if (load<u32>(plan) != attributeCount || (load<u32>(plan + PLAN_LE) != 0) != hasBound) return false;
  for (let index: usize = 0; index < <usize>attributeCount; index++) {
    const key = plan + PLAN_HEAD + index * KEY_BYTES;
    const attribute = attributes + index * 16;
    const size = load<u32>(key + 4);
    if (size != load<u32>(attribute + 4)) return false;
    if (!isEqual(<usize>load<u32>(key), <usize>load<u32>(attribute), <usize>size)) return false;
  }
  return true;
}

function isEqual(a: usize, b: usize, size: usize): bool {
  let at: usize = 0;
  for (; at + 8 <= size; at += 8) {
    if (load<u64>(a + at) != load<u64>(b + at)) return false;
  }
  for (; at < size; at++) {
    if (load<u8>(a + at) != load<u8>(b + at)) return false;
  }
  return true;
}

// The `le` label of the series that is written, and where it was put.
let boundAt: usize = 0;
let boundSize: usize = 0;
let boundFrom: usize = 0;
let boundTo: usize = 0;

/** Returns the end, or 0 where a value is too long or there is no room. */
function writeLabels(plan: usize, start: usize, outEnd: usize): usize {
  const segments = load<u32>(plan + 4);
  let place = plan + PLAN_HEAD + <usize>load<u32>(plan) * KEY_BYTES;
  let op = start;
  for (let index: u32 = 0; index < segments; index++, place += SEGMENT_BYTES) {
    const source = load<u32>(place);
    if (source == METRIC) {
      if (op + metricSize + AROUND_MAX > outEnd) return 0;
      op = copy(op, metricAt, metricSize);
      continue;
    }
    if (source == BOUND) {
      boundFrom = op;
      boundTo = op = copy(op, boundAt, boundSize);
      continue;
    }
    const from = <usize>load<u32>(place + 4);
    const size = <usize>load<u32>(place + 8);
    if (source == CONSTANT) {
      const constant = constants + from * 8;
      const length = <usize>load<u32>(constant + 4);
      if (op + length + AROUND_MAX > outEnd) return 0;
      op = copy(op, <usize>load<u32>(constant), length);
      continue;
    }
    const attribute = attributes + <usize>source * 16;
    const valueSize = <usize>load<u32>(attribute + 12);
    if (valueSize > valueMax || valueSize >= TWO_BYTES - 256) return 0;
    if (op + size + valueSize + AROUND_MAX > outEnd) return 0;
    store<u8>(op, 0x0a);
    op = writeSize(op + 1, size + <usize>(valueSize < 128 ? 1 : 2) + valueSize);
    op = writeSize(copy(op, from, size), valueSize);
    op = copy(op, <usize>load<u32>(attribute + 8), valueSize);
  }
  return op;
}

function writeSample(at: usize, time: u64, since: u64): usize {
  let op = writeTime(at + 12, time);
  store<u8>(at, 0x12);
  store<u8>(at + 1, <u8>(op - at - 2));
  store<u8>(at + 2, 0x09);
  store<u64>(at + 3, stale ? STALE_BITS : bits);
  store<u8>(at + 11, 0x10);
  if (since == 0) return op;
  store<u8>(op, 0x30);
  return writeTime(op + 1, since);
}

function writeTime(at: usize, time: u64): usize {
  let op = at;
  let rest = time;
  while (rest >= 128) {
    store<u8>(op++, <u8>(rest & 127 | 128));
    rest >>= 7;
  }
  store<u8>(op++, <u8>rest);
  return op;
}
