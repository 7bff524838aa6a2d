// The chunks of a series as a remote reader wants them: in time order, overlapping with none, none of more
// samples than Prometheus's own, none with start timestamps, whose encodings only new readers know. Whole chunks
// are sent where they are such already: what is in them outside of the asked range, the reader leaves out.
import { assert } from '@weir/errors';
import { SampleColumns } from '@weir/model';
import {
  CHUNK_XOR,
  type Chunk,
  chunkSampleCount,
  decodeFloatChunk,
  encodeXorChunk,
  HistogramChunk,
  hasStarts,
  isHistogramChunk,
  readHistogramChunk,
} from '@weir/tsdb/chunk';
import { mergeChunks } from '@weir/tsdb/merge';

/** Prometheus cuts a chunk at so many samples. */
export const CHUNK_SAMPLES_MAX = 120;

/** Those with a part in [minT, maxT], ms. */
export function sentChunks(chunks: readonly Chunk[], minT: number, maxT: number): Chunk[] {
  const wanted = chunks.filter((chunk) => chunk.minT <= maxT && chunk.maxT >= minT);
  return mergeChunks(wanted).flatMap((chunk) => (isSentWhole(chunk) ? [chunk] : split(chunk)));
}

function isSentWhole({ encoding, bytes }: Chunk): boolean {
  return !hasStarts(encoding) && chunkSampleCount(encoding, bytes) <= CHUNK_SAMPLES_MAX;
}

function split(chunk: Chunk): Chunk[] {
  return isHistogramChunk(chunk.encoding) ? splitHistograms(chunk) : splitFloats(chunk);
}

function splitFloats(chunk: Chunk): Chunk[] {
  const { t, v, count } = decoded(chunk);
  const parts = Math.ceil(count / CHUNK_SAMPLES_MAX);
  return Array.from({ length: parts }, (_, part) => {
    const from = Math.floor((part * count) / parts);
    const to = Math.floor(((part + 1) * count) / parts);
    const encoded = encodeXorChunk(t, v, from, to);
    return { minT: t[from]!, maxT: t[to - 1]!, encoding: CHUNK_XOR, bytes: encoded };
  });
}

function decoded({ encoding, bytes }: Chunk): SampleColumns {
  const samples = new SampleColumns(chunkSampleCount(encoding, bytes));
  decodeFloatChunk(encoding, bytes, samples, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  return samples;
}

function splitHistograms({ encoding, bytes }: Chunk): Chunk[] {
  const out: Chunk[] = [];
  let open: HistogramChunk | undefined;
  readHistogramChunk(encoding, bytes, -Infinity, Infinity, (t, histogram) => {
    if (open && open.count < CHUNK_SAMPLES_MAX && open.tryAppend(t, histogram)) return;
    if (open) out.push(closed(open));
    open = HistogramChunk.start(histogram.isFloat, open);
    assert(open.tryAppend(t, histogram), 'an empty chunk takes any histogram');
  });
  if (open) out.push(closed(open));
  return out;
}

function closed(chunk: HistogramChunk): Chunk {
  const { minT, maxT, encoding } = chunk;
  return { minT, maxT, encoding, bytes: chunk.bytes() };
}
