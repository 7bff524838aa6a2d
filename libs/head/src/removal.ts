// Series leaving the head once no window holds a sample of them, in steps of about a millisecond between
// which samples may be applied and series read. First all series are visited, in the order of their pages
// (the same in every head with this state): that is the part of the state which a restart has to finish.
// Then what only this process has is cleaned up: lists, orders, and the memory of all of it. A ref, a
// page's slot and arena memory are given away again only when no read is left that may know them.
import { isEmptyPage, type Page } from './pages/pages.ts';
import { C, R } from './series/series-store.ts';
import type { HeadState, Removal } from './state.ts';
import type { EarlyCut, Tenant } from './windows.ts';

/** Series that one step visits. */
const VISIT_STEP = 1024;
/** Series that one step removes; each costs a look-up of all its labels. */
const REMOVE_STEP = 256;

/** By newest window of a series, see liveMask(); `idle` for series that an early cut took whole. */
interface Masks {
  readonly live: Map<number, number>;
  readonly idle: Map<number, number>;
}

const NO_WINDOWS: ReadonlySet<number> = new Set();

/** Takes windows without samples from the tenant's series, and removes those that have no other. */
export function* removeEmptySeries(state: HeadState, tenant: Tenant): Generator<void> {
  const removal: Removal = { refs: [], metrics: new Set() };
  state.removals.add(removal);
  tenant.removing = true;
  tenant.dirty = true;
  const endsEarly = isWhollyDropped(tenant.early);
  yield* visitSeries(state, tenant, removal);
  tenant.removing = false;
  if (endsEarly) tenant.early = undefined;
  tenant.dirty = true;
  const isAlive = (ref: number) => state.store.labelsLength(ref) !== 0;
  for (const metric of removal.metrics) {
    metric.unsorted = metric.unsorted.filter(isAlive);
    metric.sorted = metric.sorted.filter(isAlive);
    yield;
  }
  yield* state.purgeIndex(isAlive);
  if (tenant.seriesCount === 0) tenant.forgetMetadata();
  const emptied = state.store.labels.takeEmptied();
  const pairSlabs = state.index.takeEmptied();
  state.reads.whenEarlierEnd(() => {
    state.store.labels.release(emptied);
    state.index.release(pairSlabs);
    finish(state, removal);
  });
}

function* visitSeries(state: HeadState, tenant: Tenant, removal: Removal): Generator<void> {
  let work = 0;
  let masks: Masks = { live: new Map(), idle: new Map() };
  for (const page of pagesOf(state, tenant)) {
    const before = removal.refs.length;
    visitPage(state, tenant, page, masks, removal);
    work += page.refs.length + (removal.refs.length - before) * (VISIT_STEP / REMOVE_STEP);
    if (work < VISIT_STEP) continue;
    work = 0;
    yield;
    // Windows may have come meanwhile.
    masks = { live: new Map(), idle: new Map() };
  }
}

function pagesOf(state: HeadState, tenant: Tenant): Page[] {
  const pages = [...state.pages.metricsOf(tenant.id)].flatMap((metric) => metric.pages);
  return pages.sort((a, b) => a.id - b.id);
}

function isWhollyDropped(early: EarlyCut | undefined): boolean {
  return early !== undefined && early.dropped.size === early.through.size;
}

function visitPage(
  state: HeadState,
  tenant: Tenant,
  page: Page,
  masks: Masks,
  removal: Removal,
): void {
  const { store } = state;
  const { minutes } = state.activity;
  const early = isWhollyDropped(tenant.early) ? tenant.early : undefined;
  const empty: number[] = [];
  for (const next of page.refs) {
    const ref = next - 1;
    if (ref < 0) continue;
    const newest = store.record(ref, R.window);
    const isIdle = early !== undefined && minutes[ref] < early.idleSince;
    const known = isIdle ? masks.idle : masks.live;
    let mask = known.get(newest);
    if (mask === undefined) {
      mask = liveMask(tenant, newest, isIdle ? early.dropped : NO_WINDOWS);
      known.set(newest, mask);
    }
    const bits = store.getCold(ref, C.windows);
    if ((bits & mask) === 0) empty.push(ref);
    else store.moveSparse(ref);
    if ((bits & mask) === bits) continue;
    state.touchOpen(page.id);
    store.setCold(ref, C.windows, bits & mask);
  }
  if (empty.length > 0) state.removeSeries(tenant, empty, removal);
}

/** Which bits of a series' windows, counted back from its newest one, stand for windows with samples. */
function liveMask(tenant: Tenant, newest: number, except: ReadonlySet<number>): number {
  let mask = 0;
  for (const { index } of tenant.live()) {
    if (index <= newest && !except.has(index)) mask |= 1 << Math.min(newest - index, 31);
  }
  return mask;
}

function finish(state: HeadState, removal: Removal): void {
  const { refs, metrics } = removal;
  const { pages, store } = state;
  for (const ref of refs) pages.free(store.record(ref, R.pageSlot));
  for (const metric of metrics) {
    const empty = metric.pages.filter(isEmptyPage);
    if (empty.length === 0) continue;
    pages.detach(metric, new Set(empty));
    // Their numbers go to other series when a checkpoint holds them as empty.
    state.emptyPages.push(...empty);
    if (metric.pages.length === 0) pages.removeMetric(metric);
  }
  store.reuse(refs);
  state.removals.delete(removal);
}
