// One data point of any kind, read into one reused object: all kinds have times, flags, attributes and
// exemplars, under numbers of their own.
import { WeirError } from '@weir/errors';
import {
  FieldReader,
  int32At,
  WIRE_FIXED64,
  WIRE_LENGTH,
  WIRE_VARINT,
} from '../protobuf/field-reader.ts';
import { doubleAt, fixed64At, highOfLast, lowOf, nanosToMs, sfixed64At } from './number-bits.ts';
import type { PointAttributes } from './point-attributes.ts';

const NO_RECORDED_VALUE = 1;
const NO_COUNTS = new Float64Array(0);

/** One side of an exponential histogram. */
export interface SentBuckets {
  offset: number;
  counts: Float64Array;
}

export class DataPoint {
  timeMs = 0;
  startMs = 0;
  isStale = false;
  /** Exemplar messages: from and to, in turn. */
  readonly exemplars: number[] = [];
  /** Of numbers: the value. */
  low = 0;
  high = 0;
  /** Of histograms and summaries. */
  count = 0;
  hasSum = false;
  sum = 0;
  zeroCount = 0;
  scale = 0;
  bounds: Float64Array = NO_COUNTS;
  bucketCounts: Float64Array = NO_COUNTS;
  readonly positive: SentBuckets = { offset: 0, counts: NO_COUNTS };
  readonly negative: SentBuckets = { offset: 0, counts: NO_COUNTS };
  /** Of summaries: quantile and value, in turn. */
  readonly quantiles: number[] = [];
  readonly #field = new FieldReader();
  readonly #inner = new FieldReader();

  readNumber(bytes: Uint8Array, from: number, to: number, attributes: PointAttributes): void {
    this.#clear(attributes);
    this.low = 0;
    this.high = 0;
    const field = this.#field.reset(bytes, from, to);
    while (field.at < to) {
      // Nearly all fields: an attribute, a time or the value, told by one byte.
      const { at } = field;
      const tag = bytes[at]!;
      const size = at + 1 < to ? bytes[at + 1]! : 128;
      if (tag === 0x3a && size < 128 && at + 2 + size <= to) {
        attributes.add(bytes, at + 2, at + 2 + size);
        field.at = at + 2 + size;
        continue;
      }
      field.next();
      switch (field.field) {
        case 4:
          field.expect(WIRE_FIXED64, 'NumberDataPoint.as_double');
          this.low = int32At(bytes, field.from);
          this.high = int32At(bytes, field.from + 4);
          break;
        case 5:
          this.#addExemplar(field);
          break;
        case 6:
          field.expect(WIRE_FIXED64, 'NumberDataPoint.as_int');
          this.low = lowOf(sfixed64At(bytes, field.from));
          this.high = highOfLast();
          break;
        case 7:
          this.#addAttribute(bytes, field, attributes);
          break;
        case 8:
          this.#readFlags(field);
          break;
        default:
          this.#readTimes(bytes, field);
      }
    }
  }

  readHistogram(bytes: Uint8Array, from: number, to: number, attributes: PointAttributes): void {
    this.#clear(attributes);
    this.bounds = NO_COUNTS;
    this.bucketCounts = NO_COUNTS;
    const field = this.#field.reset(bytes, from, to);
    while (field.next()) {
      switch (field.field) {
        case 4:
          this.#readCount(bytes, field);
          break;
        case 5:
          this.#readSum(bytes, field);
          break;
        case 6:
          this.bucketCounts = fixedRow(bytes, field, this.bucketCounts, fixed64At);
          break;
        case 7:
          this.bounds = fixedRow(bytes, field, this.bounds, doubleAt);
          break;
        case 8:
          this.#addExemplar(field);
          break;
        case 9:
          this.#addAttribute(bytes, field, attributes);
          break;
        case 10:
          this.#readFlags(field);
          break;
        default:
          this.#readTimes(bytes, field);
      }
    }
  }

  readExponential(bytes: Uint8Array, from: number, to: number, attributes: PointAttributes): void {
    this.#clear(attributes);
    this.zeroCount = 0;
    this.scale = 0;
    this.positive.offset = this.negative.offset = 0;
    this.positive.counts = this.negative.counts = NO_COUNTS;
    const field = this.#field.reset(bytes, from, to);
    while (field.next()) {
      switch (field.field) {
        case 1:
          this.#addAttribute(bytes, field, attributes);
          break;
        case 4:
          this.#readCount(bytes, field);
          break;
        case 5:
          this.#readSum(bytes, field);
          break;
        case 6:
          field.expect(WIRE_VARINT, 'ExponentialHistogramDataPoint.scale');
          this.scale = zigzagOf(field);
          break;
        case 7:
          field.expect(WIRE_FIXED64, 'ExponentialHistogramDataPoint.zero_count');
          this.zeroCount = fixed64At(bytes, field.from);
          break;
        case 8:
          this.#readBuckets(bytes, field, this.positive);
          break;
        case 9:
          this.#readBuckets(bytes, field, this.negative);
          break;
        case 10:
          this.#readFlags(field);
          break;
        case 11:
          this.#addExemplar(field);
          break;
        default:
          this.#readTimes(bytes, field);
      }
    }
  }

  readSummary(bytes: Uint8Array, from: number, to: number, attributes: PointAttributes): void {
    this.#clear(attributes);
    this.quantiles.length = 0;
    const field = this.#field.reset(bytes, from, to);
    while (field.next()) {
      switch (field.field) {
        case 4:
          this.#readCount(bytes, field);
          break;
        case 5:
          this.#readSum(bytes, field);
          break;
        case 6:
          field.expect(WIRE_LENGTH, 'SummaryDataPoint.quantile_values');
          this.#readQuantile(bytes, field.from, field.to);
          break;
        case 7:
          this.#addAttribute(bytes, field, attributes);
          break;
        case 8:
          this.#readFlags(field);
          break;
        default:
          this.#readTimes(bytes, field);
      }
    }
  }

  #clear(attributes: PointAttributes): void {
    attributes.clear();
    this.timeMs = 0;
    this.startMs = 0;
    this.isStale = false;
    this.exemplars.length = 0;
    this.count = 0;
    this.hasSum = false;
    this.sum = 0;
  }

  /** Start and time have the same numbers in all kinds. */
  #readTimes(bytes: Uint8Array, field: FieldReader): void {
    if (field.field !== 2 && field.field !== 3) return;
    field.expect(WIRE_FIXED64, 'data point time');
    if (field.field === 2) this.startMs = nanosToMs(bytes, field.from);
    else this.timeMs = nanosToMs(bytes, field.from);
  }

  #readFlags(field: FieldReader): void {
    field.expect(WIRE_VARINT, 'data point flags');
    this.isStale = (field.uint32() & NO_RECORDED_VALUE) !== 0;
  }

  #addExemplar(field: FieldReader): void {
    field.expect(WIRE_LENGTH, 'data point exemplars');
    this.exemplars.push(field.from, field.to);
  }

  #addAttribute(bytes: Uint8Array, field: FieldReader, attributes: PointAttributes): void {
    field.expect(WIRE_LENGTH, 'data point attributes');
    attributes.add(bytes, field.from, field.to);
  }

  #readCount(bytes: Uint8Array, field: FieldReader): void {
    field.expect(WIRE_FIXED64, 'data point count');
    this.count = fixed64At(bytes, field.from);
  }

  #readSum(bytes: Uint8Array, field: FieldReader): void {
    field.expect(WIRE_FIXED64, 'data point sum');
    this.sum = doubleAt(bytes, field.from);
    this.hasSum = true;
  }

  #readBuckets(bytes: Uint8Array, field: FieldReader, side: SentBuckets): void {
    field.expect(WIRE_LENGTH, 'ExponentialHistogramDataPoint buckets');
    const inner = this.#inner.reset(bytes, field.from, field.to);
    while (inner.next()) {
      if (inner.field === 1) {
        inner.expect(WIRE_VARINT, 'Buckets.offset');
        side.offset = zigzagOf(inner);
      } else if (inner.field === 2) side.counts = varintRow(bytes, inner, side.counts);
    }
  }

  #readQuantile(bytes: Uint8Array, from: number, to: number): void {
    let quantile = 0;
    let value = 0;
    const inner = this.#inner.reset(bytes, from, to);
    while (inner.next()) {
      if (inner.field > 2) continue;
      inner.expect(WIRE_FIXED64, 'ValueAtQuantile');
      if (inner.field === 1) quantile = doubleAt(bytes, inner.from);
      else value = doubleAt(bytes, inner.from);
    }
    this.quantiles.push(quantile, value);
  }
}

function zigzagOf(field: FieldReader): number {
  const value = field.uint32();
  return (value >>> 1) ^ -(value & 1);
}

/** A repeated 64-bit field, packed or not, behind those read before. */
function fixedRow(
  bytes: Uint8Array,
  field: FieldReader,
  before: Float64Array,
  read: (bytes: Uint8Array, at: number) => number,
): Float64Array {
  if (field.wireType !== WIRE_FIXED64) field.expect(WIRE_LENGTH, 'repeated 64-bit field');
  const size = field.to - field.from;
  if (size % 8 !== 0) throw new WeirError('invalid', 'proto: a row of 64-bit numbers ends early');
  const row = new Float64Array(before.length + size / 8);
  row.set(before);
  let at = field.from;
  for (let index = before.length; at < field.to; at += 8) row[index++] = read(bytes, at);
  return row;
}

/** A repeated uint64, packed or not, behind those read before. */
function varintRow(bytes: Uint8Array, field: FieldReader, before: Float64Array): Float64Array {
  if (field.wireType !== WIRE_VARINT) field.expect(WIRE_LENGTH, 'Buckets.bucket_counts');
  let count = 0;
  for (let at = field.from; at < field.to; at++) if (bytes[at]! < 128) count++;
  const row = new Float64Array(before.length + count);
  row.set(before);
  let index = before.length;
  let value = 0;
  let scale = 1;
  for (let at = field.from; at < field.to; at++) {
    value += (bytes[at]! & 127) * scale;
    scale *= 128;
    if (bytes[at]! < 128) {
      row[index++] = value;
      value = 0;
      scale = 1;
    } else if (scale > 2 ** 63) throw new WeirError('invalid', 'varint is longer than ten bytes');
  }
  if (scale !== 1) throw new WeirError('invalid', 'proto: bucket_counts end within a varint');
  return row;
}
