// Cutting a tenant's windows before they close, so that series which have got no sample for a while leave
// memory: those of pods that are gone, or of a tenant that sends nothing any more. All windows are frozen
// and cut as for a flush. When the last of their blocks is dropped, a series leaves although its windows
// live on, if its last sample was applied before the minute that the cut named: by log time, which never
// goes back, so nothing of it can be in a later generation.
import { closePages, freeze } from './cuts.ts';
import type { TenantWindow } from './head.ts';
import type { HeadState } from './state.ts';
import { WINDOW_MS } from './windows.ts';

const MINUTE_MS = 60_000;

/**
 * Closes the open chunks of a tenant in steps, so that cutEarly() finds few. Samples of windows that are
 * open may come between them, and what is closed is not compared with: so each step counts as a command.
 */
export function* prepareEarlyCut(state: HeadState, name: string): Generator<void> {
  const tenant = state.tenantsByName.get(name);
  if (!tenant || tenant.early) return;
  state.beforeCommand();
  yield* closePages(state, tenant, new Set(tenant.live().map(({ index }) => index)), true);
}

/**
 * The tenant's windows, frozen. Series without a sample in the last `idleMs` of log time leave with them.
 * While an earlier early cut is not dropped as a whole, its windows are told again.
 */
export function cutEarly(state: HeadState, name: string, idleMs: number): TenantWindow[] {
  const tenant = state.tenantsByName.get(name);
  if (!tenant) return [];
  const live = tenant.live();
  if (!tenant.early) {
    if (live.length === 0) return [];
    state.beforeCommand();
    for (const window of live) freeze(state, tenant, window);
    tenant.early = {
      idleSince: state.activity.minute - Math.ceil(idleMs / MINUTE_MS),
      through: new Map(live.map(({ index, generations }) => [index, generations.at(-1)!.number])),
      dropped: new Set(),
    };
    tenant.dirty = true;
  }
  const { through } = tenant.early;
  return live.flatMap(({ index, generations }) => {
    const cut = generations.filter(({ number }) => number <= (through.get(index) ?? -1));
    if (cut.length === 0) return [];
    const minT = index * WINDOW_MS;
    const firstOffset = Math.min(...cut.map((generation) => generation.firstOffset));
    const lastOffset = Math.max(...cut.map((generation) => generation.lastOffset));
    return [{ tenant: name, minT, maxT: minT + WINDOW_MS, firstOffset, lastOffset }];
  });
}
