// `ingester_limits` of the runtime configuration file: Mimir's limits of an ingester. A file that has them is read, so
// that it can be shared while both run, but they are not applied: ingesters take no pushes, and what the log has was
// acknowledged, so refusing it would lose it, in one zone and not in the other. What bounds an ingester is named by the warning.
import { defaultsOf, defineFlags, parseRuntimeSection } from '@weir/config';

export const INGESTER_KEY = 'ingester_limits';
const SECTION = 'ingester.instance_limits';

/** Known by name and type only: they are no flags of Weir. */
const unapplied = defineFlags({
  maxIngestionRate: {
    ...{ kind: 'float', default: 0, help: 'Not applied.' },
    flag: 'ingester.instance-limits.max-ingestion-rate',
    yaml: `${SECTION}.max_ingestion_rate`,
  },
  maxTenants: {
    ...{ kind: 'int', default: 0, help: 'Not applied.' },
    flag: 'ingester.instance-limits.max-tenants',
    yaml: `${SECTION}.max_tenants`,
  },
  maxSeries: {
    ...{ kind: 'int', default: 0, help: 'Not applied.' },
    flag: 'ingester.instance-limits.max-series',
    yaml: `${SECTION}.max_series`,
  },
  maxInflightPushes: {
    ...{ kind: 'int', default: 0, help: 'Not applied.' },
    flag: 'ingester.instance-limits.max-inflight-push-requests',
    yaml: `${SECTION}.max_inflight_push_requests`,
  },
  maxInflightBytes: {
    ...{ kind: 'int', default: 0, help: 'Not applied.' },
    flag: 'ingester.instance-limits.max-inflight-push-requests-bytes',
    yaml: `${SECTION}.max_inflight_push_requests_bytes`,
  },
});

/** What to use instead, by setting. */
const INSTEAD: Readonly<Record<keyof typeof unapplied, string>> = {
  maxIngestionRate: 'max_ingestion_rate: set distributor_limits',
  maxTenants: 'max_tenants: nothing takes its place',
  maxSeries: 'max_series: set max_global_series_per_user of tenants',
  maxInflightPushes: 'max_inflight_push_requests: set distributor_limits',
  maxInflightBytes:
    'max_inflight_push_requests_bytes: set distributor_limits; what is read ahead is bounded by -ingester.consume-bytes-max',
};

/** A warning for each that is set and so not applied; throws `invalid` for keys and values that Mimir doesn't take. */
export function unappliedIngesterLimits(files: readonly string[]): readonly string[] {
  const shape = { module: unapplied, section: SECTION, base: defaultsOf(unapplied) };
  const found = parseRuntimeSection(files, INGESTER_KEY, shape);
  const names = Object.keys(unapplied) as (keyof typeof unapplied)[];
  return names.filter((name) => found[name] !== 0).map((name) => INSTEAD[name]);
}
