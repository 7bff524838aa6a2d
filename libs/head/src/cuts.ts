// Windows leaving the head: which are due, freezing what a block will hold, and forgetting it once the
// block is verified. A window's samples are grouped in generations (see windows.ts); a cut freezes the
// open one, so what is applied while the cut streams belongs to the next.
import type { TenantSettings, TenantWindow } from './head.ts';
import type { Page } from './pages/pages.ts';
import { finishRemoval, removeEmptySeries } from './removal.ts';
import { C, R, SLAB_BITS } from './series/series-store.ts';
import { PREPARED } from './series/slab-flags.ts';
import type { HeadState } from './state.ts';
import { lateCutStep, type Tenant, WINDOW_MS, type WindowState } from './windows.ts';

/** Series that prepareCut() visits in one step: about a millisecond where they have open chunks. */
const PREPARE_STEP = 1024;

/**
 * Closes the open chunks of windows that are due, a step of some at a time, and marks the pages that have
 * none left, so that cutDue() has to visit only those that changed since. Samples may be applied between
 * the steps, so this must not show: what an open chunk holds decides about a conflicting sample. Hence
 * only windows that no sample reaches any more, and no page with late samples waiting (they may be of
 * other windows); the rest is cutDue()'s, at one moment.
 */
export function* prepareCut(state: HeadState, all: boolean): Generator<void> {
  const due = new Map<Tenant, Set<number>>();
  for (const { tenant, window } of dueWindows(state, all)) {
    if (!isOpenDue(state, window, all)) continue;
    if ((window.index + 1) * WINDOW_MS > tenant.oldestTime) continue;
    const windows = due.get(tenant) ?? new Set();
    due.set(tenant, windows.add(window.index));
  }
  for (const [tenant, windows] of due) {
    yield* closePages(state, tenant, windows, false);
  }
}

/** Closes what a tenant has open of some windows, and marks its pages as closed; without `withLate`, not of pages with late samples. */
export function* closePages(
  state: HeadState,
  tenant: Tenant,
  windows: ReadonlySet<number>,
  withLate: boolean,
): Generator<void> {
  for (const page of pagesOf(state, tenant)) state.pages.closed[page.id] = 0;
  tenant.prepared = windows;
  let visited = 0;
  for (const page of pagesOf(state, tenant)) {
    // Pages may be freed or given to others between the steps.
    if (state.pages.byId[page.id] !== page) continue;
    visited += page.refs.length;
    if (!withLate && page.refs.some((next) => hasLate(state, next - 1))) continue;
    closePage(state, tenant, page, windows);
    markClosed(state, page);
    if (visited < PREPARE_STEP) continue;
    visited = 0;
    yield;
  }
}

/** Until one of its series changes. */
function markClosed({ pages, store }: HeadState, page: Page): void {
  pages.closed[page.id] = 1;
  for (const next of page.refs) {
    if (next > 0) store.groupFlags[(next - 1) >>> SLAB_BITS] |= PREPARED;
  }
}

function hasLate({ store }: HeadState, ref: number): boolean {
  return ref >= 0 && store.getCold(ref, C.outOfOrder) !== 0;
}

function pagesOf(state: HeadState, tenant: Tenant): Page[] {
  return [...state.pages.metricsOf(tenant.id)].flatMap(({ pages }) => pages);
}

function dueWindows(state: HeadState, all: boolean): { tenant: Tenant; window: WindowState }[] {
  return state.tenants.flatMap((tenant) =>
    tenant
      .live()
      .filter((window) => {
        if (all) return true;
        if (!tenant.isClosed(window.index)) return false;
        return window.generations[0].frozen || isOpenDue(state, window, all);
      })
      .map((window) => ({ tenant, window })),
  );
}

/**
 * Whether the generation that takes samples is to be frozen. Late samples of a window that was closed
 * when the first of them came are gathered until log time reaches the next step: a block each 2 h.
 */
function isOpenDue(state: HeadState, window: WindowState, all: boolean): boolean {
  const open = window.generations.at(-1);
  if (!open || open.frozen) return false;
  return all || open.lateSince === undefined || lateCutStep(state.logTimeMs) > open.lateSince;
}

export function cutDue(state: HeadState, all: boolean): TenantWindow[] {
  return dueWindows(state, all).map(({ tenant, window }) => {
    const minT = window.index * WINDOW_MS;
    // A closed window takes no more samples; one that is flushed does, and they must stay apart.
    if (isOpenDue(state, window, all)) freeze(state, tenant, window);
    const generations = window.generations.filter(({ frozen }) => frozen);
    const firstOffset = Math.min(...generations.map((generation) => generation.firstOffset));
    const lastOffset = Math.max(...generations.map((generation) => generation.lastOffset));
    return { tenant: tenant.name, minT, maxT: minT + WINDOW_MS, firstOffset, lastOffset };
  });
}

/** Closes all open chunks of the window; later samples make a new generation. */
export function freeze(state: HeadState, tenant: Tenant, window: WindowState): void {
  const open = window.generations.at(-1);
  if (!open || open.frozen) return;
  state.beforeCommand();
  const windows = new Set([window.index]);
  const isPrepared = tenant.prepared.has(window.index);
  for (const page of pagesOf(state, tenant)) {
    if (isPrepared && state.pages.closed[page.id] === 1) continue;
    closePage(state, tenant, page, windows);
  }
  open.frozen = true;
  tenant.dirty = true;
}

function closePage(
  state: HeadState,
  tenant: Tenant,
  page: Page,
  windows: ReadonlySet<number>,
): void {
  for (const next of page.refs) {
    const ref = next - 1;
    if (ref < 0) continue;
    const newest = state.store.record(ref, R.window);
    if (windows.has(newest)) closeOpen(state, tenant, ref, newest);
    else if (hasLate(state, ref)) {
      // Late samples may be of any window that the series reaches.
      for (const window of windows) {
        if (state.mayReach(ref, window)) closeOpen(state, tenant, ref, window);
      }
    }
  }
}

/** Closes what a series has open of a window; false where that is nothing. */
function closeOpen(state: HeadState, tenant: Tenant, ref: number, window: number): boolean {
  const { store, appender } = state;
  const hasOpen = store.record(ref, R.window) === window && appender.hasOpen(ref);
  const isLate = hasLate(state, ref);
  if (!hasOpen && !isLate) return false;
  store.touchClosing(ref);
  if (hasOpen) appender.endChunk(ref, tenant);
  if (isLate) appender.closeOutOfOrder(ref, tenant);
  return true;
}

/**
 * New settings of a tenant. Where late samples may reach windows again that none could reach before, a
 * prepared cut may have closed what is open of them, or not: now it is closed in any case.
 */
export function configure(state: HeadState, name: string, settings: TenantSettings): void {
  const tenant = state.tenant(name);
  const before = tenant.oldestTime;
  state.configure(name, settings);
  const reached = tenant.live().filter(({ index }) => {
    const end = (index + 1) * WINDOW_MS;
    return end <= before && end > tenant.oldestTime;
  });
  if (reached.length === 0) return;
  const windows = new Set(reached.map(({ index }) => index));
  for (const page of pagesOf(state, tenant)) closePage(state, tenant, page, windows);
}

/** Generations of the window that samples of records up to `lastOffset` make up. */
export function cutThrough(window: WindowState, lastOffset: number): number {
  let through = -1;
  for (const generation of window.generations) {
    if (generation.lastOffset > lastOffset) break;
    through = generation.number;
  }
  return through;
}

/**
 * Forgets a window's generations up to `lastOffset`. One that also has samples of later records stays
 * whole: a sample that is both in a block and in the head counts once, a lost one would not. What is
 * forgotten is so at once; the steps that are returned take the series that became empty, and nothing
 * else, out of memory. Samples may be applied between them: no later state shows when they came.
 */
export function drop(state: HeadState, dropped: TenantWindow): Iterable<void> {
  const tenant = state.tenantsByName.get(dropped.tenant);
  const window = tenant?.windows.get(Math.floor(dropped.minT / WINDOW_MS));
  if (!tenant || !window) return [];
  finishRemoval(state, tenant);
  const through = cutThrough(window, dropped.lastOffset);
  if (through >= 0 || dropped.lastOffset >= state.position) state.beforeCommand();
  window.shippedThrough = Math.max(window.shippedThrough, dropped.lastOffset);
  tenant.dirty = true;
  if (through < 0) return [];
  if (through === window.generations.at(-1)?.number) freeze(state, tenant, window);
  window.generations = window.generations.filter(({ number }) => number > through);
  const oldest = tenant.live()[0]?.index ?? Infinity;
  tenant.exemplars.forgetBefore(state.exemplarRuns, oldest * WINDOW_MS);
  tenant.drops.set(window.index, {
    window: window.index,
    through,
    durable: false,
    readNumber: state.reads.next,
  });
  const endsEarlyCut = tenant.droppedEarly(window.index, through);
  if (window.generations.length > 0 && !endsEarlyCut) return [];
  return removeEmptySeries(state, tenant);
}

export function safeOffset(state: HeadState): number {
  let safe = state.position;
  for (const tenant of state.tenants) {
    safe = Math.min(safe, tenant.parkedFrom ?? safe);
    for (const window of tenant.windows.values()) {
      for (const { firstOffset } of window.generations) safe = Math.min(safe, firstOffset);
    }
  }
  return safe;
}
