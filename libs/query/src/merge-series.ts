// Merges sorted streams of series into one. A binary heap over the sources' current labels; equal labels
// form a group in the order of the sources, which is their priority. next() answers synchronously while
// every source it has to move still holds series of its current batch.
//
// A batch is valid until its source is asked for the next one; so a source is asked only when its last
// series has been passed, except those opened with prefetch, whose batches must stay valid.
import { compareLabels, equalLabels, type LabelBytes } from '@weir/model';
import type { Chunk } from '@weir/tsdb/chunk';
import type { SeriesBatches, SeriesChunks } from './series-chunks.ts';

const NO_LABELS: LabelBytes = new Uint8Array(0);

/** One source: a cursor over its batches. */
class SeriesCursor {
  readonly priority: number;
  current: SeriesChunks = { labels: NO_LABELS, chunks: [] };
  #batch: readonly SeriesChunks[] = [];
  #index = 0;
  readonly #iterator: AsyncIterator<readonly SeriesChunks[]>;
  readonly #prefetch: boolean;
  #coming: Promise<IteratorResult<readonly SeriesChunks[]>> | undefined;

  constructor(batches: SeriesBatches, priority: number, prefetch: boolean) {
    this.#iterator = batches[Symbol.asyncIterator]();
    this.priority = priority;
    this.#prefetch = prefetch;
  }

  /** The next advance() has to read. */
  get drained(): boolean {
    return this.#index >= this.#batch.length;
  }

  advance(): boolean | Promise<boolean> {
    if (this.#index >= this.#batch.length) return this.#read();
    this.current = this.#batch[this.#index++]!;
    return true;
  }

  /** Starts reading the next batch before it is asked for. */
  fetch(): void {
    if (!this.#prefetch || this.#coming) return;
    this.#coming = this.#iterator.next();
    // The rejection is seen by the advance() that takes this promise; until then it isn't unhandled.
    this.#coming.catch(() => {});
  }

  async #read(): Promise<boolean> {
    for (;;) {
      const result = await (this.#coming ?? this.#iterator.next());
      this.#coming = undefined;
      if (result.done) return false;
      this.fetch();
      if (result.value.length === 0) continue;
      this.#batch = result.value;
      this.#index = 1;
      this.current = result.value[0]!;
      return true;
    }
  }

  close(): void {
    // Nobody waits for what a closed source still does; its errors concern nobody either.
    this.#iterator.return?.().catch(() => {});
  }
}

export interface MergeOptions {
  /** Read one batch ahead of each source; its batches must then stay valid after the next is read. */
  readonly prefetch: boolean;
}

/** Series of all sources, ascending, each once. */
export class SeriesMerge {
  readonly #cursors: readonly SeriesCursor[];
  /** Cursors that stand on a series behind the current one; a binary heap. */
  readonly #heap: SeriesCursor[] = [];
  /** Cursors that stand on the current series, in order of priority. */
  readonly #group: SeriesCursor[] = [];
  #started = false;
  /** Whether two sources stood on the same series when they were compared last. */
  #wereSame = false;

  constructor(sources: readonly SeriesBatches[], options: MergeOptions) {
    this.#cursors = sources.map((source, at) => new SeriesCursor(source, at, options.prefetch));
    for (const cursor of this.#cursors) cursor.fetch();
  }

  /** The current series as it came, or put together where several sources have it. */
  get current(): SeriesChunks {
    const first = this.#group[0]!.current;
    return this.#group.length === 1 ? first : { labels: first.labels, chunks: this.chunks };
  }

  /** Labels of the current series. */
  get labels(): LabelBytes {
    return this.#group[0]!.current.labels;
  }

  /** Chunks of the current series, source after source. */
  get chunks(): readonly Chunk[] {
    const first = this.#group[0]!.current.chunks;
    if (this.#group.length === 1) return first;
    const all = first.slice();
    for (let at = 1; at < this.#group.length; at++) all.push(...this.#group[at]!.current.chunks);
    return all;
  }

  /** next() will have to wait for a source. */
  get drained(): boolean {
    return !this.#started || this.#group.some((cursor) => cursor.drained);
  }

  next(): boolean | Promise<boolean> {
    let waiting: Promise<void>[] | undefined;
    const moved = this.#started ? this.#group : this.#cursors;
    this.#started = true;
    for (const cursor of moved) {
      const more = cursor.advance();
      if (more === true) this.#push(cursor);
      else if (more !== false) {
        waiting ??= [];
        waiting.push(
          more.then((found) => {
            if (found) this.#push(cursor);
          }),
        );
      }
    }
    this.#group.length = 0;
    return waiting ? Promise.all(waiting).then(() => this.#pick()) : this.#pick();
  }

  close(): void {
    for (const cursor of this.#cursors) cursor.close();
  }

  /** Moves the smallest series' cursors from the heap to the group. */
  #pick(): boolean {
    const heap = this.#heap;
    if (heap.length === 0) return false;
    if (this.#cursors.length === 2 && heap.length === 2) return this.#pickOfTwo();
    const first = this.#pop();
    this.#group.push(first);
    while (heap.length > 0 && equalLabels(heap[0]!.current.labels, first.current.labels)) {
      this.#group.push(this.#pop());
    }
    return true;
  }

  /** One comparison tells which goes first, or that both stand on the same series. */
  #pickOfTwo(): boolean {
    const [one, other] = this.#heap as [SeriesCursor, SeriesCursor];
    const order = this.#compare(one.current.labels, other.current.labels);
    this.#heap.length = 0;
    if (order === 0) {
      this.#group.push(one, other);
      if (one.priority > other.priority) this.#group.reverse();
      return true;
    }
    this.#group.push(order < 0 ? one : other);
    this.#heap.push(order < 0 ? other : one);
    return true;
  }

  /** A head and its blocks mostly have the same series: one native call tells so sooner than a look at each byte. */
  #compare(a: LabelBytes, b: LabelBytes): number {
    if (this.#wereSame && a.length === b.length && Buffer.compare(a, b) === 0) return 0;
    const order = compareLabels(a, b);
    this.#wereSame = order === 0;
    return order;
  }

  #push(cursor: SeriesCursor): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(cursor);
    // Of two, pick() compares.
    if (this.#cursors.length === 2) return;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (before(heap[parent]!, cursor)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = cursor;
  }

  #pop(): SeriesCursor {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function before(a: SeriesCursor, b: SeriesCursor): boolean {
  const order = compareLabels(a.current.labels, b.current.labels);
  return order === 0 ? a.priority < b.priority : order < 0;
}

/**
 * The same as batches, for a sender: a batch is handed out before any source that contributed to it is
 * asked for its next one, so sources may reuse their buffers.
 */
export async function* mergeBatches(
  sources: readonly SeriesBatches[],
): AsyncGenerator<readonly SeriesChunks[]> {
  if (sources.length === 1) {
    yield* sources[0]!;
    return;
  }
  const merge = new SeriesMerge(sources, { prefetch: false });
  let batch: SeriesChunks[] = [];
  try {
    for (;;) {
      if (merge.drained && batch.length > 0) {
        yield batch;
        batch = [];
      }
      const more = merge.next();
      if (!(typeof more === 'boolean' ? more : await more)) break;
      batch.push(merge.current);
    }
    if (batch.length > 0) yield batch;
  } finally {
    merge.close();
  }
}
