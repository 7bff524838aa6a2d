// Windows leaving the head: which are due, freezing what a block will hold, and forgetting it once the
// block is verified. A window's samples are grouped in generations (see windows.ts); a cut freezes the
// open one, so what is applied while the cut streams belongs to the next.
import type { TenantWindow } from './head.ts';
import { PAGE_BITS } from './pages/pages.ts';
import { C, R } from './series/series-store.ts';
import type { HeadState } from './state.ts';
import { CLOSE_AFTER_MS, type Tenant, WINDOW_MS, type WindowState } from './windows.ts';

export function cutDue(state: HeadState, all: boolean): TenantWindow[] {
  const due: TenantWindow[] = [];
  for (const tenant of state.tenants) {
    for (const window of tenant.live()) {
      const minT = window.index * WINDOW_MS;
      const maxT = minT + WINDOW_MS;
      if (!all && tenant.eventTime < maxT + CLOSE_AFTER_MS) continue;
      // A closed window takes no more samples; one that is flushed does, and they must stay apart.
      freeze(state, tenant, window);
      const { generations } = window;
      const firstOffset = Math.min(...generations.map((generation) => generation.firstOffset));
      const lastOffset = Math.max(...generations.map((generation) => generation.lastOffset));
      due.push({ tenant: tenant.name, minT, maxT, firstOffset, lastOffset });
    }
  }
  return due;
}

/** Closes all open chunks of the window; later samples make a new generation. */
export function freeze(state: HeadState, tenant: Tenant, window: WindowState): void {
  const open = window.generations.at(-1);
  if (!open || open.frozen) return;
  for (const ref of seriesInWindow(state, tenant, window.index)) {
    state.touchOpen(state.store.record(ref, R.pageSlot) >>> PAGE_BITS);
    if (state.store.record(ref, R.window) === window.index) state.appender.closeChunk(ref, tenant);
    if (state.store.getCold(ref, C.outOfOrder) !== 0) state.appender.closeOutOfOrder(ref, tenant);
  }
  open.frozen = true;
  tenant.dirty = true;
}

/** Refs of the tenant's series that may have samples in a window, ascending. */
export function seriesInWindow(state: HeadState, tenant: Tenant, window: number): Uint32Array {
  const all = state.index.lists.read(state.index.tenant(tenant.id).all);
  return all.filter((ref) => state.mayReach(ref, window));
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
 * whole: a sample that is both in a block and in the head counts once, a lost one would not.
 */
export function drop(state: HeadState, dropped: TenantWindow): void {
  const tenant = state.tenantsByName.get(dropped.tenant);
  const window = tenant?.windows.get(Math.floor(dropped.minT / WINDOW_MS));
  if (!tenant || !window) return;
  window.shippedThrough = Math.max(window.shippedThrough, dropped.lastOffset);
  tenant.dirty = true;
  const through = cutThrough(window, dropped.lastOffset);
  if (through < 0) return;
  if (through === window.generations.at(-1)?.number) freeze(state, tenant, window);
  window.generations = window.generations.filter(({ number }) => number > through);
  tenant.drops.set(window.index, {
    window: window.index,
    through,
    durable: false,
    readNumber: state.reads.next,
  });
  if (window.generations.length === 0) removeEmptySeries(state, tenant, window.index);
}

/** Takes the window from its series' bits, and removes the series that have no window left. */
function removeEmptySeries(state: HeadState, tenant: Tenant, window: number): void {
  const oldest = tenant.live()[0]?.index ?? Infinity;
  const empty: number[] = [];
  for (const ref of seriesInWindow(state, tenant, window)) {
    const back = state.store.record(ref, R.window) - window;
    if (back >= 31 && oldest <= state.store.record(ref, R.window) - 31) continue;
    state.touchOpen(state.store.record(ref, R.pageSlot) >>> PAGE_BITS);
    const bits = state.store.getCold(ref, C.windows) & ~(1 << Math.min(back, 31));
    state.store.setCold(ref, C.windows, bits);
    if (bits === 0) empty.push(ref);
  }
  state.removeSeries(tenant, empty);
}

export function safeOffset(state: HeadState): number {
  let safe = state.position;
  for (const tenant of state.tenants) {
    for (const window of tenant.windows.values()) {
      for (const { firstOffset } of window.generations) safe = Math.min(safe, firstOffset);
    }
  }
  return safe;
}
