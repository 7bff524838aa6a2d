// A tenant's limits as its heads take them: global limits divided among the partitions that are written,
// and the trackers of active series parsed. Rounded up, so that a tenant whose series are spread evenly
// reaches its limit; and never 0, which would be none. A metric's metadata lies in one partition, so the
// limit of its entries is not divided.
import { WeirError } from '@weir/errors';
import type { ActiveTracker, TenantSettings } from '@weir/head';
import type { Limits, TenantLimits } from '@weir/limits';
import { createMatcher } from '@weir/model';
import { parseExpr } from '@weir/promql';

/** As many as a head has bits for. */
const TRACKERS_MAX = 32;

export interface TenantSettingsParts {
  readonly limits: Limits;
  /** How many partitions are written now. */
  activePartitions(): number;
}

/** Throws `invalid` at once where the default limits hold a tracker that can't be parsed. */
export function createTenantSettings(
  settings: { readonly activeSeriesIdleMs: number },
  { limits, activePartitions }: TenantSettingsParts,
): { settingsFor(tenant: string): TenantSettings } {
  const made = new WeakMap<TenantLimits, { partitions: number; settings: TenantSettings }>();
  parseTrackers(limits.forTenant('').activeSeriesTrackers);
  return {
    settingsFor(tenant) {
      const own = limits.forTenant(tenant);
      const partitions = Math.max(1, activePartitions());
      const known = made.get(own);
      if (known?.partitions === partitions) return known.settings;
      const resolved = headSettings(own, settings.activeSeriesIdleMs, partitions);
      made.set(own, { partitions, settings: resolved });
      return resolved;
    },
  };
}

function headSettings(own: TenantLimits, activeIdleMs: number, partitions: number): TenantSettings {
  const share = (limit: number) => Math.ceil(limit / partitions);
  return Object.freeze({
    outOfOrderWindowMs: own.outOfOrderWindowMs,
    seriesMax: share(own.seriesMax),
    seriesPerMetricMax: share(own.seriesPerMetricMax),
    metadataMax: share(own.metadataMax),
    metadataPerMetricMax: own.metadataPerMetricMax,
    exemplarsMax: share(own.exemplarsMax),
    activeIdleMs,
    trackers: parseTrackers(own.activeSeriesTrackers),
  });
}

/** `name:selector;name:selector`, as Mimir's flag has it. A semicolon in quotes is the selector's. */
export function parseTrackers(text: string): ActiveTracker[] {
  const parts = text.match(/(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^;])+/g) ?? [];
  const trackers = parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseTracker);
  const names = new Set(trackers.map(({ name }) => name));
  if (names.size < trackers.length) throw badTrackers(text, 'a name stands twice');
  if (trackers.length > TRACKERS_MAX) throw badTrackers(text, `more than ${TRACKERS_MAX}`);
  return trackers;
}

function parseTracker(part: string): ActiveTracker {
  const at = part.indexOf(':');
  const name = part.slice(0, at).trim();
  if (at < 0 || name === '') throw badTrackers(part, 'name:selector is needed');
  const expr = parseExpr(part.slice(at + 1).trim());
  if (expr.kind !== 'vector-selector' || expr.offsetMs !== undefined || expr.at !== undefined) {
    throw badTrackers(part, 'it is not a series selector');
  }
  for (const matcher of expr.matchers) createMatcher(matcher);
  const matchers = expr.matchers.map(({ name, op, value }) => ({ name, op, value }));
  return { name, matchers };
}

function badTrackers(text: string, why: string): WeirError {
  return new WeirError('invalid', `active_series_custom_trackers: '${text}': ${why}`);
}
