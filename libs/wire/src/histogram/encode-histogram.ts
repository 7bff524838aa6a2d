// The model's histogram written as the Histogram message of remote write and log records, fields in the
// order of their numbers. Absolute counts become deltas; what is 0 or empty is left out, but for the
// count, whose field tells integers from floats.

import { ByteSink } from '../protobuf/byte-sink.ts';
import type { HistogramSample } from './decode-histogram.ts';

const scratch = new DataView(new ArrayBuffer(8));
const STALE_BITS = 0x7ff0000000000002n;

/** Encodes the message without tag and length; a stale marker keeps its time and kind only. */
export function encodeHistogram({ t, startT, histogram: h }: HistogramSample): Uint8Array {
  const out = new ByteSink(256);
  if (h.isFloat) double(out, 2, h.count);
  else varint(out, 1, h.count);
  if (h.isStale) {
    scratch.setBigUint64(0, STALE_BITS, true);
    fixed(out, 3);
  } else double(out, 3, h.sum);
  if (h.schema !== 0) varint(out, 4, zigzag(h.schema));
  if (h.zeroThreshold !== 0) double(out, 5, h.zeroThreshold);
  if (h.isFloat) double(out, 7, h.zeroCount);
  else varint(out, 6, h.zeroCount);
  side(out, 8, h.negativeSpans, h.negativeBuckets, h.isFloat);
  side(out, 11, h.positiveSpans, h.positiveBuckets, h.isFloat);
  if (h.resetHint !== 0) varint(out, 14, h.resetHint);
  if (t !== 0) int64(out, 15, t);
  if (h.customValues.length > 0) doubles(out, 16, h.customValues);
  if (startT !== 0) int64(out, 17, startT);
  return out.copy();
}

function side(
  out: ByteSink,
  field: number,
  spans: Int32Array,
  buckets: Float64Array,
  isFloat: boolean,
): void {
  const span = new ByteSink(16);
  for (let index = 0; index < spans.length; index += 2) {
    span.clear();
    if (spans[index] !== 0) varint(span, 1, zigzag(spans[index]!));
    if (spans[index + 1] !== 0) varint(span, 2, spans[index + 1]!);
    out.field(field * 8 + 2, span.copy());
  }
  if (buckets.length === 0) return;
  if (isFloat) {
    doubles(out, field + 2, buckets);
    return;
  }
  const deltas = new ByteSink(buckets.length * 2);
  let previous = 0;
  for (const count of buckets) {
    deltas.uvarint(zigzag(count - previous));
    previous = count;
  }
  out.field((field + 1) * 8 + 2, deltas.copy());
}

function doubles(out: ByteSink, field: number, values: Float64Array): void {
  out.uvarint(field * 8 + 2);
  out.uvarint(values.length * 8);
  for (const value of values) {
    scratch.setFloat64(0, value, true);
    out.fixed64(scratch.getUint32(0, true), scratch.getUint32(4, true));
  }
}

function double(out: ByteSink, field: number, value: number): void {
  scratch.setFloat64(0, value, true);
  fixed(out, field);
}

function fixed(out: ByteSink, field: number): void {
  out.uvarint(field * 8 + 1);
  out.fixed64(scratch.getUint32(0, true), scratch.getUint32(4, true));
}

function varint(out: ByteSink, field: number, value: number): void {
  out.uvarint(field * 8);
  out.uvarint(value);
}

function int64(out: ByteSink, field: number, value: number): void {
  out.uvarint(field * 8);
  out.int64(value);
}

/** Exact within ±2^52. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : value * -2 - 1;
}
