// Reads Prometheus's histogram chunks (tsdb/docs/format/chunks.md, "Histogram chunk data"), of integer
// and of float counts. The bytes come from outside: anything but a whole, sensible chunk is `corrupt`.
// Counts beyond 2^53 can't be told exactly and count as damage too; no writer of sense makes them.
import { WeirError } from '@weir/errors';
import { type NativeHistogram, RESET_GAUGE, RESET_NO, RESET_UNKNOWN, RESET_YES } from '@weir/model';
import { BitReader } from './bits.ts';
import {
  CHUNK_FLOAT_HISTOGRAM,
  CHUNK_FLOAT_HISTOGRAM_ST,
  type Chunk,
  chunkSampleCount,
  hasStarts,
  isHistogramChunk,
} from './chunk.ts';
import { EMPTY_LAYOUT, readLayout } from './histogram-layout.ts';
import {
  BUCKETS,
  COUNT,
  HEADER_MASK,
  HEADER_NO_RESET,
  HEADER_RESET,
  HEADER_SIZE,
  HistogramState,
  SUM,
  ZERO_COUNT,
} from './histogram-state.ts';
import { exact, readVarbitInt, readVarbitUint, readXor } from './varbit.ts';

const NO_COUNTS = new Float64Array(0);

/** Steps through a chunk, a sample at a time, in a state that is also where a writer goes on. */
export class HistogramDecoder {
  readonly state: HistogramState;
  readonly sampleCount: number;
  readonly #reader: BitReader;

  /** Throws `invalid` on another encoding, `corrupt` on a damaged header. */
  constructor(encoding: number, bytes: Uint8Array) {
    if (!isHistogramChunk(encoding)) {
      throw new WeirError('invalid', `chunk encoding ${encoding} is not a histogram's`);
    }
    if (bytes.length < HEADER_SIZE) {
      throw new WeirError('corrupt', `histogram chunk of ${bytes.length} bytes`);
    }
    const isFloat = encoding === CHUNK_FLOAT_HISTOGRAM || encoding === CHUNK_FLOAT_HISTOGRAM_ST;
    this.state = new HistogramState(isFloat, hasStarts(encoding));
    this.state.header = bytes[resetByte(encoding)]! & HEADER_MASK;
    if (this.state.starts) this.state.starts.header = bytes[2]!;
    this.sampleCount = chunkSampleCount(encoding, bytes);
    this.#reader = new BitReader(bytes, HEADER_SIZE * 8);
  }

  /** Bits read so far. */
  get position(): number {
    return this.#reader.position;
  }

  /** Moves to the next sample; false after the last. */
  next(): boolean {
    const { state } = this;
    if (state.samples === this.sampleCount) return false;
    const before = state.t;
    if (state.samples === 0) this.#first();
    else if (state.isFloat) this.#nextFloat();
    else this.#nextInteger();
    state.starts?.read(this.#reader, state.samples, state.t, before);
    state.samples++;
    return true;
  }

  /** The current sample, in arrays of its own (but the layout's, which samples share). */
  histogram(): NativeHistogram {
    const { state } = this;
    const { values, isStale } = state;
    const negativeFrom = BUCKETS + state.positiveCount;
    return {
      isFloat: state.isFloat,
      resetHint: this.#hint(),
      ...(isStale ? EMPTY_LAYOUT : state.layout),
      zeroCount: isStale ? 0 : values[ZERO_COUNT]!,
      count: isStale ? 0 : values[COUNT]!,
      sum: isStale ? 0 : values[SUM]!,
      isStale,
      positiveBuckets: isStale ? NO_COUNTS : values.slice(BUCKETS, negativeFrom),
      negativeBuckets: isStale ? NO_COUNTS : values.slice(negativeFrom),
    };
  }

  /** That the chunk before this one ended without a reset says nothing where that chunk may be missing. */
  #hint(): number {
    const { state } = this;
    if (state.isGauge) return RESET_GAUGE;
    if (state.samples > 1) return RESET_NO;
    return state.header === HEADER_RESET ? RESET_YES : RESET_UNKNOWN;
  }

  #first(): void {
    const { state } = this;
    const reader = this.#reader;
    state.setLayout(readLayout(reader, state.isFloat ? 64 : 1));
    state.t = readVarbitInt(reader);
    state.firstT = state.t;
    const { values } = state;
    if (state.isFloat) {
      for (let place = 0; place < values.length; place++) this.#readRaw(place);
      return;
    }
    values[COUNT] = readVarbitUint(reader);
    values[ZERO_COUNT] = readVarbitUint(reader);
    this.#readRaw(SUM);
    const negativeFrom = BUCKETS + state.positiveCount;
    for (let place = BUCKETS; place < values.length; place++) {
      const before = place === BUCKETS || place === negativeFrom ? 0 : values[place - 1]!;
      values[place] = countOf(before + readVarbitInt(reader));
    }
  }

  #readRaw(place: number): void {
    const { bits } = this.state;
    bits[2 * place + 1] = this.#reader.read(32);
    bits[2 * place] = this.#reader.read(32);
  }

  #readTime(): void {
    const { state } = this;
    state.deltaT = exact(state.deltaT + readVarbitInt(this.#reader));
    if (state.deltaT <= 0) throw new WeirError('corrupt', 'histogram chunk: time goes back');
    state.t = exact(state.t + state.deltaT);
  }

  #nextFloat(): void {
    const { state } = this;
    const { bits, windows, values } = state;
    this.#readTime();
    for (let place = 0; place < BUCKETS; place++) {
      readXor(this.#reader, bits, place, windows, 2 * place);
    }
    if (state.isStale) return;
    for (let place = BUCKETS; place < values.length; place++) {
      readXor(this.#reader, bits, place, windows, 2 * place);
    }
  }

  #nextInteger(): void {
    const { state } = this;
    const { values, deltas } = state;
    const reader = this.#reader;
    this.#readTime();
    deltas[COUNT] = exact(deltas[COUNT]! + readVarbitInt(reader));
    deltas[ZERO_COUNT] = exact(deltas[ZERO_COUNT]! + readVarbitInt(reader));
    readXor(reader, state.bits, SUM, state.windows, 0);
    if (state.isStale) return;
    values[COUNT] = countOf(values[COUNT]! + deltas[COUNT]!);
    values[ZERO_COUNT] = countOf(values[ZERO_COUNT]! + deltas[ZERO_COUNT]!);
    const negativeFrom = BUCKETS + state.positiveCount;
    let lastBefore = 0;
    for (let place = BUCKETS; place < values.length; place++) {
      const isFirst = place === BUCKETS || place === negativeFrom;
      const before = isFirst ? 0 : values[place - 1]!;
      const last = values[place]!;
      const step = isFirst ? last : last - lastBefore;
      deltas[place] = exact(deltas[place]! + readVarbitInt(reader));
      values[place] = countOf(before + step + deltas[place]!);
      lastBefore = last;
    }
  }
}

function countOf(value: number): number {
  if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
    throw new WeirError('corrupt', 'histogram chunk: a count below zero or beyond 2^53');
  }
  return value;
}

/** Which byte begins with the bits that tell of counter resets. */
function resetByte(encoding: number): number {
  return hasStarts(encoding) ? 0 : 2;
}

/**
 * Calls `visit` with each sample of minT ≤ t ≤ maxT (ms) and its start timestamp, 0 where unknown. Of counter histograms the first sample's
 * resetHint is what the chunk says of the chunk before, RESET_YES or RESET_UNKNOWN; the others' is
 * RESET_NO. Throws `corrupt` on a damaged chunk, `invalid` on another encoding.
 */
export function readHistogramChunk(
  encoding: number,
  bytes: Uint8Array,
  minT: number,
  maxT: number,
  visit: (t: number, h: NativeHistogram, st: number) => void,
): void {
  const decoder = new HistogramDecoder(encoding, bytes);
  while (decoder.next()) {
    const { t, starts } = decoder.state;
    if (t > maxT) return;
    if (t >= minT) visit(t, decoder.histogram(), starts === undefined ? 0 : starts.st);
  }
}

/** The chunk, no longer saying whether its counter was reset before it; other kinds as they are. */
export function withoutResetHeader(chunk: Chunk): Chunk {
  const { encoding, bytes } = chunk;
  if (!isHistogramChunk(encoding)) return chunk;
  const at = resetByte(encoding);
  const header = bytes[at]! & HEADER_MASK;
  if (header !== HEADER_RESET && header !== HEADER_NO_RESET) return chunk;
  const changed = bytes.slice();
  changed[at] = bytes[at]! & ~HEADER_MASK;
  return { ...chunk, bytes: changed };
}
