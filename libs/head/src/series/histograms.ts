// Native histograms of series, beside their floats: the open chunk of a series and what its last sample
// was, and late samples that wait to become out-of-order chunks. A rarer path than floats, so a series
// with histograms has objects here; a sample has none but while it waits late, as its bytes of the log.
// What goes where is decided in series/append.ts.
import type { NativeHistogram } from '@weir/model';
import { HistogramChunk, hasStarts, readHistogramChunk } from '@weir/tsdb/chunk';
import { decodeHistogram, encodeHistogram } from '@weir/wire/log-record';
import { WINDOW_MS } from '../windows.ts';
import { type HistogramHash, hashHistogram } from './histogram-hash.ts';
import type { StartTimes } from './start-times.ts';

const CHUNK_SAMPLES_MAX = 120;
/** A chunk ends at this size where it has CHUNK_SAMPLES_MIN samples, and at SIZE_MAX anyway. */
const CHUNK_SIZE = 2048;
const CHUNK_SAMPLES_MIN = 10;
const CHUNK_SIZE_MAX = 48 * 1024;

const NO_SPANS = new Int32Array(0);
const NO_BUCKETS = new Float64Array(0);

/** A histogram as it is applied. */
export interface HistogramSample {
  readonly histogram: NativeHistogram;
  readonly hash: HistogramHash;
  /** The Histogram message it came as; may view a buffer that is used again. */
  readonly bytes: Uint8Array;
}

export interface LastHistogram {
  /** Undefined while the series has no open chunk. */
  chunk: HistogramChunk | undefined;
  isFloat: boolean;
  hash: HistogramHash;
}

export interface LateHistogram {
  readonly t: number;
  readonly hash: HistogramHash;
  readonly bytes: Uint8Array;
}

export function sampleOf(histogram: NativeHistogram, bytes: Uint8Array): HistogramSample {
  return { histogram, hash: hashHistogram(histogram), bytes };
}

/** A histogram without content: a staleness marker, or a zero at the time a counter was created. */
export function emptyHistogram(isFloat: boolean, isStale: boolean): NativeHistogram {
  return {
    ...{ isFloat, isStale, resetHint: 0, schema: 0, zeroThreshold: 0, zeroCount: 0 },
    ...{ count: 0, sum: 0, positiveSpans: NO_SPANS, negativeSpans: NO_SPANS },
    ...{ positiveBuckets: NO_BUCKETS, negativeBuckets: NO_BUCKETS, customValues: NO_BUCKETS },
  };
}

export function sameHash(left: HistogramHash, right: HistogramHash): boolean {
  return left.a === right.a && left.b === right.b;
}

/** Whether a sample with such a start timestamp begins a new chunk: also where this one could not keep it. */
export function isFull({ count, sizeBytes, encoding }: HistogramChunk, startT: number): boolean {
  if (startT !== 0 && !hasStarts(encoding)) return true;
  if (count >= CHUNK_SAMPLES_MAX || sizeBytes >= CHUNK_SIZE_MAX) return true;
  return sizeBytes >= CHUNK_SIZE && count >= CHUNK_SAMPLES_MIN;
}

/** What a chunk has at a time; undefined when nothing. */
export function hashAt(chunk: HistogramChunk, t: number): HistogramHash | undefined {
  if (t < chunk.minT || t > chunk.maxT) return undefined;
  let found: HistogramHash | undefined;
  readHistogramChunk(chunk.encoding, chunk.bytes(), t, t, (_, histogram) => {
    found = hashHistogram(histogram);
  });
  return found;
}

export class Histograms {
  /** By ref: series whose last sample is a histogram. */
  readonly last = new Map<number, LastHistogram>();
  /** By ref, ascending by time. */
  readonly late = new Map<number, LateHistogram[]>();
  readonly #starts: StartTimes;

  constructor(starts: StartTimes) {
    this.#starts = starts;
  }

  openChunk(ref: number): HistogramChunk | undefined {
    return this.last.get(ref)?.chunk;
  }

  setLast(
    ref: number,
    chunk: HistogramChunk | undefined,
    isFloat: boolean,
    hash: HistogramHash,
  ): void {
    const last = this.last.get(ref);
    if (last === undefined) {
      this.last.set(ref, { chunk, isFloat, hash });
      return;
    }
    last.chunk = chunk;
    last.isFloat = isFloat;
    last.hash = hash;
  }

  /** The marker that a stale float means for a series of histograms. */
  staleSample(ref: number): HistogramSample {
    const histogram = emptyHistogram(this.last.get(ref)?.isFloat ?? false, true);
    return sampleOf(histogram, encodeHistogram({ t: 0, startT: 0, histogram }));
  }

  addLate(ref: number, t: number, { hash, bytes }: HistogramSample) {
    const waiting = this.late.get(ref);
    if (waiting === undefined) {
      this.late.set(ref, [{ t, hash, bytes: bytes.slice() }]);
      return 'accepted';
    }
    let at = waiting.length;
    while (at > 0 && waiting[at - 1].t >= t) at--;
    if (waiting[at]?.t === t) return sameHash(waiting[at].hash, hash) ? 'same' : 'duplicate';
    waiting.splice(at, 0, { t, hash, bytes: bytes.slice() });
    return 'accepted';
  }

  hasLateAt(ref: number, t: number): boolean {
    return this.late.get(ref)?.some((waiting) => waiting.t === t) ?? false;
  }

  lateCount(ref: number): number {
    return this.late.get(ref)?.length ?? 0;
  }

  /** The late samples as chunks, none across a window. */
  lateChunks(ref: number): HistogramChunk[] {
    const chunks: HistogramChunk[] = [];
    let chunk: HistogramChunk | undefined;
    for (const { t, bytes } of this.late.get(ref) ?? []) {
      const { histogram } = decodeHistogram(bytes, 0, bytes.length);
      const isSameWindow =
        chunk !== undefined && Math.floor(chunk.maxT / WINDOW_MS) === Math.floor(t / WINDOW_MS);
      const startT = this.#starts.ofLate(ref, t);
      const isOpen = chunk && isSameWindow && !isFull(chunk, startT);
      if (isOpen && chunk?.tryAppend(t, histogram, startT)) continue;
      chunk = HistogramChunk.start(histogram.isFloat, undefined, startT !== 0);
      chunk.tryAppend(t, histogram, startT);
      chunks.push(chunk);
    }
    return chunks;
  }

  forget(ref: number): void {
    this.last.delete(ref);
    this.late.delete(ref);
  }
}
