// The log time of a head: the running maximum of record timestamps. One record moves it by five minutes at
// most, so that one bad clock can't put it far ahead. The first record has nothing to be compared with:
// therefore log time may go back while a head is young, to the smallest timestamp of its first records, and
// what was stamped with later times is stamped anew. Afterwards it never goes back; early cuts rely on that.
import { finishRemoval } from './removal.ts';
import type { HeadState } from './state.ts';
import { NEVER } from './tenants/activity.ts';
import { lateCutStep } from './windows.ts';

/** One record with a bad timestamp moves log time by no more than this. */
const STEP_MS = 300_000;

/** To be called with each record before it is applied. */
export function advanceLogTime(state: HeadState, timestampMs: number): void {
  const isYoung = state.youngRecords > 0;
  if (isYoung) state.youngRecords--;
  const { logTimeMs } = state;
  // Records without a time have 0 or -1.
  if (isYoung && timestampMs > 0 && timestampMs < logTimeMs - STEP_MS) {
    setBack(state, timestampMs);
    return;
  }
  if (!(timestampMs > logTimeMs)) return;
  state.logTimeMs =
    logTimeMs === -Infinity ? timestampMs : Math.min(timestampMs, logTimeMs + STEP_MS);
  state.activity.setTime(state.logTimeMs);
}

function setBack(state: HeadState, toMs: number): void {
  const { activity, index, store } = state;
  state.logTimeMs = toMs;
  activity.setTime(toMs);
  const step = lateCutStep(toMs);
  for (const tenant of state.tenants) {
    finishRemoval(state, tenant);
    for (const ref of index.lists.read(index.tenant(tenant.id).all)) {
      if (store.labelsLength(ref) === 0 || activity.minutes[ref] <= activity.minute) continue;
      store.touch(ref);
      activity.minutes[ref] = activity.minute;
    }
    activity.recount(tenant);
    // What came after an early cut can't be told from what came before it any more: nothing leaves early.
    if (tenant.early) tenant.early = { ...tenant.early, idleSince: NEVER };
    for (const { generations } of tenant.windows.values()) {
      for (const generation of generations) {
        if ((generation.lateSince ?? -Infinity) > step) generation.lateSince = step;
      }
    }
    tenant.dirty = true;
  }
}
