// A tenant's limits as its heads take them: global limits divided among the partitions that it writes to,
// and the trackers of active series parsed. Rounded up, so that a tenant whose series are spread evenly
// reaches its limit; and never 0, which would be none. A metric's metadata lies in one partition, so the
// limit of its entries is not divided.
import { WeirError } from '@weir/errors';
import type { ActiveTracker, TenantSettings } from '@weir/head';
import type { Limits, TenantLimits } from '@weir/limits';
import { createMatcher } from '@weir/model';
import { parseExpr } from '@weir/promql';
import type { Grace } from './pages/tenant-data.ts';

/** As many as a head has bits for. */
const TRACKERS_MAX = 32;

export interface TenantSettingsParts {
  readonly limits: Limits;
  /** How many partitions are written, or will be as soon as their owner has replayed. */
  activePartitions(): number;
}

/** Throws `invalid` at once where the default limits hold a tracker that can't be parsed. */
export function createTenantSettings(
  settings: { readonly activeSeriesIdleMs: number },
  { limits, activePartitions }: TenantSettingsParts,
): { settingsFor(tenant: string): TenantSettings; graceOf(tenant: string): Grace } {
  const made = new WeakMap<TenantLimits, { partitions: number; settings: TenantSettings }>();
  parseTrackers(limits.forTenant('').activeSeriesTrackers);
  return {
    settingsFor(tenant) {
      const own = limits.forTenant(tenant);
      const active = Math.max(1, activePartitions());
      const partitions = own.shardSize > 0 ? Math.min(own.shardSize, active) : active;
      const known = made.get(own);
      if (known?.partitions === partitions) return known.settings;
      const resolved = headSettings(own, settings.activeSeriesIdleMs, partitions);
      made.set(own, { partitions, settings: resolved });
      return resolved;
    },
    graceOf: (tenant) => limits.forTenant(tenant),
  };
}

function headSettings(own: TenantLimits, activeIdleMs: number, partitions: number): TenantSettings {
  const share = (limit: number) => Math.ceil(limit / partitions);
  return Object.freeze({
    outOfOrderWindowMs: own.outOfOrderWindowMs,
    seriesMax: share(own.seriesMax),
    seriesPerMetricMax: share(own.seriesPerMetricMax),
    activeSeriesMax: share(own.activeSeriesMax),
    metadataMax: share(own.metadataMax),
    metadataPerMetricMax: own.metadataPerMetricMax,
    exemplarsMax: share(own.exemplarsMax),
    startTimestamps: own.startTimestamps,
    activeIdleMs,
    trackers: parseTrackers(own.activeSeriesTrackers),
  });
}

export function parseTrackers(selectors: Readonly<Record<string, string>>): ActiveTracker[] {
  const trackers = Object.entries(selectors).map(([name, text]) => parseTracker(name, text));
  if (trackers.length > TRACKERS_MAX) {
    throw badTrackers(`${trackers.length} trackers are more than ${TRACKERS_MAX}`);
  }
  return trackers;
}

function parseTracker(name: string, text: string): ActiveTracker {
  const expr = parseExpr(text);
  if (expr.kind !== 'vector-selector' || expr.offsetMs !== undefined || expr.at !== undefined) {
    throw badTrackers(`'${text}' of ${name} is not a series selector`);
  }
  for (const matcher of expr.matchers) createMatcher(matcher);
  const matchers = expr.matchers.map(({ name, op, value }) => ({ name, op, value }));
  return { name, matchers };
}

function badTrackers(why: string): WeirError {
  return new WeirError('invalid', `active_series_custom_trackers: ${why}`);
}
