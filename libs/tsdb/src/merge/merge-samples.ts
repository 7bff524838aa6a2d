// Decodes the chunks of one series into columns, ascending and without duplicates. Chunks of several
// sources may overlap; the earlier in the list wins on equal timestamps. Chunks that don't overlap are
// decoded straight into the result; only stretches that do are merged.
import { SampleColumns } from '@weir/model';
import { type Chunk, decodeFloatChunk } from '../chunk/index.ts';

/** Reused between calls: merging is synchronous. */
let winners = new SampleColumns(512);
let losers = new SampleColumns(512);
let merged = new SampleColumns(512);

/**
 * Appends the samples in [minT, maxT] (inclusive, ms) of float chunks to `out`. An encoding that isn't
 * a float's rejects with `invalid`, a damaged chunk with `corrupt`.
 */
export function mergeSamples(
  chunks: readonly Chunk[],
  out: SampleColumns,
  minT: number,
  maxT: number,
): void {
  if (isSequence(chunks)) {
    for (const chunk of chunks) decode(chunk, out, minT, maxT);
    return;
  }
  // By start; equal starts keep their order. Runs of overlapping chunks are merged one after another.
  const order = chunks.map((_, index) => index);
  order.sort((a, b) => chunks[a]!.minT - chunks[b]!.minT || a - b);
  for (let at = 0; at < order.length; ) {
    let end = chunks[order[at]!]!.maxT;
    let last = at + 1;
    for (; last < order.length && chunks[order[last]!]!.minT <= end; last++) {
      end = Math.max(end, chunks[order[last]!]!.maxT);
    }
    if (last === at + 1) decode(chunks[order[at]!]!, out, minT, maxT);
    else mergeRun(chunks, order.slice(at, last), out, minT, maxT);
    at = last;
  }
}

function isSequence(chunks: readonly Chunk[]): boolean {
  for (let index = 1; index < chunks.length; index++) {
    if (chunks[index]!.minT <= chunks[index - 1]!.maxT) return false;
  }
  return true;
}

/** Merges overlapping chunks in the order of their priority, each into what the ones before it gave. */
function mergeRun(
  chunks: readonly Chunk[],
  run: number[],
  out: SampleColumns,
  minT: number,
  maxT: number,
): void {
  run.sort((a, b) => a - b);
  winners.clear();
  for (let index = 0; index < run.length; ) {
    // Neighbours of one source ascend: they are decoded together and merged at once.
    losers.clear();
    let last = chunks[run[index]!]!;
    decode(last, losers, minT, maxT);
    for (index++; index < run.length && chunks[run[index]!]!.minT > last.maxT; index++) {
      last = chunks[run[index]!]!;
      decode(last, losers, minT, maxT);
    }
    mergeTwo();
  }
  append(out, winners);
}

/** winners := winners ∪ losers, the winners' value on equal timestamps. */
function mergeTwo(): void {
  if (winners.count === 0) {
    [winners, losers] = [losers, winners];
    return;
  }
  merged.clear();
  merged.reserve(winners.count + losers.count);
  const { t, v } = merged;
  let left = 0;
  let right = 0;
  let count = 0;
  while (left < winners.count && right < losers.count) {
    const ahead = winners.t[left]! - losers.t[right]!;
    if (ahead <= 0) {
      t[count] = winners.t[left]!;
      v[count++] = winners.v[left++]!;
      if (ahead === 0) right++;
    } else {
      t[count] = losers.t[right]!;
      v[count++] = losers.v[right++]!;
    }
  }
  merged.count = count;
  append(merged, winners, left);
  append(merged, losers, right);
  [winners, merged] = [merged, winners];
}

function append(out: SampleColumns, from: SampleColumns, start = 0): void {
  out.reserve(from.count - start);
  out.t.set(from.t.subarray(start, from.count), out.count);
  out.v.set(from.v.subarray(start, from.count), out.count);
  out.count += from.count - start;
}

function decode(chunk: Chunk, out: SampleColumns, minT: number, maxT: number): void {
  if (chunk.maxT < minT || chunk.minT > maxT) return;
  decodeFloatChunk(chunk.encoding, chunk.bytes, out, minT, maxT);
}
