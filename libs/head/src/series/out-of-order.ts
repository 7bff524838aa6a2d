// Out-of-order samples that wait to become chunks: a rare path, so objects per such series are allowed.
// Samples are sorted by time, one per timestamp; values are kept as bits.
import { SampleColumns } from '@weir/model';
import { type Chunk, encodeFloatChunk } from '@weir/tsdb/chunk';
import { WINDOW_MS } from '../windows.ts';
import type { StartTimes } from './start-times.ts';

export interface WaitingSamples {
  readonly times: number[];
  readonly low: number[];
  readonly high: number[];
}

export class OutOfOrder {
  readonly bySeries = new Map<number, WaitingSamples>();
  readonly #starts: StartTimes;

  constructor(starts: StartTimes) {
    this.#starts = starts;
  }

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
    const columns = this.#columnsOf(ref, waiting);
    const { t, count } = columns;
    const chunks: Chunk[] = [];
    for (let from = 0; from < count; ) {
      const window = Math.floor(t[from] / WINDOW_MS);
      let to = from + 1;
      while (to < count && Math.floor(t[to] / WINDOW_MS) === window) to++;
      chunks.push(encodeFloatChunk(columns, from, to));
      from = to;
    }
    return chunks;
  }

  #columnsOf(ref: number, { times, low, high }: WaitingSamples): SampleColumns {
    const count = times.length;
    const columns = new SampleColumns(count, this.#starts.late.has(ref));
    const bits = new Int32Array(columns.v.buffer);
    columns.count = count;
    columns.t.set(times);
    for (let at = 0; at < count; at++) {
      bits[2 * at] = low[at];
      bits[2 * at + 1] = high[at];
      if (columns.st) columns.st[at] = this.#starts.ofLate(ref, times[at]);
    }
    return columns;
  }
}
