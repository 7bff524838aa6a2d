// Deletes the rows of dropped generations, a bounded amount at a time, once the drop is durable and no
// read needs them any more. Safe to repeat: what is dropped never comes back.
import type { HeadStore } from '../head.ts';
import type { HeadState } from '../state.ts';
import { type DropMark, type Tenant, WINDOW_MS } from '../windows.ts';
import { BatchWriter } from './batch-writer.ts';
import { chunkRange, EXEMPLARS, key } from './rows.ts';

const CLEAR_BYTES_MAX = 128 * 1024 * 1024;

export async function clearDropped(state: HeadState, store: HeadStore): Promise<void> {
  await clearExemplars(state, store);
  let budget = CLEAR_BYTES_MAX;
  for (const tenant of state.tenants) {
    for (const mark of [...tenant.drops.values()]) {
      if (!mark.durable || state.reads.oldest() < mark.readNumber) continue;
      budget = await clearRows(store, tenant, mark, budget);
      if (budget <= 0) return;
      state.keptRows.forget(tenant.id, mark.window, mark.through);
      if (tenant.drops.get(mark.window) === mark) tenant.drops.delete(mark.window);
      tenant.dirty = true;
      forgetWindow(state, tenant, mark.window);
    }
  }
}

async function clearExemplars({ exemplarRuns }: HeadState, store: HeadStore): Promise<void> {
  const runs = exemplarRuns.cleared;
  if (runs.length === 0) return;
  const writer = new BatchWriter(store);
  for (const id of runs) for (const slot of [0, 1]) writer.delete(key(EXEMPLARS, id, slot));
  await writer.flush();
  exemplarRuns.cleared = exemplarRuns.cleared.slice(runs.length);
}

async function clearRows(
  store: HeadStore,
  tenant: Tenant,
  mark: DropMark,
  budget: number,
): Promise<number> {
  const writer = new BatchWriter(store);
  const from = chunkRange(tenant.id, mark.window, 0);
  const to = chunkRange(tenant.id, mark.window, mark.through + 1);
  let left = budget;
  for await (const rows of store.scan(from, to)) {
    for (const [key, row] of rows) {
      writer.delete(key);
      left -= key.length + row.length;
    }
    if (writer.isFull) await writer.flush();
    if (left <= 0) break;
  }
  await writer.flush();
  return left;
}

/**
 * A window that no accepted sample can reach any more needs no state: neither one in time, nor one of a
 * record that is replayed though its block is shipped.
 */
function forgetWindow(state: HeadState, tenant: Tenant, index: number): void {
  const window = tenant.windows.get(index);
  if (window?.generations.length !== 0 || window.shippedThrough >= state.position) return;
  if ((index + 1) * WINDOW_MS <= tenant.oldestTime) tenant.windows.delete(index);
}
