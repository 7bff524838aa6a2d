// Pages: up to 64 series of one metric of one tenant, the unit in which state is written and closed
// chunks are found. Flags say what of a page has changed since the last checkpoint, and what the running
// checkpoint has still to capture before it changes.
import { compareBytes, utf8 } from '@weir/bytes';

export const PAGE_SLOTS = 64;
export const PAGE_BITS = 6;

export const LABELS_DIRTY = 1;
export const OPEN_DIRTY = 2;
export const LABELS_PENDING = 4;
export const OPEN_PENDING = 8;
/** No series of the page has anything open of the windows that its tenant's cut was prepared for. */
export const CLOSED = 16;

export interface Page {
  readonly id: number;
  readonly metric: Metric;
  /** Ref + 1 by slot; 0 is free. */
  refs: Int32Array;
  /** Which of its two rows the next write takes. */
  labelsSlot: number;
  openSlot: number;
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

/** A page that lost its series: its number is free, and so are its two rows but for the committed ones. */
interface FreePage {
  readonly id: number;
  readonly labelsSlot: number;
  readonly openSlot: number;
}

export class Pages {
  readonly byId: (Page | undefined)[] = [];
  flags = new Uint8Array(64);
  readonly #metrics = new Map<number, Map<string, Metric>>();
  readonly #freePages: FreePage[] = [];
  #nextMetric = 0;

  /** Numbers of pages without series, to be given away again. */
  get freeNumbers(): readonly FreePage[] {
    return this.#freePages;
  }

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

  addPage(metric: Metric, wanted?: number): Page {
    const free = wanted === undefined ? this.#freePages.pop() : undefined;
    const id = wanted ?? free?.id ?? this.byId.length;
    const labelsSlot = free?.labelsSlot ?? 0;
    const openSlot = free?.openSlot ?? 0;
    const page: Page = { id, metric, refs: new Int32Array(0), labelsSlot, openSlot };
    while (this.byId.length < id) this.byId.push(undefined);
    this.byId[id] = page;
    metric.pages.push(page);
    if (id >= this.flags.length) {
      const grown = new Uint8Array(Math.max(id + 1, this.flags.length * 2));
      grown.set(this.flags);
      this.flags = grown;
    }
    return page;
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
  freePage({ id, labelsSlot, openSlot }: FreePage): void {
    this.byId[id] = undefined;
    this.#freePages.push({ id, labelsSlot, openSlot });
  }

  /** Forgets a metric without pages. */
  removeMetric(metric: Metric): void {
    this.#metrics.get(metric.tenant)?.delete(metric.name);
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
