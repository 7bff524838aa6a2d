// How a histogram chunk's samples are written (tsdb/docs/format/chunks.md, "Samples data"): each against the
// one before, in the chunk's layout, with its start timestamp behind it where the encoding has those.
import type { NativeHistogram } from '@weir/model';
import type { BitWriter } from './bits.ts';
import {
  bucketCount,
  bucketIndexes,
  type HistogramLayout,
  sameNumbers,
} from './histogram-layout.ts';
import {
  BUCKETS,
  COUNT,
  type HistogramState,
  SUM,
  setStaleSum,
  ZERO_COUNT,
} from './histogram-state.ts';
import { putVarbitInt, putVarbitUint, putXor } from './varbit.ts';

/** The sample being written, in the chunk's layout; module state, as writing is synchronous. */
let next = new Float64Array(64);
let nextBits = new Int32Array(next.buffer);

function reserve(size: number): void {
  if (size <= next.length) return;
  next = new Float64Array(size * 2);
  nextBits = new Int32Array(next.buffer);
}

/** Puts a sample into `next`, in a layout that has all its buckets. */
export function fill(layout: HistogramLayout, h: NativeHistogram): void {
  const positiveCount = bucketCount(layout.positiveSpans);
  const size = BUCKETS + positiveCount + bucketCount(layout.negativeSpans);
  reserve(size);
  next[COUNT] = h.count;
  next[ZERO_COUNT] = h.zeroCount;
  next[SUM] = h.sum;
  spread(layout.positiveSpans, h.positiveSpans, h.positiveBuckets, BUCKETS);
  spread(layout.negativeSpans, h.negativeSpans, h.negativeBuckets, BUCKETS + positiveCount);
}

function spread(to: Int32Array, from: Int32Array, counts: Float64Array, at: number): void {
  if (sameNumbers(to, from)) {
    next.set(counts, at);
    return;
  }
  const places = bucketIndexes(to);
  const indexes = bucketIndexes(from);
  next.fill(0, at, at + places.length);
  for (let n = 0, place = 0; n < counts.length; n++) {
    while (places[place]! < indexes[n]!) place++;
    next[at + place] = counts[n]!;
  }
}

/** Writes `next` as the first sample of an empty chunk whose layout is already written. */
export function putFirst(
  writer: BitWriter,
  state: HistogramState,
  t: number,
  st: number,
  isStale: boolean,
): void {
  const { values } = state;
  if (isStale) {
    next.fill(0, 0, values.length);
    setStaleSum(nextBits);
  }
  putVarbitInt(writer, t);
  if (state.isFloat) {
    for (let place = 0; place < values.length; place++) putRaw(writer, place);
  } else {
    putVarbitUint(writer, next[COUNT]!);
    putVarbitUint(writer, next[ZERO_COUNT]!);
    putRaw(writer, SUM);
    const negativeFrom = BUCKETS + state.positiveCount;
    for (let place = BUCKETS; place < values.length; place++) {
      const isFirst = place === BUCKETS || place === negativeFrom;
      putVarbitInt(writer, next[place]! - (isFirst ? 0 : next[place - 1]!));
    }
  }
  keep(writer, state, t, st);
}

function putRaw(writer: BitWriter, place: number): void {
  writer.put(nextBits[2 * place + 1]!, 32);
  writer.put(nextBits[2 * place]!, 32);
}

/** Writes `next`, or a staleness marker, as a sample that isn't the chunk's first. */
export function putSample(
  writer: BitWriter,
  state: HistogramState,
  t: number,
  st: number,
  isStale: boolean,
): void {
  const { values } = state;
  if (isStale) {
    reserve(values.length);
    next.set(values);
    if (state.isFloat) next.fill(0, COUNT, SUM);
    setStaleSum(nextBits);
  }
  const deltaT = t - state.t;
  putVarbitInt(writer, deltaT - state.deltaT);
  state.deltaT = deltaT;
  if (state.isFloat) {
    const size = isStale ? BUCKETS : values.length;
    for (let place = 0; place < size; place++) putChange(writer, state, place);
  } else putIntegers(writer, state, isStale);
  keep(writer, state, t, st);
}

function putIntegers(writer: BitWriter, state: HistogramState, isStale: boolean): void {
  const { values, deltas } = state;
  for (const place of [COUNT, ZERO_COUNT]) {
    // A marker repeats the last change, and its counts mean nothing.
    const delta = isStale ? deltas[place]! : next[place]! - values[place]!;
    putVarbitInt(writer, delta - deltas[place]!);
    deltas[place] = delta;
  }
  putChange(writer, state, SUM);
  if (isStale) return;
  const negativeFrom = BUCKETS + state.positiveCount;
  for (let place = BUCKETS; place < values.length; place++) {
    const isFirst = place === BUCKETS || place === negativeFrom;
    const step = values[place]! - (isFirst ? 0 : values[place - 1]!);
    const delta = next[place]! - (isFirst ? 0 : next[place - 1]!) - step;
    putVarbitInt(writer, delta - deltas[place]!);
    deltas[place] = delta;
  }
}

function putChange(writer: BitWriter, state: HistogramState, place: number): void {
  const low = nextBits[2 * place]! ^ state.bits[2 * place]!;
  const high = nextBits[2 * place + 1]! ^ state.bits[2 * place + 1]!;
  putXor(writer, high, low, state.windows, state.windowAt(place));
}

/** Behind the sample comes its start; `next` is now the chunk's last sample. */
function keep(writer: BitWriter, state: HistogramState, t: number, st: number): void {
  state.starts?.put(writer, state.samples, t, state.t, st);
  state.bits.set(nextBits.subarray(0, state.bits.length));
  state.t = t;
  state.samples++;
}
