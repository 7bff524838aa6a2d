// What the samples of a histogram chunk share: schema, zero threshold, which buckets there are, and the
// custom bounds; how a chunk writes it (tsdb/docs/format/chunks.md), and what two sets of buckets make
// together. A bucket set is spans, pairs of offset and length: an offset is the gap to the span before,
// the first one the index of its first bucket.
import { WeirError } from '@weir/errors';
import { SCHEMA_CUSTOM_BUCKETS } from '@weir/model';
import type { BitReader, BitWriter } from './bits.ts';
import { putVarbitInt, putVarbitUint, readVarbitInt, readVarbitUint } from './varbit.ts';

export interface HistogramLayout {
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly positiveSpans: Int32Array;
  readonly negativeSpans: Int32Array;
  readonly customValues: Float64Array;
}

export const EMPTY_LAYOUT: HistogramLayout = {
  schema: 0,
  zeroThreshold: 0,
  positiveSpans: new Int32Array(0),
  negativeSpans: new Int32Array(0),
  customValues: new Float64Array(0),
};

/** The byte that announces eight bytes of threshold. */
const THRESHOLD_RAW = 255;
/** A byte between stands for 2^(byte − this). */
const THRESHOLD_BIAS = 244;
/** Bounds of at most this many thousandths are written as such. */
const THOUSANDTHS_MAX = 33_554_430;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** Writes all 64 bits. */
export function putDouble(writer: BitWriter, value: number): void {
  double[0] = value;
  writer.put(words[1]!, 32);
  writer.put(words[0]!, 32);
}

function readDouble(reader: BitReader): number {
  words[1] = reader.read(32);
  words[0] = reader.read(32);
  return double[0]!;
}

export function bucketCount(spans: Int32Array): number {
  let count = 0;
  for (let at = 1; at < spans.length; at += 2) count += spans[at]!;
  return count;
}

export function writeLayout(writer: BitWriter, layout: HistogramLayout): void {
  putThreshold(writer, layout.zeroThreshold);
  putVarbitInt(writer, layout.schema);
  putSpans(writer, layout.positiveSpans);
  putSpans(writer, layout.negativeSpans);
  if (layout.schema !== SCHEMA_CUSTOM_BUCKETS) return;
  putVarbitUint(writer, layout.customValues.length);
  for (const bound of layout.customValues) putBound(writer, bound);
}

/** Throws `corrupt` also where the rest of the chunk is too short for buckets of `bucketBits` at least. */
export function readLayout(reader: BitReader, bucketBits: number): HistogramLayout {
  const zeroThreshold = readThreshold(reader);
  const schema = readVarbitInt(reader);
  const positiveSpans = readSpans(reader);
  const negativeSpans = readSpans(reader);
  const customValues = schema === SCHEMA_CUSTOM_BUCKETS ? readBounds(reader) : new Float64Array(0);
  const buckets = bucketCount(positiveSpans) + bucketCount(negativeSpans);
  // A lying span must not make us reserve memory.
  if (buckets * bucketBits > reader.remaining) {
    throw new WeirError('corrupt', 'histogram chunk: shorter than its buckets');
  }
  return { schema, zeroThreshold, positiveSpans, negativeSpans, customValues };
}

function putThreshold(writer: BitWriter, threshold: number): void {
  const exponent = Math.round(Math.log2(threshold));
  if (threshold === 0) writer.put(0, 8);
  else if (exponent >= -243 && exponent <= 10 && 2 ** exponent === threshold) {
    writer.put(exponent + THRESHOLD_BIAS, 8);
  } else {
    writer.put(THRESHOLD_RAW, 8);
    putDouble(writer, threshold);
  }
}

function readThreshold(reader: BitReader): number {
  const byte = reader.read(8);
  if (byte === 0) return 0;
  return byte === THRESHOLD_RAW ? readDouble(reader) : 2 ** (byte - THRESHOLD_BIAS);
}

function putSpans(writer: BitWriter, spans: Int32Array): void {
  putVarbitUint(writer, spans.length / 2);
  for (let at = 0; at < spans.length; at += 2) {
    putVarbitUint(writer, spans[at + 1]!);
    putVarbitInt(writer, spans[at]!);
  }
}

function readSpans(reader: BitReader): Int32Array {
  const count = readVarbitUint(reader);
  // A span takes at least two bits.
  if (count * 2 > reader.remaining) {
    throw new WeirError('corrupt', 'histogram chunk: shorter than its spans');
  }
  const spans = new Int32Array(count * 2);
  let end = 0;
  for (let at = 0; at < spans.length; at += 2) {
    const length = readVarbitUint(reader);
    const offset = readVarbitInt(reader);
    end += offset + length;
    if ((at > 0 && offset < 0) || Math.abs(end) > 0x7fffffff || Math.abs(offset) > 0x7fffffff) {
      throw new WeirError('corrupt', 'histogram chunk: a span outside of any range of buckets');
    }
    spans[at] = offset;
    spans[at + 1] = length;
  }
  return spans;
}

function putBound(writer: BitWriter, bound: number): void {
  const thousandths = Math.round(bound * 1000);
  if (bound * 1000 <= THOUSANDTHS_MAX && bound >= 0 && thousandths / 1000 === bound) {
    putVarbitUint(writer, thousandths + 1);
    return;
  }
  writer.put(0, 1);
  putDouble(writer, bound);
}

function readBounds(reader: BitReader): Float64Array {
  const count = readVarbitUint(reader);
  if (count * 5 > reader.remaining) {
    throw new WeirError('corrupt', 'histogram chunk: shorter than its bounds');
  }
  const bounds = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const thousandths = readVarbitUint(reader);
    bounds[at] = thousandths === 0 ? readDouble(reader) : (thousandths - 1) / 1000;
  }
  return bounds;
}

export function sameNumbers(a: Int32Array | Float64Array, b: Int32Array | Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** The index of every bucket, ascending. */
export function bucketIndexes(spans: Int32Array): Int32Array {
  const indexes = new Int32Array(bucketCount(spans));
  let next = 0;
  let written = 0;
  for (let at = 0; at < spans.length; at += 2) {
    next += spans[at]!;
    for (let n = spans[at + 1]!; n > 0; n--) indexes[written++] = next++;
  }
  return indexes;
}

/** All buckets of both, as indexes; `a` itself where `b` adds none. */
export function uniteBuckets(a: Int32Array, b: Int32Array): Int32Array {
  const all = new Int32Array(a.length + b.length);
  let count = 0;
  for (let left = 0, right = 0; left < a.length || right < b.length; count++) {
    const l = left < a.length ? a[left]! : Infinity;
    const r = right < b.length ? b[right]! : Infinity;
    all[count] = Math.min(l, r);
    if (l <= r) left++;
    if (r <= l) right++;
  }
  return count === a.length ? a : all.slice(0, count);
}

/** The shortest spans of ascending bucket indexes. */
export function spansOf(indexes: Int32Array): Int32Array {
  const spans: number[] = [];
  for (let at = 0; at < indexes.length; at++) {
    const gap = at === 0 ? indexes[0]! : indexes[at]! - indexes[at - 1]! - 1;
    if (at > 0 && gap === 0) spans[spans.length - 1]!++;
    else spans.push(gap, 1);
  }
  return Int32Array.from(spans);
}
