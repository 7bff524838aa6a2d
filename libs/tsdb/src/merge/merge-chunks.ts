// Chunks of one series that overlap in time, of any kind, merged into chunks that don't: sorted, one
// sample a timestamp, the one of the chunk that stands first in the list. Chunks that overlap with none
// pass untouched, but for what they say of counter resets. A sample keeps its start timestamp.
//
// That is a statement about the sample before, so it stays only where that is still the same one: else a
// reset told by its sender, or found against a sample that is no longer the one before, would be counted
// where there is none. `unknown` is always right: readers then compare the counts.
import { WeirError } from '@weir/errors';
import { type NativeHistogram, RESET_GAUGE, RESET_UNKNOWN, SampleColumns } from '@weir/model';
import {
  type Chunk,
  decodeFloatChunk,
  encodeFloatChunk,
  HistogramChunk,
  hasStarts,
  isFloatChunk,
  isHistogramChunk,
  readHistogramChunk,
  withoutResetHeader,
} from '../chunk/index.ts';

const CHUNK_SAMPLES_MAX = 120;

/**
 * Chunks in time order that don't overlap, with every timestamp of the given ones once. Throws `invalid`
 * on an unknown encoding and `corrupt` on a damaged chunk, where it has to look into them.
 */
export function mergeChunks(chunks: readonly Chunk[]): readonly Chunk[] {
  if (isSequence(chunks)) return chunks;
  const order = chunks.map((_, index) => index);
  order.sort((a, b) => chunks[a]!.minT - chunks[b]!.minT || a - b);
  const out: Chunk[] = [];
  /** Place in the list of what was put out last, if it is a whole chunk of the list. */
  let last = -1;
  for (let at = 0; at < order.length; ) {
    const index = order[at]!;
    let end = chunks[index]!.maxT;
    let to = at + 1;
    for (; to < order.length && chunks[order[to]!]!.minT <= end; to++) {
      end = Math.max(end, chunks[order[to]!]!.maxT);
    }
    if (to > at + 1) mergeRun(chunks, order.slice(at, to), out);
    else out.push(last === index - 1 ? chunks[index]! : withoutResetHeader(chunks[index]!));
    last = to > at + 1 ? Number.NaN : index;
    at = to;
  }
  return out;
}

function isSequence(chunks: readonly Chunk[]): boolean {
  for (let index = 1; index < chunks.length; index++) {
    if (chunks[index]!.minT <= chunks[index - 1]!.maxT) return false;
  }
  return true;
}

/** Samples of several chunks; a value is a number's place in the columns or a histogram. */
class Samples {
  readonly #chunks: readonly Chunk[];
  readonly floats: SampleColumns;
  /** By sample: time, the chunk's place in the list, and what it is: undefined for a float. */
  readonly t: number[] = [];
  readonly chunk: number[] = [];
  readonly histogram: (NativeHistogram | undefined)[] = [];
  /** By sample: the place of a float's value. */
  readonly float: number[] = [];
  /** By sample: a histogram's start timestamp; those of floats are in the columns. */
  readonly st: number[] = [];

  /** Reads those that `run` numbers, in its order. */
  constructor(chunks: readonly Chunk[], run: readonly number[]) {
    this.#chunks = chunks;
    const withStarts = run.some((index) => hasStarts(chunks[index]!.encoding));
    this.floats = new SampleColumns(undefined, withStarts);
    for (const index of run) this.#read(index);
  }

  #read(index: number): void {
    const { encoding, bytes } = this.#chunks[index]!;
    if (isFloatChunk(encoding)) {
      const from = this.floats.count;
      decodeFloatChunk(encoding, bytes, this.floats, -Infinity, Infinity);
      for (let at = from; at < this.floats.count; at++) this.#add(this.floats.t[at]!, index, at, 0);
    } else if (isHistogramChunk(encoding)) {
      readHistogramChunk(encoding, bytes, -Infinity, Infinity, (t, h, st) =>
        this.#add(t, index, 0, st, h),
      );
    } else throw new WeirError('invalid', `chunk encoding ${encoding} is unknown`);
  }

  #add(t: number, chunk: number, float: number, st: number, histogram?: NativeHistogram): void {
    this.t.push(t);
    this.chunk.push(chunk);
    this.float.push(float);
    this.st.push(st);
    this.histogram.push(histogram);
  }

  /** The samples to keep, in time order: of equal times the one read first. */
  distinct(): Uint32Array {
    const { t } = this;
    const order = Uint32Array.from(t, (_, index) => index);
    order.sort((a, b) => t[a]! - t[b]! || a - b);
    let count = 0;
    for (const index of order) {
      if (count === 0 || t[order[count - 1]!] !== t[index]) order[count++] = index;
    }
    return order.subarray(0, count);
  }

  /** Whether one stood right after the other in its source: in one chunk, or in chunks that follow. */
  isSuccessor(sample: number, before: number): boolean {
    const [chunk, chunkBefore] = [this.chunk[sample]!, this.chunk[before]!];
    if (sample !== before + 1) return false;
    return chunk === chunkBefore || chunk === chunkBefore + 1;
  }
}

function mergeRun(chunks: readonly Chunk[], run: number[], out: Chunk[]): void {
  run.sort((a, b) => a - b);
  const samples = new Samples(chunks, run);
  const kept = samples.distinct();
  for (let from = 0; from < kept.length; ) {
    let to = from + 1;
    const isFloat = samples.histogram[kept[from]!] === undefined;
    while (to < kept.length && (samples.histogram[kept[to]!] === undefined) === isFloat) to++;
    if (isFloat) putFloats(samples, kept.subarray(from, to), out);
    else putHistograms(samples, kept, from, to, out);
    from = to;
  }
}

function putFloats(samples: Samples, kept: Uint32Array, out: Chunk[]): void {
  // Values are copied as bits: a staleness marker must not be quietened.
  const { v: values, st: starts } = samples.floats;
  const bits = new BigUint64Array(values.buffer);
  const columns = new SampleColumns(kept.length, starts !== undefined);
  const { t, v, st } = columns;
  const vBits = new BigUint64Array(v.buffer);
  for (let at = 0; at < kept.length; at++) {
    const place = samples.float[kept[at]!]!;
    t[at] = samples.t[kept[at]!]!;
    vBits[at] = bits[place]!;
    if (st !== undefined) st[at] = starts![place]!;
  }
  for (let from = 0; from < kept.length; from += CHUNK_SAMPLES_MAX) {
    const to = Math.min(from + CHUNK_SAMPLES_MAX, kept.length);
    out.push(encodeFloatChunk(columns, from, to));
  }
}

/** Puts the histograms [from, to) of those kept; if one has a start timestamp, in chunks that can hold them. */
function putHistograms(
  samples: Samples,
  kept: Uint32Array,
  from: number,
  to: number,
  out: Chunk[],
): void {
  let open: HistogramChunk | undefined;
  let withStarts = false;
  for (let at = from; at < to; at++) withStarts ||= samples.st[kept[at]!] !== 0;
  for (let at = from; at < to; at++) {
    const sample = kept[at]!;
    const t = samples.t[sample]!;
    let h = samples.histogram[sample]!;
    if (h.resetHint !== RESET_GAUGE && (at === 0 || !samples.isSuccessor(sample, kept[at - 1]!))) {
      h = { ...h, resetHint: RESET_UNKNOWN };
    }
    const st = samples.st[sample]!;
    if (open && open.count < CHUNK_SAMPLES_MAX && open.tryAppend(t, h, st)) continue;
    if (open) out.push(closed(open));
    open = HistogramChunk.start(h.isFloat, open, withStarts);
    open.tryAppend(t, h, st);
  }
  if (open) out.push(closed(open));
}

function closed(chunk: HistogramChunk): Chunk {
  const { minT, maxT, encoding } = chunk;
  return { minT, maxT, encoding, bytes: chunk.bytes() };
}
