// How a tenant's OTLP metrics are translated: Mimir's per-tenant settings, by their names. With no strategy
// given, the name validation scheme and the suffix setting imply one, as in Mimir.
import { defineFlags } from '@weir/config';
import { WeirError } from '@weir/errors';

export const otlpLimitsFlags = defineFlags({
  otelSuffixes: {
    kind: 'bool',
    flag: 'distributor.otel-metric-suffixes-enabled',
    yaml: 'limits.otel_metric_suffixes_enabled',
    default: false,
    help: 'Whether names of OTLP metrics get suffixes for unit and type, where no translation strategy is set.',
  },
  otelStrategy: {
    kind: 'string',
    flag: 'distributor.otel-translation-strategy',
    yaml: 'limits.otel_translation_strategy',
    default: '',
    help: 'How names of OTLP metrics and attributes are translated: UnderscoreEscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes or NoTranslation. Empty: escaped with the name validation scheme legacy, not with utf8; suffixes as -distributor.otel-metric-suffixes-enabled says.',
  },
  otelCreatedTimes: {
    kind: 'bool',
    flag: 'distributor.otel-created-timestamp-zero-ingestion-enabled',
    yaml: 'limits.otel_created_timestamp_zero_ingestion_enabled',
    default: false,
    help: 'Whether a zero is stored at the start time of cumulative OTLP points.',
  },
  otelPromotedAttributes: {
    kind: 'strings',
    flag: 'distributor.otel-promote-resource-attributes',
    yaml: 'limits.promote_otel_resource_attributes',
    default: [],
    help: 'OTLP resource attributes that become labels of every series, separated by commas; * for all.',
  },
  otelIdentifyingKept: {
    kind: 'bool',
    flag: 'distributor.otel-keep-identifying-resource-attributes',
    yaml: 'limits.otel_keep_identifying_resource_attributes',
    default: false,
    help: 'Whether target_info keeps service.name, service.namespace and service.instance.id beside job and instance.',
  },
  otelCustomBuckets: {
    kind: 'bool',
    flag: 'distributor.otel-convert-histograms-to-nhcb',
    yaml: 'limits.otel_convert_histograms_to_nhcb',
    default: false,
    help: 'Whether OTLP histograms with explicit bounds become native histograms with custom buckets.',
  },
  otelScopeLabels: {
    kind: 'bool',
    flag: 'distributor.otel-promote-scope-metadata',
    yaml: 'limits.otel_promote_scope_metadata',
    default: false,
    help: 'Whether name, version, schema URL and attributes of an OTLP scope become labels.',
  },
  otelDeltas: {
    kind: 'bool',
    flag: 'distributor.otel-native-delta-ingestion',
    yaml: 'limits.otel_native_delta_ingestion',
    default: false,
    help: 'Whether OTLP points of delta temporality are stored, as they are, or refused.',
  },
  otelKeyPrefixed: {
    kind: 'bool',
    flag: 'distributor.otel-label-name-underscore-sanitization',
    yaml: 'limits.otel_label_name_underscore_sanitization',
    default: true,
    help: 'Whether escaped OTLP label names that begin with one underscore get the prefix key.',
  },
  otelUnderscoresKept: {
    kind: 'bool',
    flag: 'distributor.otel-label-name-preserve-underscores',
    yaml: 'limits.otel_label_name_preserve_underscores',
    default: true,
    help: 'Whether several underscores in a row stay in escaped OTLP label names.',
  },
});

const STRATEGIES = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const;

export type OtlpStrategyName = (typeof STRATEGIES)[number];

export interface OtlpStrategyLimits {
  readonly otelStrategy: string;
  readonly otelSuffixes: boolean;
  readonly nameValidationScheme: string;
}

/** The strategy that holds; `invalid` where the settings contradict each other. */
export function otlpStrategyOf(limits: OtlpStrategyLimits): OtlpStrategyName {
  const { otelStrategy, otelSuffixes, nameValidationScheme } = limits;
  const isLegacy = nameValidationScheme === 'legacy';
  if (otelStrategy === '') {
    if (isLegacy) return otelSuffixes ? STRATEGIES[0] : STRATEGIES[1];
    return otelSuffixes ? STRATEGIES[2] : STRATEGIES[3];
  }
  const found = STRATEGIES.find((strategy) => strategy === otelStrategy);
  if (found === undefined) {
    throw new WeirError(
      'invalid',
      `otel_translation_strategy: '${otelStrategy}' is not one of ${STRATEGIES.join(', ')}`,
    );
  }
  if (isLegacy && !found.startsWith('UnderscoreEscaping')) {
    throw new WeirError(
      'invalid',
      `otel_translation_strategy: ${found} needs name_validation_scheme utf8`,
    );
  }
  if (otelSuffixes && !found.endsWith('WithSuffixes')) {
    throw new WeirError(
      'invalid',
      `otel_translation_strategy: ${found} contradicts otel_metric_suffixes_enabled`,
    );
  }
  return found;
}
