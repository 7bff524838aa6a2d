// A digest of the logical state: of all that decides what later inputs do. Order-free sums over samples are
// kept as they are applied, per generation, so that a digest costs next to nothing and does not depend on
// where a sample lies (memory or store) or on how chunks are cut. Numbers of generations are names within
// a store and no part of it. The discard log is left out: a repeated late sample is a no-op while its chunk
// is open and a refusal later, and when chunks end is not only up to records and commands.
import { hashBytes, utf8 } from '@weir/bytes';
import { finishRemoval } from './removal.ts';
import type { HeadState } from './state.ts';
import type { EarlyCut, Generation, Tenant } from './windows.ts';

export function digest(state: HeadState): string {
  // Series that are being removed are gone already.
  for (const tenant of state.tenants) finishRemoval(state, tenant);
  const tenants = [...state.tenantsByName.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((tenant) => ({
      name: tenant.name,
      settings: tenant.settings,
      eventTime: String(tenant.eventTime),
      series: tenant.seriesCount,
      labels: tenant.seriesSum,
      windows: tenant.live().map(({ index, generations }) => [index, generations.map(contentOf)]),
      early: tenant.early && earlyOf(tenant, tenant.early),
      // A mark below the position says nothing any more, and may be forgotten.
      shipped: [...tenant.windows.values()]
        .filter(({ shippedThrough }) => shippedThrough >= state.position)
        .map(({ index, shippedThrough }) => [index, shippedThrough])
        .sort((a, b) => a[0] - b[0]),
      parked: [tenant.parkedFrom, tenant.parkedRecords],
      exemplars: [tenant.exemplars.count, tenant.exemplars.sum],
      metadata: tenant.metadata.all().map((entry) => JSON.stringify(entry)),
      active: state.activity.read(tenant, -Infinity),
    }));
  const { position, logTimeMs, youngRecords } = state;
  return digestBytes(utf8(JSON.stringify({ position, logTimeMs, youngRecords, tenants })));
}

function contentOf(generation: Generation): unknown {
  const { firstOffset, lastOffset, frozen, lateSince, sumA, sumB } = generation;
  return [firstOffset, lastOffset, frozen, lateSince, sumA, sumB];
}

/** Of each window that an early cut waits for: how many of its generations are part of the cut. */
function earlyOf(tenant: Tenant, { idleSince, through, dropped }: EarlyCut): unknown {
  const waiting = tenant.live().filter(({ index }) => through.has(index) && !dropped.has(index));
  const cut = waiting.map(({ index, generations }) => [
    index,
    generations.filter(({ number }) => number <= through.get(index)!).length,
  ]);
  return { idleSince, cut, dropped: [...dropped].sort((a, b) => a - b) };
}

function digestBytes(bytes: Uint8Array): string {
  const halves = [0, 1].map((seed) => hashBytes(bytes, 0, bytes.length, seed));
  return halves.map((half) => half.toString(16).padStart(8, '0')).join('');
}
