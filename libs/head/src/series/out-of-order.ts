// Out-of-order samples that wait to become chunks: a rare path, so objects per such series are allowed.
// Samples are sorted by time, one per timestamp; values are kept as bits.
import { CHUNK_XOR, type Chunk, encodeXorChunk } from '@weir/tsdb/chunk';
import { WINDOW_MS } from '../windows.ts';

export interface WaitingSamples {
  readonly times: number[];
  readonly low: number[];
  readonly high: number[];
}

export class OutOfOrder {
  readonly bySeries = new Map<number, WaitingSamples>();

  add(ref: number, t: number, low: number, high: number): 'accepted' | 'same' | 'duplicate' {
    let waiting = this.bySeries.get(ref);
    if (!waiting) {
      waiting = { times: [], low: [], high: [] };
      this.bySeries.set(ref, waiting);
    }
    let at = waiting.times.length;
    while (at > 0 && waiting.times[at - 1] >= t) at--;
    if (waiting.times[at] === t) {
      return waiting.low[at] === low && waiting.high[at] === high ? 'same' : 'duplicate';
    }
    waiting.times.splice(at, 0, t);
    waiting.low.splice(at, 0, low);
    waiting.high.splice(at, 0, high);
    return 'accepted';
  }

  has(ref: number, t: number): boolean {
    return this.bySeries.get(ref)?.times.includes(t) ?? false;
  }

  count(ref: number): number {
    return this.bySeries.get(ref)?.times.length ?? 0;
  }

  forget(ref: number): void {
    this.bySeries.delete(ref);
  }

  /** The samples as chunks, none across a window. */
  chunks(ref: number): Chunk[] {
    const waiting = this.bySeries.get(ref);
    if (!waiting) return [];
    const count = waiting.times.length;
    const times = Float64Array.from(waiting.times);
    const bits = new Int32Array(count * 2);
    for (let index = 0; index < count; index++) {
      bits[2 * index] = waiting.low[index];
      bits[2 * index + 1] = waiting.high[index];
    }
    const values = new Float64Array(bits.buffer);
    const chunks: Chunk[] = [];
    for (let from = 0; from < count; ) {
      const window = Math.floor(times[from] / WINDOW_MS);
      let to = from + 1;
      while (to < count && Math.floor(times[to] / WINDOW_MS) === window) to++;
      const bytes = encodeXorChunk(times, values, from, to);
      chunks.push({ minT: times[from], maxT: times[to - 1], encoding: CHUNK_XOR, bytes });
      from = to;
    }
    return chunks;
  }
}
