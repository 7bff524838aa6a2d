// Decodes the chunks of one series into columns, ascending and without duplicates. Chunks of several
// sources may overlap; the earlier in the list wins on equal timestamps. Chunks that don't overlap are
// decoded straight into the result; only stretches that do are merged.
import { SampleColumns } from '@weir/model';
import { type Chunk, decodeFloatChunk } from '../chunk/index.ts';

class Scratch {
  winners: SampleColumns;
  losers: SampleColumns;
  merged: SampleColumns;

  constructor(withStarts: boolean) {
    this.winners = new SampleColumns(512, withStarts);
    this.losers = new SampleColumns(512, withStarts);
    this.merged = new SampleColumns(512, withStarts);
  }
}

/** Reused between calls: merging is synchronous. */
const plainScratch = new Scratch(false);
const startsScratch = new Scratch(true);

/**
 * Appends the samples in [minT, maxT] (inclusive, ms) of float chunks to `out`, each with its own start
 * timestamp where `out` has room for these. An encoding that isn't
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
  const scratch = out.st === undefined ? plainScratch : startsScratch;
  scratch.winners.clear();
  for (let index = 0; index < run.length; ) {
    // Neighbours of one source ascend: they are decoded together and merged at once.
    const { losers } = scratch;
    losers.clear();
    let last = chunks[run[index]!]!;
    decode(last, losers, minT, maxT);
    for (index++; index < run.length && chunks[run[index]!]!.minT > last.maxT; index++) {
      last = chunks[run[index]!]!;
      decode(last, losers, minT, maxT);
    }
    mergeTwo(scratch);
  }
  append(out, scratch.winners);
}

/** winners := winners ∪ losers, the winners' value on equal timestamps. */
function mergeTwo(scratch: Scratch): void {
  const { winners, losers, merged } = scratch;
  if (winners.count === 0) {
    [scratch.winners, scratch.losers] = [losers, winners];
    return;
  }
  merged.clear();
  merged.reserve(winners.count + losers.count);
  const { t, v, st } = merged;
  let left = 0;
  let right = 0;
  let count = 0;
  while (left < winners.count && right < losers.count) {
    const ahead = winners.t[left]! - losers.t[right]!;
    if (ahead <= 0) {
      t[count] = winners.t[left]!;
      if (st !== undefined) st[count] = winners.st![left]!;
      v[count++] = winners.v[left++]!;
      if (ahead === 0) right++;
    } else {
      t[count] = losers.t[right]!;
      if (st !== undefined) st[count] = losers.st![right]!;
      v[count++] = losers.v[right++]!;
    }
  }
  merged.count = count;
  append(merged, winners, left);
  append(merged, losers, right);
  [scratch.winners, scratch.merged] = [merged, winners];
}

function append(out: SampleColumns, from: SampleColumns, start = 0): void {
  out.reserve(from.count - start);
  out.t.set(from.t.subarray(start, from.count), out.count);
  out.v.set(from.v.subarray(start, from.count), out.count);
  if (out.st !== undefined) out.st.set(from.st!.subarray(start, from.count), out.count);
  out.count += from.count - start;
}

function decode(chunk: Chunk, out: SampleColumns, minT: number, maxT: number): void {
  if (chunk.maxT < minT || chunk.minT > maxT) return;
  decodeFloatChunk(chunk.encoding, chunk.bytes, out, minT, maxT);
}
