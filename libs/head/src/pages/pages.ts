// Pages: up to 64 series of one metric of one tenant, the unit in which closed chunks lie in the store and
// are found there.
import { compareBytes, grown, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';

export const PAGE_SLOTS = 64;
export const PAGE_BITS = 6;

export interface Page {
  readonly id: number;
  readonly metric: Metric;
  /** Ref + 1 by slot; 0 is free. */
  refs: Int32Array;
}

export interface Metric {
  readonly id: number;
  readonly tenant: number;
  /** Value of __name__; '' where there is none. */
  readonly name: string;
  readonly nameBytes: Uint8Array;
  pages: Page[];
  free: number[];
  /** Refs in label order, when known; `unsorted` came after them. */
  sorted: Uint32Array;
  unsorted: number[];
}

export class Pages {
  readonly byId: (Page | undefined)[] = [];
  /** By page: 1 where no series of it has anything open of the windows that its tenant's cut was prepared for. */
  closed = new Uint8Array(64);
  /** Metrics that came or went since the last checkpoint began, by id. */
  readonly changedMetrics = new Map<number, Metric | undefined>();
  readonly #metrics = new Map<number, Map<string, Metric>>();
  /** Numbers of pages without series, to be given away again. */
  readonly #freePages: number[] = [];
  #nextMetric = 0;

  metricsOf(tenant: number): Iterable<Metric> {
    return this.#metrics.get(tenant)?.values() ?? [];
  }

  metric(tenant: number, name: string, id = this.#nextMetric): Metric {
    let byName = this.#metrics.get(tenant);
    if (!byName) {
      byName = new Map();
      this.#metrics.set(tenant, byName);
    }
    let metric = byName.get(name);
    if (!metric) {
      metric = {
        id,
        tenant,
        name,
        nameBytes: utf8(name),
        pages: [],
        free: [],
        sorted: new Uint32Array(0),
        unsorted: [],
      };
      this.#nextMetric = Math.max(this.#nextMetric, id + 1);
      this.changedMetrics.set(id, metric);
      byName.set(name, metric);
    }
    return metric;
  }

  /** The place for a new series, page × 64 + slot; fill() puts it there. */
  place(metric: Metric): number {
    const reused = metric.free.pop();
    if (reused !== undefined) return reused;
    const last = metric.pages.at(-1);
    const used = last ? usedSlots(last) : PAGE_SLOTS;
    if (last && used < PAGE_SLOTS) return (last.id << PAGE_BITS) | used;
    return this.addPage(metric).id << PAGE_BITS;
  }

  fill(pageSlot: number, ref: number): void {
    this.set(this.page(pageSlot >>> PAGE_BITS), pageSlot & (PAGE_SLOTS - 1), ref);
  }

  addPage(metric: Metric): Page {
    const page: Page = {
      id: this.#freePages.pop() ?? this.byId.length,
      metric,
      refs: new Int32Array(0),
    };
    this.byId[page.id] = page;
    metric.pages.push(page);
    if (page.id >= this.closed.length) this.closed = grown(this.closed);
    return page;
  }

  /**
   * Puts back pages by number, each with the metric whose id + 1 stands there; 0 is a free number. Their
   * refs, none yet, are set by the caller, who then calls restoreFree().
   */
  restore(metrics: ReadonlyMap<number, Metric>, ids: Int32Array): void {
    const refs = new Int32Array(ids.length * PAGE_SLOTS).fill(-1);
    while (this.closed.length < ids.length) this.closed = grown(this.closed);
    for (let id = 0; id < ids.length; id++) {
      if (ids[id] === 0) {
        this.byId.push(undefined);
        this.#freePages.push(id);
        continue;
      }
      const metric = metrics.get(ids[id] - 1);
      if (!metric) throw new WeirError('corrupt', `head store: page ${id} of unknown metric`);
      const page = { id, metric, refs: refs.subarray(id * PAGE_SLOTS, (id + 1) * PAGE_SLOTS) };
      this.byId.push(page);
      metric.pages.push(page);
    }
  }

  /** Makes the slots free that lie before one in use. */
  restoreFree(): void {
    for (const page of this.byId) {
      if (page === undefined) continue;
      let isBefore = false;
      for (let slot = PAGE_SLOTS - 1; slot >= 0; slot--) {
        if (page.refs[slot] !== -1) isBefore = true;
        else if (isBefore) {
          page.refs[slot] = 0;
          page.metric.free.push((page.id << PAGE_BITS) | slot);
        }
      }
    }
  }

  page(id: number): Page {
    return this.byId[id]!;
  }

  /** Sets a slot; the refs array is as long as the page has ever had slots in use. */
  set(page: Page, slot: number, ref: number): void {
    if (slot >= page.refs.length) {
      const grown = new Int32Array(slot + 1 <= 2 ? slot + 1 : PAGE_SLOTS);
      grown.fill(-1, page.refs.length);
      grown.set(page.refs);
      page.refs = grown;
    }
    page.refs[slot] = ref + 1;
  }

  /** Empties a slot; it is not given away again before free() is called. */
  remove(pageSlot: number): void {
    this.page(pageSlot >>> PAGE_BITS).refs[pageSlot & (PAGE_SLOTS - 1)] = 0;
  }

  free(pageSlot: number): void {
    this.page(pageSlot >>> PAGE_BITS).metric.free.push(pageSlot);
  }

  /** Takes empty pages out of their metric. Their numbers stay taken until freePage(). */
  detach(metric: Metric, empty: ReadonlySet<Page>): void {
    metric.pages = metric.pages.filter((page) => !empty.has(page));
    const ids = new Set([...empty].map(({ id }) => id));
    metric.free = metric.free.filter((pageSlot) => !ids.has(pageSlot >>> PAGE_BITS));
  }

  /** Gives a page's number away again, once a checkpoint holds nothing of it. */
  freePage({ id }: Page): void {
    this.byId[id] = undefined;
    this.#freePages.push(id);
  }

  /** Forgets a metric without pages. */
  removeMetric(metric: Metric): void {
    this.#metrics.get(metric.tenant)?.delete(metric.name);
    this.changedMetrics.set(metric.id, undefined);
  }
}

export function isEmptyPage(page: Page): boolean {
  return page.refs.every((ref) => ref <= 0);
}

/** Slots that were ever used: free ones among them are in the metric's list. Those that never were come last. */
function usedSlots({ refs }: Page): number {
  let from = 0;
  for (let to = refs.length; from < to; ) {
    const middle = (from + to) >>> 1;
    if (refs[middle] === -1) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** Metrics in the order of their names' bytes. */
export function byName(metrics: Iterable<Metric>): Metric[] {
  return [...metrics].sort((a, b) => compareBytes(a.nameBytes, b.nameBytes));
}
