// Writes Prometheus's histogram chunks (tsdb/docs/format/chunks.md), of integer and of float counts, one
// sample after the other. A chunk has one set of buckets: where a sample brings new ones, the chunk is
// written again with both; where it lacks some that were empty, they stay empty. What a writer keeps
// between samples is found again from the bytes alone, so what it answers never depends on whether it was
// resumed. How long chunks get is the caller's decision.
import { assert } from '@weir/errors';
import { type NativeHistogram, RESET_GAUGE, RESET_YES } from '@weir/model';
import { BitWriter } from './bits.ts';
import { CONTINUES, continuity, RESETS } from './histogram-continuity.ts';
import { checkCounts, hasHugeValues, isHugeSample } from './histogram-counts.ts';
import { HistogramDecoder } from './histogram-decode.ts';
import {
  bucketIndexes,
  EMPTY_LAYOUT,
  type HistogramLayout,
  sameNumbers,
  spansOf,
  uniteBuckets,
  writeLayout,
} from './histogram-layout.ts';
import { fill, putFirst, putSample } from './histogram-samples.ts';
import {
  HEADER_GAUGE,
  HEADER_NO_RESET,
  HEADER_RESET,
  HEADER_SIZE,
  HEADER_UNKNOWN,
  HistogramState,
} from './histogram-state.ts';

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
   * says whether the counter was reset in between, without it that this isn't known. Only `withStarts`
   * does the chunk keep start timestamps.
   */
  static start(isFloat: boolean, previous?: HistogramChunk, withStarts = false): HistogramChunk {
    const last = previous === undefined ? undefined : previous.#state;
    return new HistogramChunk(new HistogramState(isFloat, withStarts), startWriter(), last);
  }

  /** Goes on with a chunk from its bytes. Throws `corrupt` where they aren't one. */
  static resume(encoding: number, bytes: Uint8Array): HistogramChunk {
    const decoder = new HistogramDecoder(encoding, bytes);
    while (decoder.next());
    return new HistogramChunk(decoder.state, new BitWriter(bytes, decoder.position));
  }

  get encoding(): number {
    return this.#state.encoding;
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
    this.#state.writeHeader(bytes);
    return bytes;
  }

  /**
   * Appends a sample later than the last, with its start timestamp (ms; 0 where unknown); false means that
   * it needs a new chunk, and nothing has changed. A staleness marker follows anything of its kind, and
   * only others follow it. Throws `invalid` where buckets and spans disagree, or integer counts aren't
   * integers of at most 2^53.
   */
  tryAppend(t: number, h: NativeHistogram, st = 0): boolean {
    const state = this.#state;
    if (h.isFloat !== state.isFloat) return false;
    checkCounts(h);
    if (state.samples === 0) {
      this.#begin(t, h, st);
      return true;
    }
    assert(t > state.t, 'samples of a histogram chunk ascend');
    if (state.samples === state.samplesMax) return false;
    if (h.isStale) {
      putSample(this.#writer, state, t, st, true);
      return true;
    }
    if (continuity(state, h) !== CONTINUES) return false;
    if (!h.isFloat && (hasHugeValues(state.values) || isHugeSample(h))) return false;
    this.#widen(h);
    fill(this.#state.layout, h);
    putSample(this.#writer, this.#state, t, st, false);
    return true;
  }

  #begin(t: number, h: NativeHistogram, st: number): void {
    const state = this.#state;
    state.header = headerOf(h, this.#previous);
    this.#previous = undefined;
    state.setLayout(h.isStale ? EMPTY_LAYOUT : layoutOf(h));
    state.firstT = t;
    writeLayout(this.#writer, state.layout);
    if (!h.isStale) fill(state.layout, h);
    putFirst(this.#writer, state, t, st, h.isStale);
  }

  /** Makes room for the buckets of `h`: writes the chunk again where it has new ones. */
  #widen(h: NativeHistogram): void {
    const { layout } = this.#state;
    const positiveSpans = unitedSpans(layout.positiveSpans, h.positiveSpans);
    const negativeSpans = unitedSpans(layout.negativeSpans, h.negativeSpans);
    if (positiveSpans === layout.positiveSpans && negativeSpans === layout.negativeSpans) return;
    const decoder = new HistogramDecoder(this.encoding, this.bytes());
    const state = new HistogramState(this.#state.isFloat, this.#state.starts !== undefined);
    state.header = this.#state.header;
    state.setLayout({ ...layout, positiveSpans, negativeSpans });
    state.firstT = this.#state.firstT;
    const writer = startWriter();
    writeLayout(writer, state.layout);
    while (decoder.next()) {
      // Staleness markers can't be among them: nothing but others follows one.
      fill(state.layout, decoder.histogram());
      const { t, starts } = decoder.state;
      const st = starts === undefined ? 0 : starts.st;
      if (state.samples === 0) putFirst(writer, state, t, st, false);
      else putSample(writer, state, t, st, false);
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
