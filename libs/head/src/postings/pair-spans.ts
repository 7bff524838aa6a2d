// Which refs have which pair, read from the runs in front of all label sets: what the lists of a head that
// is opened are made of. Neighbours share most pairs, so spans of refs come instead of single ones.
import { grown } from '@weir/bytes';
import { PAGE_BITS } from '../pages/pages.ts';
import { MASKED_MAX, type PairRuns } from '../series/pair-runs.ts';
import { R, RECORD_BITS, type SeriesStore, SLAB_BITS, SLAB_MASK } from '../series/series-store.ts';

/** Stands for the list of all series of the tenant. */
export const ALL = -1;

/** All refs from `from` to below `to` have the pair. */
type SpanFound = (tenant: number, pair: number, from: number, to: number) => void;

/** Tells spans of live series; those of one pair come in the order of refs. Yields after each group. */
export function* forEachSpan(store: SeriesStore, found: SpanFound): Generator<void> {
  const spans = new Spans(store, found);
  for (let ref = 0; ref < store.refs; ) {
    const end = Math.min(store.refs, (ref | SLAB_MASK) + 1);
    for (; ref < end; ref++) spans.next(ref);
    yield;
  }
  spans.end(store.refs);
}

class Spans {
  readonly #store: SeriesStore;
  readonly #found: SpanFound;
  /** Of the series before: its tenant, -1 for none, and by label its pair and where the pair's span begins. */
  #tenant = -1;
  #tenantFrom = 0;
  #count = 0;
  #pairs = new Int32Array(64);
  #from = new Int32Array(64);

  constructor(store: SeriesStore, found: SpanFound) {
    this.#store = store;
    this.#found = found;
  }

  next(ref: number): void {
    const { records, runs, pageTenants } = this.#store;
    const record = records[ref >>> SLAB_BITS];
    const at = (ref & SLAB_MASK) << RECORD_BITS;
    if (record[at + R.labelsLength] === 0) {
      this.end(ref);
      return;
    }
    const tenant = pageTenants[record[at + R.pageSlot] >>> PAGE_BITS];
    if (tenant !== this.#tenant) {
      this.end(ref);
      this.#tenant = tenant;
      this.#tenantFrom = ref;
    }
    this.#become(runs.read(record[at + R.labels]), ref, runs);
  }

  /** Ends all spans. */
  end(ref: number): void {
    if (this.#tenant < 0) return;
    this.#found(this.#tenant, ALL, this.#tenantFrom, ref);
    for (let label = 0; label < this.#count; label++) this.#endSpan(label, ref);
    this.#tenant = -1;
    this.#count = 0;
  }

  /** Ends spans of pairs that the series does not have, and begins those of the ones that are new. */
  #become(count: number, ref: number, { pairs, changed }: PairRuns): void {
    const before = this.#count;
    for (let label = count; label < before; label++) this.#endSpan(label, ref);
    const shared = Math.min(count, before);
    if (count <= MASKED_MAX) {
      for (let left = changed & ((1 << shared) - 1); left !== 0; left &= left - 1) {
        const label = 31 - Math.clz32(left & -left);
        if (pairs[label] !== this.#pairs[label]) this.#change(label, ref, pairs[label]);
      }
    } else {
      for (let label = 0; label < shared; label++) {
        if (pairs[label] !== this.#pairs[label]) this.#change(label, ref, pairs[label]);
      }
    }
    while (count > this.#pairs.length) {
      this.#pairs = grown(this.#pairs);
      this.#from = grown(this.#from);
    }
    for (let label = before; label < count; label++) this.#begin(label, ref, pairs[label]);
    this.#count = count;
  }

  #change(label: number, ref: number, pair: number): void {
    this.#endSpan(label, ref);
    this.#begin(label, ref, pair);
  }

  #begin(label: number, ref: number, pair: number): void {
    this.#pairs[label] = pair;
    this.#from[label] = ref;
  }

  #endSpan(label: number, ref: number): void {
    this.#found(this.#tenant, this.#pairs[label], this.#from[label], ref);
  }
}
