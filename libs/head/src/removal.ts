// Series leaving the head once no window holds a sample of them. For all that is applied they are gone
// with the drop; a pass over the tenant's series takes them out of memory, in steps of about a millisecond
// between which samples may be applied and series read. Therefore nothing may show how far the pass is:
// what a record names is visited before it is applied, a limit that seems to be reached lets the pass go
// on, and who needs the whole (a checkpoint, the next drop, a digest) finishes it. Then what only this
// process has is cleaned up: lists, orders, and the memory of all of it. A ref, a page's slot and arena
// memory are given away again only when no read is left that may know them.
import { isEmptyPage, type Metric, type Page } from './pages/pages.ts';
import { C, R } from './series/series-store.ts';
import type { HeadState } from './state.ts';
import type { Removal, Tenant } from './windows.ts';

/** Series that one step visits. */
const VISIT_STEP = 1024;
/** Series that one step removes; each costs a look-up of all its labels. */
const REMOVE_STEP = 256;
/** Removed series whose places are given away again in one step. */
const FREE_STEP = 4096;

const NO_WINDOWS: ReadonlySet<number> = new Set();

/** Takes windows without samples from the tenant's series, and removes those that have no other. */
export function removeEmptySeries(state: HeadState, tenant: Tenant): Iterable<void> {
  const live = tenant.live().map(({ index }) => index);
  const early = tenant.takeDroppedEarly();
  const pages = [...state.pages.metricsOf(tenant.id)].flatMap((metric) => metric.pages);
  const number = ++state.lastRemoval;
  const removal = { number, live, early, pages, next: 0, refs: [], metrics: new Set<Metric>() };
  state.removals.add(removal);
  tenant.removal = removal;
  tenant.dirty = true;
  if (live.length === 0) tenant.forgetMetadata();
  return steps(state, tenant, removal);
}

function* steps(state: HeadState, tenant: Tenant, removal: Removal): Generator<void> {
  while (tenant.removal === removal && visitMore(state, tenant)) yield;
  const isAlive = (ref: number) => state.store.labelsLength(ref) !== 0;
  for (const metric of removal.metrics) {
    metric.unsorted = metric.unsorted.filter(isAlive);
    metric.sorted = metric.sorted.filter(isAlive);
    yield;
  }
  yield* state.purgeIndex(isAlive);
  const emptied = state.store.labels.takeEmptied();
  const pairSlabs = state.index.takeEmptied();
  let atOnce = false;
  let ended = false;
  state.reads.whenEarlierEnd(() => {
    ended = true;
    state.store.labels.release(emptied);
    state.index.release(pairSlabs);
    if (atOnce) for (const _ of finish(state, removal));
  });
  // Nobody makes further steps when the last read ends later.
  if (ended) yield* finish(state, removal);
  else atOnce = true;
}

/** Visits all that a pass under way has not visited yet. */
export function finishRemoval(state: HeadState, tenant: Tenant): void {
  while (visitMore(state, tenant));
}

/** One step of a pass under way; false where there is none. */
export function visitMore(state: HeadState, tenant: Tenant): boolean {
  const { removal } = tenant;
  if (!removal) return false;
  const { pages, refs } = removal;
  for (let work = 0; removal.next < pages.length && work < VISIT_STEP; removal.next++) {
    const page = pages[removal.next];
    const before = refs.length;
    visitPage(state, tenant, removal, page);
    work += page.refs.length + (refs.length - before) * (VISIT_STEP / REMOVE_STEP);
  }
  if (removal.next === pages.length) tenant.removal = undefined;
  return true;
}

function visitPage(state: HeadState, tenant: Tenant, removal: Removal, page: Page): void {
  const empty: number[] = [];
  for (const next of page.refs) {
    if (next > 0 && isEmptied(state, removal, next - 1)) empty.push(next - 1);
  }
  if (empty.length > 0) state.removeSeries(tenant, empty, removal);
}

/** Visits a series that is to change; true where it has been, or now is, removed. */
export function removeIfEmpty(state: HeadState, tenant: Tenant, ref: number): boolean {
  if (state.store.labelsLength(ref) === 0) return true;
  const { removal } = tenant;
  if (!removal || !isEmptied(state, removal, ref)) return false;
  state.removeSeries(tenant, [ref], removal);
  return true;
}

/** Takes windows without samples from a series that was not visited yet; true where it has no other. */
function isEmptied(state: HeadState, removal: Removal, ref: number): boolean {
  const { store } = state;
  if (store.getCold(ref, C.pass) === removal.number) return false;
  const { early } = removal;
  const isIdle = early !== undefined && state.activity.minutes[ref] < early.idleSince;
  const newest = store.record(ref, R.window);
  const mask = liveMask(removal, newest, isIdle ? early.dropped : NO_WINDOWS);
  const bits = store.getCold(ref, C.windows);
  if ((bits & mask) === 0) return true;
  store.setCold(ref, C.pass, removal.number);
  store.moveSparse(ref);
  if ((bits & mask) === bits) return false;
  store.touch(ref);
  store.setCold(ref, C.windows, bits & mask);
  return false;
}

/** Which bits of a series' windows, counted back from its newest one, stand for windows with samples. */
function liveMask({ live }: Removal, newest: number, except: ReadonlySet<number>): number {
  let mask = 0;
  for (const index of live) {
    if (index <= newest && !except.has(index)) mask |= 1 << Math.min(newest - index, 31);
  }
  return mask;
}

function* finish(state: HeadState, removal: Removal): Generator<void> {
  const { refs, metrics } = removal;
  const { pages, store } = state;
  for (let from = 0; from < refs.length; from += FREE_STEP) {
    const some = refs.slice(from, from + FREE_STEP);
    for (const ref of some) pages.free(store.record(ref, R.pageSlot));
    store.reuse(some);
    yield;
  }
  state.removals.delete(removal);
  for (const metric of metrics) {
    const empty = metric.pages.filter(isEmptyPage);
    if (empty.length === 0) continue;
    pages.detach(metric, new Set(empty));
    // Their numbers go to other series when a checkpoint holds them as empty.
    state.emptyPages.push(...empty);
    if (metric.pages.length === 0) pages.removeMetric(metric);
    yield;
  }
}
