// Writes Prometheus's histogram chunks (tsdb/docs/format/chunks.md), of integer and of float counts, one
// sample after the other. A chunk has one set of buckets: where a sample brings new ones, the chunk is
// written again with both; where it lacks some that were empty, they stay empty. What a writer keeps
// between samples is found again from the bytes alone, so what it answers never depends on whether it was
// resumed. How long chunks get is the caller's decision.
import { assert } from '@weir/errors';
import { type NativeHistogram, RESET_GAUGE, RESET_YES } from '@weir/model';
import { BitWriter } from './bits.ts';
import { CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM } from './chunk.ts';
import { CONTINUES, continuity, RESETS } from './histogram-continuity.ts';
import { checkCounts, hasHugeValues, isHugeSample } from './histogram-counts.ts';
import { HistogramDecoder } from './histogram-decode.ts';
import {
  bucketCount,
  bucketIndexes,
  EMPTY_LAYOUT,
  type HistogramLayout,
  sameNumbers,
  spansOf,
  uniteBuckets,
  writeLayout,
} from './histogram-layout.ts';
import {
  BUCKETS,
  COUNT,
  HEADER_GAUGE,
  HEADER_NO_RESET,
  HEADER_RESET,
  HEADER_SIZE,
  HEADER_UNKNOWN,
  HistogramState,
  SAMPLES_MAX,
  SUM,
  setStaleSum,
  ZERO_COUNT,
} from './histogram-state.ts';
import { putVarbitInt, putVarbitUint, putXor } from './varbit.ts';

/** The sample being written, in the chunk's layout; module state, as writing is synchronous. */
let next = new Float64Array(64);
let nextBits = new Int32Array(next.buffer);

export class HistogramChunk {
  #state: HistogramState;
  #writer: BitWriter;
  /** Needed for the first sample's header only. */
  #previous: HistogramState | undefined;

  private constructor(state: HistogramState, writer: BitWriter, previous?: HistogramState) {
    this.#state = state;
    this.#writer = writer;
    this.#previous = previous;
  }

  /**
   * An empty chunk. `previous` is the series' chunk that this one follows directly: with it the chunk
   * says whether the counter was reset in between, without it that this isn't known.
   */
  static start(isFloat: boolean, previous?: HistogramChunk): HistogramChunk {
    const last = previous === undefined ? undefined : previous.#state;
    return new HistogramChunk(new HistogramState(isFloat), startWriter(), last);
  }

  /** Goes on with a chunk from its bytes. Throws `corrupt` where they aren't one. */
  static resume(encoding: number, bytes: Uint8Array): HistogramChunk {
    const decoder = new HistogramDecoder(encoding, bytes);
    while (decoder.next());
    return new HistogramChunk(decoder.state, new BitWriter(bytes, decoder.position));
  }

  get encoding(): number {
    return this.#state.isFloat ? CHUNK_FLOAT_HISTOGRAM : CHUNK_HISTOGRAM;
  }

  /** Samples. */
  get count(): number {
    return this.#state.samples;
  }

  /** ms; 0 while empty, as maxT. */
  get minT(): number {
    return this.#state.firstT;
  }

  get maxT(): number {
    return this.#state.t;
  }

  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  /** The chunk as stored: a copy. */
  bytes(): Uint8Array {
    const bytes = this.#writer.bytes();
    bytes[0] = this.#state.samples >>> 8;
    bytes[1] = this.#state.samples;
    bytes[2] = this.#state.header;
    return bytes;
  }

  /**
   * Appends a sample later than the last; false means that it needs a new chunk, and nothing has changed.
   * A staleness marker follows anything of its kind, and only others follow it. Throws `invalid` where
   * buckets and spans disagree, or integer counts aren't integers of at most 2^53.
   */
  tryAppend(t: number, h: NativeHistogram): boolean {
    const state = this.#state;
    if (h.isFloat !== state.isFloat) return false;
    checkCounts(h);
    if (state.samples === 0) {
      this.#begin(t, h);
      return true;
    }
    assert(t > state.t, 'samples of a histogram chunk ascend');
    if (state.samples === SAMPLES_MAX) return false;
    if (h.isStale) {
      putSample(this.#writer, state, t, true);
      return true;
    }
    if (continuity(state, h) !== CONTINUES) return false;
    if (!h.isFloat && (hasHugeValues(state.values) || isHugeSample(h))) return false;
    this.#widen(h);
    fill(this.#state.layout, h);
    putSample(this.#writer, this.#state, t, false);
    return true;
  }

  #begin(t: number, h: NativeHistogram): void {
    const state = this.#state;
    state.header = headerOf(h, this.#previous);
    this.#previous = undefined;
    state.setLayout(h.isStale ? EMPTY_LAYOUT : layoutOf(h));
    state.firstT = t;
    writeLayout(this.#writer, state.layout);
    if (!h.isStale) fill(state.layout, h);
    putFirst(this.#writer, state, t, h.isStale);
  }

  /** Makes room for the buckets of `h`: writes the chunk again where it has new ones. */
  #widen(h: NativeHistogram): void {
    const { layout } = this.#state;
    const positiveSpans = unitedSpans(layout.positiveSpans, h.positiveSpans);
    const negativeSpans = unitedSpans(layout.negativeSpans, h.negativeSpans);
    if (positiveSpans === layout.positiveSpans && negativeSpans === layout.negativeSpans) return;
    const decoder = new HistogramDecoder(this.encoding, this.bytes());
    const state = new HistogramState(this.#state.isFloat);
    state.header = this.#state.header;
    state.setLayout({ ...layout, positiveSpans, negativeSpans });
    state.firstT = this.#state.firstT;
    const writer = startWriter();
    writeLayout(writer, state.layout);
    while (decoder.next()) {
      // Staleness markers can't be among them: nothing but others follows one.
      fill(state.layout, decoder.histogram());
      if (state.samples === 0) putFirst(writer, state, decoder.state.t, false);
      else putSample(writer, state, decoder.state.t, false);
    }
    this.#state = state;
    this.#writer = writer;
  }
}

/** Count and flags are filled in by bytes(). */
function startWriter(): BitWriter {
  const writer = new BitWriter();
  writer.put(0, HEADER_SIZE * 8);
  return writer;
}

function headerOf(h: NativeHistogram, previous: HistogramState | undefined): number {
  if (h.resetHint === RESET_GAUGE) return HEADER_GAUGE;
  if (h.resetHint === RESET_YES) return HEADER_RESET;
  if (previous === undefined || previous.samples === 0 || h.isStale) return HEADER_UNKNOWN;
  const verdict = continuity(previous, h);
  if (verdict === CONTINUES) return HEADER_NO_RESET;
  return verdict === RESETS ? HEADER_RESET : HEADER_UNKNOWN;
}

function layoutOf(h: NativeHistogram): HistogramLayout {
  return {
    schema: h.schema,
    zeroThreshold: h.zeroThreshold,
    positiveSpans: h.positiveSpans.slice(),
    negativeSpans: h.negativeSpans.slice(),
    customValues: h.customValues.slice(),
  };
}

/** `spans` itself where `added` brings no bucket. */
function unitedSpans(spans: Int32Array, added: Int32Array): Int32Array {
  if (sameNumbers(spans, added)) return spans;
  const indexes = bucketIndexes(spans);
  const united = uniteBuckets(indexes, bucketIndexes(added));
  return united === indexes ? spans : spansOf(united);
}

function reserve(size: number): void {
  if (size <= next.length) return;
  next = new Float64Array(size * 2);
  nextBits = new Int32Array(next.buffer);
}

/** Puts a sample into `next`, in a layout that has all its buckets. */
function fill(layout: HistogramLayout, h: NativeHistogram): void {
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
function putFirst(writer: BitWriter, state: HistogramState, t: number, isStale: boolean): void {
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
  keep(state, t);
}

function putRaw(writer: BitWriter, place: number): void {
  writer.put(nextBits[2 * place + 1]!, 32);
  writer.put(nextBits[2 * place]!, 32);
}

/** Writes `next`, or a staleness marker, as a sample that isn't the chunk's first. */
function putSample(writer: BitWriter, state: HistogramState, t: number, isStale: boolean): void {
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
  keep(state, t);
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

/** `next` is now the chunk's last sample. */
function keep(state: HistogramState, t: number): void {
  state.bits.set(nextBits.subarray(0, state.bits.length));
  state.t = t;
  state.samples++;
}
