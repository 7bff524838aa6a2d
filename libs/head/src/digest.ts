// A digest of the logical state. Order-free sums over samples are kept as they are applied, per window,
// so that a digest costs nothing and does not depend on where a sample lies (memory or store), on how
// chunks are cut, or on which generation a cut put it into. The discard log is left out for that reason:
// a repeated late sample is a no-op while its chunk is open and a refusal later, and when chunks end is not
// only up to records and commands.
import { hashBytes, utf8 } from '@weir/bytes';
import type { HeadState } from './state.ts';

export function digest(state: HeadState): string {
  const tenants = [...state.tenantsByName.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((tenant) => ({
      name: tenant.name,
      settings: tenant.settings,
      eventTime: String(tenant.eventTime),
      series: tenant.seriesCount,
      labels: tenant.seriesSum,
      windows: tenant.live().map(({ index, generations }) => ({
        index,
        firstOffset: Math.min(...generations.map(({ firstOffset }) => firstOffset)),
        lastOffset: Math.max(...generations.map(({ lastOffset }) => lastOffset)),
        sumA: generations.reduce((sum, { sumA }) => (sum + sumA) | 0, 0),
        sumB: generations.reduce((sum, { sumB }) => (sum + sumB) | 0, 0),
      })),
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

function digestBytes(bytes: Uint8Array): string {
  const halves = [0, 1].map((seed) => hashBytes(bytes, 0, bytes.length, seed));
  return halves.map((half) => half.toString(16).padStart(8, '0')).join('');
}
