// Everything a head holds in memory, and the steps that several of its parts need: naming tenants,
// creating and removing series, and the two flags words of a page that changes. Applying, reading and
// checkpointing are built on it and do not know each other.

import { text } from '@weir/bytes';
import { LabelReader } from '@weir/model';
import type { ShippedWindow, TenantSettings } from './head.ts';
import { type Metric, PAGE_BITS, type Page, Pages } from './pages/pages.ts';
import { KeptSelections } from './postings/kept-selections.ts';
import { LabelIndex } from './postings/label-index.ts';
import { EpochTimes } from './reads/epoch-times.ts';
import { KeptRows } from './reads/kept-rows.ts';
import { Appender } from './series/append.ts';
import { C, R, SeriesStore, SLAB_BITS, SLAB_MASK } from './series/series-store.ts';
import { PENDING, PREPARED } from './series/slab-flags.ts';
import { Activity } from './tenants/activity.ts';
import type { ExemplarRuns } from './tenants/exemplars.ts';
import { type Removal, Tenant, WINDOW_MS } from './windows.ts';

const METRIC_NAME = '__name__';
/** How many records of a head may take its log time back: see log-time.ts. */
export const YOUNG_RECORDS = 64;
/** Bytes that are kept for the next query: so many, and so many for each series. Of rows of the store: */
const KEPT_MIN_BYTES = 1024 * 1024;
const KEPT_SERIES_BYTES = 128;
/** And of what matchers select: */
const SELECTIONS_MIN_BYTES = 64 * 1024;
const SELECTIONS_SERIES_BYTES = 12;

/** A checkpoint that is being written: it wants to see slabs before they change. */
export interface SlabCapture {
  captureGroup(group: number): void;
  captureBlocks(slab: number): void;
  capturePairs(part: number): void;
  room(): Promise<void> | undefined;
}

export class HeadState {
  readonly store = new SeriesStore();
  readonly pages = new Pages();
  readonly index = new LabelIndex();
  readonly selections = new KeptSelections(
    this.index,
    () => SELECTIONS_MIN_BYTES + this.store.count * SELECTIONS_SERIES_BYTES,
  );
  readonly activity = new Activity(this.store, this.index);
  readonly appender = new Appender(this.store, this.activity);
  readonly tenants: Tenant[] = [];
  readonly tenantsByName = new Map<string, Tenant>();
  /** Per tenant: series whose first label is not __name__. */
  readonly nameNotFirst: number[] = [];
  position = 0;
  /** See log-time.ts. */
  logTimeMs = -Infinity;
  /** How many records more may take log time back. */
  youngRecords = YOUNG_RECORDS;
  samplesSinceCheckpoint = 0;
  running: SlabCapture | undefined;
  /** Told before a change that no record and no setting makes: see journal/head-journal.ts. */
  beforeCommand: () => void = () => {};
  readonly discards = new Map<string, Map<string, number>>();
  readonly reads = new Reads();
  readonly epochTimes = new EpochTimes();
  readonly keptRows = new KeptRows(() => KEPT_MIN_BYTES + this.store.count * KEPT_SERIES_BYTES);
  /** Epochs whose checkpoint was cut short: their rows don't count. */
  readonly exemplarRuns: ExemplarRuns = { nextId: 0, freed: [], cleared: [] };
  readonly abortedEpochs = new Set<number>();
  /** Removed series that reads under way may still look at. */
  readonly removals = new Set<Removal>();
  lastRemoval = 0;
  /** Pages without series: their numbers are free when a checkpoint says so. */
  readonly emptyPages: Page[] = [];
  /** By label pair __name__="…": its metric. */
  readonly #metricsByPair = new Map<number, Metric>();
  readonly #reader = new LabelReader();
  #committedEpoch = 0;

  constructor() {
    this.store.watcher = this;
    this.store.blocks.watcher = this;
    this.index.pairs.watcher = this;
  }

  /** The last epoch that is committed in the store; its chunks are there. */
  get committedEpoch(): number {
    return this.#committedEpoch;
  }

  set committedEpoch(epoch: number) {
    this.#committedEpoch = epoch;
    for (const { id, eventTime } of this.tenantsByName.values()) {
      if (eventTime > -Infinity) this.epochTimes.committed(id, epoch, eventTime);
    }
  }

  tenant(name: string): Tenant {
    return this.tenantsByName.get(name) ?? this.addTenant(name, this.tenants.length);
  }

  addTenant(name: string, id: number): Tenant {
    const tenant = new Tenant(id, name);
    this.tenants[id] = tenant;
    this.nameNotFirst[id] = 0;
    this.tenantsByName.set(name, tenant);
    return tenant;
  }

  configure(name: string, settings: TenantSettings): void {
    const tenant = this.tenant(name);
    tenant.configure(settings);
    tenant.exemplars.trim(this.exemplarRuns, settings.exemplarsMax ?? 0);
    this.activity.configured(tenant);
  }

  /** The tenant's records from the offset on stay in the log: see PartitionHead.park(). */
  park(name: string, fromOffset: number): void {
    this.beforeCommand();
    const tenant = this.tenant(name);
    tenant.parkedFrom = Math.min(tenant.parkedFrom ?? fromOffset, fromOffset);
    tenant.dirty = true;
  }

  markShipped(shipped: readonly ShippedWindow[]): void {
    for (const { tenant: name, minT, throughOffset } of shipped) {
      if (!this.tenantsByName.has(name)) this.beforeCommand();
      const tenant = this.tenant(name);
      const state = tenant.window(Math.floor(minT / WINDOW_MS));
      if (state.shippedThrough >= throughOffset) continue;
      // What is below the position says nothing about records that come.
      if (throughOffset >= this.position) this.beforeCommand();
      state.shippedThrough = Math.max(state.shippedThrough, throughOffset);
      tenant.dirty = true;
    }
  }

  discard(tenant: string, reason: string, count = 1): void {
    let reasons = this.discards.get(tenant);
    if (!reasons) {
      reasons = new Map();
      this.discards.set(tenant, reasons);
    }
    reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }

  /** Creates a series from canonical labels that no series of the tenant has; `view` views `bytes`. */
  createSeries(
    tenant: Tenant,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    length: number,
    hash: number,
  ): number {
    const { index, store } = this;
    const ref = store.takeRef();
    index.addSeries(tenant.id, ref, bytes, view, from, length);
    store.add(ref, view, from, length, hash, index.lastPairs, index.lastPairCount);
    const metric = this.#metricOf(tenant, bytes, from, length);
    const pageSlot = this.pages.place(metric);
    this.pages.closed[pageSlot >>> PAGE_BITS] = 0;
    this.pages.fill(pageSlot, ref);
    this.store.setCold(ref, C.pass, tenant.removal?.number ?? 0);
    this.#enter(tenant, ref, pageSlot, metric.unsorted, hash);
    tenant.changes.created++;
    return ref;
  }

  #enter(tenant: Tenant, ref: number, pageSlot: number, unsorted: number[], hash: number): void {
    const { store } = this;
    store.setRecord(ref, R.pageSlot, pageSlot);
    store.setPageTenant(pageSlot >>> PAGE_BITS, tenant.id);
    unsorted.push(ref);
    this.activity.added(tenant, ref);
    tenant.seriesCount++;
    tenant.seriesSum = (tenant.seriesSum + hash) | 0;
    tenant.dirty = true;
  }

  /**
   * The metric of the series that was indexed last; also counts label sets that __name__ does not lead.
   * Most series find it by their first label's pair, without their name as a string.
   */
  #metricOf(tenant: Tenant, bytes: Uint8Array, from: number, length: number): Metric {
    const first = this.index.lastPairs[0];
    const known = this.#metricsByPair.get(first);
    if (known !== undefined && this.index.lastPairCount > 0) return known;
    const reader = this.#reader.reset(bytes, from, from + length);
    let name = '';
    for (let at = 0; reader.next(); at++) {
      if (!isMetricName(bytes, reader.nameFrom, reader.nameTo)) continue;
      name = text(bytes.subarray(reader.valueFrom, reader.valueTo));
      const metric = this.pages.metric(tenant.id, name);
      if (at > 0) this.nameNotFirst[tenant.id]++;
      else this.#metricsByPair.set(first, metric);
      return metric;
    }
    this.nameNotFirst[tenant.id]++;
    return this.pages.metric(tenant.id, name);
  }

  /** Series that no longer hold anything: out of the table, their pages, all counts; see removal.ts. */
  removeSeries(tenant: Tenant, refs: readonly number[], removal: Removal): void {
    const { store } = this;
    for (const ref of refs) {
      this.activity.removed(tenant, ref);
      const pageSlot = store.record(ref, R.pageSlot);
      const page = pageSlot >>> PAGE_BITS;
      store.touch(ref);
      const pairs = store.runs.read(store.record(ref, R.labels));
      this.index.forgetSeries(tenant.id, store.runs.pairs, pairs);
      this.pages.remove(pageSlot);
      this.appender.outOfOrder.forget(ref);
      this.appender.histograms.forget(ref);
      this.appender.starts.forget(ref);
      tenant.seriesSum = (tenant.seriesSum - store.record(ref, R.hash)) | 0;
      if (tenant.lastRef === ref + 1) tenant.lastRef = 0;
      store.remove(ref);
      removal.refs.push(ref);
      removal.metrics.add(this.pages.page(page).metric);
    }
    tenant.seriesCount -= refs.length;
    tenant.changes.removed += refs.length;
  }

  /** Takes removed series out of the index, in steps. */
  purgeIndex(isAlive: (ref: number) => boolean): Generator<void> {
    return this.index.purge(isAlive, (pair) => this.#metricsByPair.delete(pair));
  }

  beforeGroup(group: number, flags: number): void {
    if ((flags & PENDING) !== 0) this.running?.captureGroup(group);
    if ((flags & PREPARED) !== 0) this.#reopen(group);
  }

  beforeBlocks(slab: number): void {
    if ((this.store.blocks.flags[slab] & PENDING) !== 0) this.running?.captureBlocks(slab);
  }

  beforePairs(part: number): void {
    if ((this.index.pairs.flags[part] & PENDING) !== 0) this.running?.capturePairs(part);
  }

  /** The pages of a group's series may get something open again. */
  #reopen(group: number): void {
    const first = group << SLAB_BITS;
    const end = Math.min(first + SLAB_MASK + 1, this.store.refs);
    for (let ref = first; ref < end; ref++) {
      if (this.store.labelsLength(ref) === 0) continue;
      this.pages.closed[this.store.record(ref, R.pageSlot) >>> PAGE_BITS] = 0;
    }
  }

  mayReach(ref: number, window: number): boolean {
    const back = Math.min(this.store.record(ref, R.window) - window, 31);
    return back >= 0 && (this.store.getCold(ref, C.windows) & (1 << back)) !== 0;
  }
}

function isMetricName(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== METRIC_NAME.length) return false;
  for (let at = 0; at < METRIC_NAME.length; at++) {
    if (bytes[from + at] !== METRIC_NAME.charCodeAt(at)) return false;
  }
  return true;
}

/** Reads under way, so that what they may still look at is not reused or deleted. */
export class Reads {
  #next = 1;
  readonly #active = new Set<number>();
  #waiting: { readonly before: number; readonly run: () => void }[] = [];

  begin(): number {
    this.#active.add(this.#next);
    return this.#next++;
  }

  end(read: number): void {
    this.#active.delete(read);
    const oldest = this.oldest();
    const ready = this.#waiting.filter(({ before }) => before <= oldest);
    this.#waiting = this.#waiting.filter(({ before }) => before > oldest);
    for (const { run } of ready) run();
  }

  /** The number of the oldest active read; that of the next one when none is active. */
  oldest(): number {
    let oldest = this.#next;
    for (const read of this.#active) oldest = Math.min(oldest, read);
    return oldest;
  }

  get next(): number {
    return this.#next;
  }

  /** Runs when all reads that are active now have ended. */
  whenEarlierEnd(run: () => void): void {
    if (this.oldest() === this.#next) run();
    else this.#waiting.push({ before: this.#next, run });
  }
}
