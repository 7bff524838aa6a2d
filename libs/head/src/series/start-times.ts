// Start timestamps of floats that are not in a closed chunk yet. Senders that tell them repeat one for as long
// as a counter lives, so that an open chunk has runs: from which sample on which start timestamp. Late samples
// have one each. A closed chunk has them in its bytes. A rarer path, so a series that has any may have objects.
import type { SampleColumns } from '@weir/model';
import { type Chunk, decodeXorChunk, encodeFloatChunk } from '@weir/tsdb/chunk';

/** Times and start timestamps in turn, ms, ascending by time. */
type Pairs = number[];

export class StartTimes {
  /**
   * By ref: the start timestamp of a sample is that of the last pair at or before it, else unknown. After a
   * chunk has ended its last pair is kept, for the newest sample and the ones that follow.
   */
  readonly open = new Map<number, Pairs>();
  /** By ref: of late samples, each by its time. */
  readonly late = new Map<number, Pairs>();
  /** No series has any. */
  isEmpty = true;

  has(ref: number): boolean {
    return this.open.has(ref);
  }

  /** Of a sample behind all that the series has in order; 0: it tells none. */
  note(ref: number, t: number, startT: number): void {
    const pairs = this.open.get(ref);
    if (pairs === undefined) {
      if (startT !== 0) this.put(this.open, ref, t, startT);
    } else if (pairs[pairs.length - 1] !== startT) pairs.push(t, startT);
  }

  noteLate(ref: number, t: number, startT: number): void {
    if (startT !== 0) this.put(this.late, ref, t, startT);
  }

  /** Also takes back what a checkpoint has. */
  put(to: Map<number, Pairs>, ref: number, t: number, startT: number): void {
    this.isEmpty = false;
    const pairs = to.get(ref);
    if (pairs === undefined) to.set(ref, [t, startT]);
    else pairs.push(t, startT);
  }

  /** The open chunk ended. */
  endChunk(ref: number): void {
    const pairs = this.open.get(ref);
    if (pairs === undefined) return;
    pairs.splice(0, pairs.length - 2);
    if (pairs[1] === 0) this.#forget(this.open, ref);
  }

  endLate(ref: number): void {
    this.#forget(this.late, ref);
  }

  forget(ref: number): void {
    this.#forget(this.open, ref);
    this.#forget(this.late, ref);
  }

  #forget(from: Map<number, Pairs>, ref: number): void {
    if (from.delete(ref)) this.isEmpty = this.open.size + this.late.size === 0;
  }

  /** Of a late sample; 0 when it told none. */
  ofLate(ref: number, t: number): number {
    const pairs = this.late.get(ref) ?? [];
    for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === t) return pairs[at + 1];
    return 0;
  }

  /** The samples of the open chunk, or the newest one, with their start timestamps. */
  addTo(xorChunk: Uint8Array, ref: number, scratch: SampleColumns): Chunk {
    scratch.clear();
    decodeXorChunk(xorChunk, scratch, -Infinity, Infinity);
    const pairs = this.open.get(ref) ?? [];
    const { t, count } = scratch;
    const st = scratch.st!;
    for (let at = 0, pair = -2; at < count; at++) {
      while (pair + 2 < pairs.length && pairs[pair + 2] <= t[at]) pair += 2;
      st[at] = pair < 0 ? 0 : pairs[pair + 1];
    }
    return encodeFloatChunk(scratch, 0, count);
  }
}
