// Resolves a tenant's limits: its overrides over the defaults. Resolution is lazy and cached, because
// every push asks. Overrides are looked up again only after `reload`, which the owner of the runtime
// configuration calls.
import { WeirError } from '@weir/errors';
import { compileRelabel, parseRelabelConfig } from '@weir/model';
import { blockedQueriesOf } from './blocked-queries.ts';
import type { TenantLimits } from './limits-flags.ts';
import { otlpStrategyOf } from './otlp-limits.ts';
import { checkReplicaLimits } from './replica-limits.ts';

export type TenantOverrides = (tenant: string) => Partial<TenantLimits> | undefined;

export interface Limits {
  /** The limits that hold for the tenant now. */
  forTenant(tenant: string): TenantLimits;
  /** Forgets resolved limits: the overrides have changed. */
  reload(): void;
}

/** Throws `invalid` when a default makes no sense; overrides are checked when they are resolved. */
export function createLimits(defaults: TenantLimits, overrides?: TenantOverrides): Limits {
  checkLimits(defaults);
  const resolved = new Map<string, TenantLimits>();
  return {
    forTenant(tenant) {
      if (overrides === undefined) return defaults;
      let limits = resolved.get(tenant);
      if (limits === undefined) {
        const own = overrides(tenant);
        limits = own === undefined ? defaults : Object.freeze({ ...defaults, ...own });
        checkLimits(limits);
        resolved.set(tenant, limits);
      }
      return limits;
    },
    reload: () => resolved.clear(),
  };
}

function checkLimits(limits: TenantLimits): void {
  const scheme = limits.nameValidationScheme;
  if (scheme !== 'utf8' && scheme !== 'legacy') {
    throw new WeirError(
      'invalid',
      `name_validation_scheme: '${scheme}' is neither utf8 nor legacy`,
    );
  }
  checkValueStrategy(limits);
  otlpStrategyOf(limits);
  checkReplicaLimits(limits);
  blockedQueriesOf(limits.blockedQueries);
  compileRelabel(limits.relabelRules.map(parseRelabelConfig));
  const level = limits.readConsistency;
  if (level !== 'strong' && level !== 'eventual') {
    throw new WeirError(
      'invalid',
      `ingest_storage_read_consistency: '${level}' is neither strong nor eventual`,
    );
  }
  for (const [name, value] of Object.entries(limits)) {
    if (typeof value === 'number' && !(value >= 0)) {
      throw new WeirError('invalid', `limit ${name}: ${value} is below 0`);
    }
  }
  const factor = limits.ingestionBurstFactor;
  if (factor > 0 && factor < 1) {
    throw new WeirError('invalid', `ingestion_burst_factor: ${factor} is neither 0 nor at least 1`);
  }
}

/** `(hash:…)` with 256 bits in hexadecimal digits. */
const VALUE_HASH_BYTES = 71;

function checkValueStrategy({ labelValueStrategy, labelValueBytesMax }: TenantLimits): void {
  if (labelValueStrategy === 'error') return;
  const name = 'label_value_length_over_limit_strategy';
  if (labelValueStrategy !== 'truncate' && labelValueStrategy !== 'drop') {
    const known = 'error, truncate or drop';
    throw new WeirError('invalid', `${name}: '${labelValueStrategy}' is not ${known}`);
  }
  if (labelValueBytesMax < VALUE_HASH_BYTES) {
    throw new WeirError(
      'invalid',
      `${name}: ${labelValueStrategy} needs max_label_value_length to be ${VALUE_HASH_BYTES} at least, for the hash`,
    );
  }
}
