// A tenant's settings as the scan takes them; the same object as long as they are the same, so that what
// the scan has learned under them is found again.
import { otlpStrategyOf, type TenantLimits } from '@weir/limits';
import type { OtlpTranslation } from '@weir/wire';

const made = new WeakMap<TenantLimits, OtlpTranslation>();

export function translationOf(limits: TenantLimits): OtlpTranslation {
  let translation = made.get(limits);
  if (translation === undefined) {
    translation = {
      strategy: otlpStrategyOf(limits),
      underscoresKept: limits.otelUnderscoresKept,
      keyPrefixed: limits.otelKeyPrefixed,
      promotedAttributes: limits.otelPromotedAttributes,
      identifyingKept: limits.otelIdentifyingKept,
      scopeLabels: limits.otelScopeLabels,
      customBuckets: limits.otelCustomBuckets,
      deltas: limits.otelDeltas,
      createdTimes: limits.otelCreatedTimes,
    };
    made.set(limits, translation);
  }
  return translation;
}
