// Chunks of one series that overlap in time, as out-of-order samples make them, merged into chunks that
// do not: sorted, one sample per timestamp, the one that was applied first.
import { SampleColumns } from '@weir/model';
import { CHUNK_XOR, type Chunk, decodeXorChunk, encodeXorChunk } from '@weir/tsdb/chunk';

const CHUNK_SAMPLES_MAX = 120;

/** A chunk and its place in the order of precedence; in-order chunks have 0, and win. */
export interface RankedChunk extends Chunk {
  readonly rank: number;
}

/** Sorts chunks by time and merges those that overlap; the others pass untouched. */
export function disjointChunks(chunks: RankedChunk[]): Chunk[] {
  if (chunks.length < 2) return chunks;
  chunks.sort((a, b) => a.minT - b.minT || a.rank - b.rank);
  if (chunks.every((chunk, at) => at === 0 || chunk.minT > chunks[at - 1].maxT)) return chunks;
  const out: Chunk[] = [];
  for (let from = 0; from < chunks.length; ) {
    let to = from + 1;
    let maxT = chunks[from].maxT;
    for (; to < chunks.length && chunks[to].minT <= maxT; to++) {
      maxT = Math.max(maxT, chunks[to].maxT);
    }
    if (to - from === 1) out.push(chunks[from]);
    else out.push(...merge(chunks.slice(from, to)));
    from = to;
  }
  return out;
}

function merge(chunks: RankedChunk[]): Chunk[] {
  chunks.sort((a, b) => a.rank - b.rank);
  const columns = new SampleColumns();
  for (const chunk of chunks) decodeXorChunk(chunk.bytes, columns, -Infinity, Infinity);
  const bits = new BigUint64Array(columns.v.buffer);
  const order = Uint32Array.from({ length: columns.count }, (_, index) => index);
  order.sort((a, b) => columns.t[a] - columns.t[b] || a - b);
  const times = new Float64Array(columns.count);
  const values = new Float64Array(columns.count);
  const valueBits = new BigUint64Array(values.buffer);
  let count = 0;
  for (const index of order) {
    if (count > 0 && times[count - 1] === columns.t[index]) continue;
    times[count] = columns.t[index];
    valueBits[count] = bits[index];
    count++;
  }
  const out: Chunk[] = [];
  for (let from = 0; from < count; from += CHUNK_SAMPLES_MAX) {
    const to = Math.min(from + CHUNK_SAMPLES_MAX, count);
    const bytes = encodeXorChunk(times, values, from, to);
    out.push({ minT: times[from], maxT: times[to - 1], encoding: CHUNK_XOR, bytes });
  }
  return out;
}
