// The Histogram message (remote write 1.0 and 2.0, and log records) read into the model's form: deltas
// become absolute counts. Only the encoding is judged here; whether the histogram makes sense is
// histogramFault's to say. Memory grows with the message, never with a length that a span claims.
//
// Integers beyond 2^53 are rounded, as everywhere in Weir.
import { WeirError } from '@weir/errors';
import type { NativeHistogram } from '@weir/model';
import {
  FieldReader,
  int64At,
  WIRE_FIXED64,
  WIRE_LENGTH,
  WIRE_VARINT,
} from '../protobuf/field-reader.ts';

/** A histogram sample: times in ms; `startT` is 0 where the sender gave none. */
export interface HistogramSample {
  readonly t: number;
  readonly startT: number;
  readonly histogram: NativeHistogram;
}

const STALE_LOW = 2;
const STALE_HIGH = 0x7ff00000;
const NO_INTS = new Int32Array(0);
const NO_NUMBERS = new Float64Array(0);

const message = new FieldReader();
const span = new FieldReader();

/** Buckets of one side as they are told: counts of floats, or deltas of integers. */
class Side {
  spans: Int32Array = NO_INTS;
  spanCount = 0;
  deltas: Float64Array = NO_NUMBERS;
  counts: Float64Array = NO_NUMBERS;

  clear(): void {
    this.spanCount = 0;
    this.deltas = NO_NUMBERS;
    this.counts = NO_NUMBERS;
  }

  addSpan(bytes: Uint8Array, from: number, to: number): void {
    if (this.spanCount * 2 === this.spans.length) {
      const grown = new Int32Array(Math.max(8, this.spans.length * 2));
      grown.set(this.spans);
      this.spans = grown;
    }
    let offset = 0;
    let length = 0;
    span.reset(bytes, from, to);
    while (span.next()) {
      if (span.field !== 1 && span.field !== 2) continue;
      span.expect(WIRE_VARINT, 'BucketSpan');
      const value = span.uint32();
      if (span.field === 1) offset = (value >>> 1) ^ -(value & 1);
      else length = value;
    }
    // No message holds so many buckets; kept as a number that no count of buckets equals.
    this.spans[this.spanCount * 2] = offset;
    this.spans[this.spanCount * 2 + 1] = Math.min(length, 0x7fffffff);
    this.spanCount++;
  }

  /** The absolute counts. */
  buckets(isFloat: boolean): Float64Array {
    if (isFloat) return this.counts;
    const counts = this.deltas;
    for (let index = 1; index < counts.length; index++) counts[index]! += counts[index - 1]!;
    return counts;
  }
}

const positive = new Side();
const negative = new Side();

/** Reads the Histogram in bytes[from, to); malformed bytes are an `invalid` error. */
export function parseHistogram(bytes: Uint8Array, from: number, to: number): HistogramSample {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let isFloat = false;
  let count = 0;
  let sum = 0;
  let isStale = false;
  let schema = 0;
  let zeroThreshold = 0;
  let zeroCount = 0;
  let zeroIsFloat = false;
  let resetHint = 0;
  let t = 0;
  let startT = 0;
  let customValues: Float64Array = NO_NUMBERS;
  positive.clear();
  negative.clear();
  message.reset(bytes, from, to);
  while (message.next()) {
    switch (message.field) {
      case 1:
        message.expect(WIRE_VARINT, 'Histogram.count_int');
        count = uint64(message);
        isFloat = false;
        break;
      case 2:
        message.expect(WIRE_FIXED64, 'Histogram.count_float');
        count = view.getFloat64(message.from, true);
        isFloat = true;
        break;
      case 3:
        message.expect(WIRE_FIXED64, 'Histogram.sum');
        sum = view.getFloat64(message.from, true);
        isStale =
          view.getUint32(message.from, true) === STALE_LOW &&
          view.getUint32(message.from + 4, true) === STALE_HIGH;
        break;
      case 4:
        message.expect(WIRE_VARINT, 'Histogram.schema');
        schema = sint32(message);
        break;
      case 5:
        message.expect(WIRE_FIXED64, 'Histogram.zero_threshold');
        zeroThreshold = view.getFloat64(message.from, true);
        break;
      case 6:
        message.expect(WIRE_VARINT, 'Histogram.zero_count_int');
        zeroCount = uint64(message);
        zeroIsFloat = false;
        break;
      case 7:
        message.expect(WIRE_FIXED64, 'Histogram.zero_count_float');
        zeroCount = view.getFloat64(message.from, true);
        zeroIsFloat = true;
        break;
      case 8:
        message.expect(WIRE_LENGTH, 'Histogram.negative_spans');
        negative.addSpan(bytes, message.from, message.to);
        break;
      case 9:
        negative.deltas = readDeltas(bytes, message, negative.deltas);
        break;
      case 10:
        negative.counts = readDoubles(view, message, negative.counts, 'negative_counts');
        break;
      case 11:
        message.expect(WIRE_LENGTH, 'Histogram.positive_spans');
        positive.addSpan(bytes, message.from, message.to);
        break;
      case 12:
        positive.deltas = readDeltas(bytes, message, positive.deltas);
        break;
      case 13:
        positive.counts = readDoubles(view, message, positive.counts, 'positive_counts');
        break;
      case 14:
        message.expect(WIRE_VARINT, 'Histogram.reset_hint');
        resetHint = message.uint32();
        break;
      case 15:
        message.expect(WIRE_VARINT, 'Histogram.timestamp');
        t = message.int64();
        break;
      case 16:
        customValues = readDoubles(view, message, customValues, 'custom_values');
        break;
      case 17:
        message.expect(WIRE_VARINT, 'Histogram.start_timestamp');
        startT = message.int64();
        break;
    }
  }
  // The zero count of the other kind is not this histogram's.
  if (zeroIsFloat !== isFloat) zeroCount = 0;
  const histogram: NativeHistogram = {
    isFloat,
    resetHint: resetHint <= 3 ? resetHint : 0,
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum,
    isStale,
    positiveSpans: positive.spans.slice(0, positive.spanCount * 2),
    negativeSpans: negative.spans.slice(0, negative.spanCount * 2),
    positiveBuckets: positive.buckets(isFloat),
    negativeBuckets: negative.buckets(isFloat),
    customValues,
  };
  return { t, startT, histogram };
}

function uint64(field: FieldReader): number {
  const value = field.int64();
  return value >= 0 ? value : value + 2 ** 64;
}

function sint32(field: FieldReader): number {
  const value = field.uint32();
  return (value >>> 1) ^ -(value & 1);
}

/** Zigzag of 64 bits. */
function sint64At(bytes: Uint8Array, from: number, to: number): number {
  let value = int64At(bytes, from, to);
  if (value < 0) value += 2 ** 64;
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** A repeated sint64, packed or not, behind those that were read before. */
function readDeltas(bytes: Uint8Array, field: FieldReader, before: Float64Array): Float64Array {
  if (field.wireType !== WIRE_VARINT) field.expect(WIRE_LENGTH, 'Histogram deltas');
  let count = 0;
  for (let at = field.from; at < field.to; at++) if (bytes[at]! < 128) count++;
  const deltas = grown(before, count);
  let next = before.length;
  let from = field.from;
  for (let at = from; at < field.to; at++) {
    if (bytes[at]! >= 128) {
      if (at - from >= 9) throw new WeirError('invalid', 'varint is longer than ten bytes');
      continue;
    }
    deltas[next++] = sint64At(bytes, from, at + 1);
    from = at + 1;
  }
  if (from !== field.to) throw new WeirError('invalid', 'proto: deltas end within a varint');
  return deltas;
}

/** A repeated double, packed or not, behind those that were read before. */
function readDoubles(
  view: DataView,
  field: FieldReader,
  before: Float64Array,
  name: string,
): Float64Array {
  if (field.wireType !== WIRE_FIXED64) field.expect(WIRE_LENGTH, `Histogram.${name}`);
  const size = field.to - field.from;
  if (size % 8 !== 0) throw new WeirError('invalid', `proto: ${name} is no row of doubles`);
  const values = grown(before, size / 8);
  for (let at = field.from, index = before.length; at < field.to; at += 8, index++) {
    values[index] = view.getFloat64(at, true);
  }
  return values;
}

function grown(before: Float64Array, extra: number): Float64Array {
  const values = new Float64Array(before.length + extra);
  values.set(before);
  return values;
}
