// The last sample of a histogram chunk as its codec needs it: absolute counts in the chunk's layout, and
// what the next sample is written against. Writer and reader keep the same state, so a chunk can be
// continued from its bytes and nothing else. Numbers in one array: count, zero count, sum, buckets.

import { histogramEncoding } from './chunk.ts';
import { bucketCount, EMPTY_LAYOUT, type HistogramLayout } from './histogram-layout.ts';
import { StartState } from './start-timestamps.ts';
import { NO_WINDOW } from './varbit.ts';

/** Places in the arrays of values and deltas. */
export const COUNT = 0;
export const ZERO_COUNT = 1;
export const SUM = 2;
export const BUCKETS = 3;

/**
 * Two bits of a chunk's header: counter resets between the chunk before and this one. They are the first of
 * the flags; in chunks with start timestamps, whose third byte is of these, the first of the count.
 */
export const HEADER_UNKNOWN = 0x00;
export const HEADER_NO_RESET = 0x40;
export const HEADER_RESET = 0x80;
export const HEADER_GAUGE = 0xc0;
export const HEADER_MASK = 0xc0;

/** Two bytes of sample count, one of flags or of start timestamps. */
export const HEADER_SIZE = 3;
const SAMPLES_MAX = 0xffff;
const SAMPLES_MAX_ST = 0x3fff;

const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 2;

export class HistogramState {
  readonly isFloat: boolean;
  header = HEADER_UNKNOWN;
  layout: HistogramLayout = EMPTY_LAYOUT;
  samples = 0;
  firstT = 0;
  t = 0;
  deltaT = 0;
  positiveCount = 0;
  values = new Float64Array(BUCKETS);
  /** The values' bits, low word first. */
  bits = new Int32Array(this.values.buffer);
  /** Integer counts: the last change of count and zero count, and of each bucket's step from the one before. */
  deltas = new Float64Array(0);
  /** The XOR windows: of every value where counts are floats, else of the sum alone. */
  windows = new Uint8Array(0);
  /** Where the encoding has start timestamps. */
  readonly starts: StartState | undefined;

  constructor(isFloat: boolean, withStarts: boolean) {
    this.isFloat = isFloat;
    this.starts = withStarts ? new StartState() : undefined;
  }

  setLayout(layout: HistogramLayout): void {
    this.layout = layout;
    this.positiveCount = bucketCount(layout.positiveSpans);
    const size = BUCKETS + this.positiveCount + bucketCount(layout.negativeSpans);
    this.values = new Float64Array(size);
    this.bits = new Int32Array(this.values.buffer);
    this.deltas = new Float64Array(this.isFloat ? 0 : size);
    this.windows = new Uint8Array(this.isFloat ? 2 * size : 2).fill(NO_WINDOW);
  }

  /** Where the window of a value is. */
  windowAt(place: number): number {
    return this.isFloat ? 2 * place : 0;
  }

  get encoding(): number {
    return histogramEncoding(this.isFloat, this.starts !== undefined);
  }

  get samplesMax(): number {
    return this.starts === undefined ? SAMPLES_MAX : SAMPLES_MAX_ST;
  }

  /** Puts the header into the first bytes of a chunk. */
  writeHeader(bytes: Uint8Array): void {
    bytes[0] = this.samples >>> 8;
    bytes[1] = this.samples;
    if (this.starts === undefined) bytes[2] = this.header;
    else {
      bytes[0] |= this.header;
      bytes[2] = this.starts.header;
    }
  }

  get isStale(): boolean {
    return this.bits[2 * SUM] === STALE_LOW && this.bits[2 * SUM + 1] === STALE_HIGH;
  }

  get isGauge(): boolean {
    return this.header === HEADER_GAUGE;
  }
}

/** Writes the staleness marker's bits, which a JavaScript number may not keep, as the sum. */
export function setStaleSum(bits: Int32Array): void {
  bits[2 * SUM] = STALE_LOW;
  bits[2 * SUM + 1] = STALE_HIGH;
}
