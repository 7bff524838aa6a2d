// Statistics of tenants for people: series and ingestion rates, summed over the owners of all partitions.
import { decodeJson } from './read-message.ts';
import type { OwnerDirectory, ReadTenantStats } from './read-port.ts';
import { askOwners, endReads, followSignal, readMessage } from './remote-series.ts';

/** Each partition counts once, however many owners it has. */
export type TenantTotals = Omit<ReadTenantStats, 'partition'>;

/**
 * Of one tenant, or with `''` of all that a head has: then `owners` must answer for all partitions. In any order;
 * a tenant of whom no head knows is left out. Rejects where a partition has no owner.
 */
export async function readTenantStats(
  tenant: string,
  owners: OwnerDirectory,
  signal: AbortSignal,
): Promise<TenantTotals[]> {
  const controller = followSignal(signal);
  const question = { kind: 'tenantStats', tenant, matchers: [], minT: 0, maxT: 0 } as const;
  try {
    const answers = await askOwners(owners, question, controller, readMessage);
    return totals(answers.flatMap((answer) => decodeJson(answer) as ReadTenantStats[]));
  } finally {
    endReads(controller);
  }
}

function totals(found: readonly ReadTenantStats[]): TenantTotals[] {
  const byTenant = new Map<string, TenantTotals>();
  for (const { partition: _, ...one } of found) {
    const known = byTenant.get(one.tenant);
    byTenant.set(one.tenant, known === undefined ? one : added(known, one));
  }
  return [...byTenant.values()];
}

function added(a: TenantTotals, b: TenantTotals): TenantTotals {
  return {
    tenant: a.tenant,
    series: a.series + b.series,
    activeSeries: a.activeSeries + b.activeSeries,
    apiRate: a.apiRate + b.apiRate,
    ruleRate: a.ruleRate + b.ruleRate,
  };
}
