// The per-tenant limits that exist so far, named as Mimir's. Where Weir's default differs, the help
// says so: UTF-8 names, a 30-minute out-of-order window, and no limit on rate and series unless set.
import { defineFlags, type SettingsOf } from '@weir/config';

export const limitsFlags = defineFlags({
  ingestionRate: {
    kind: 'float',
    flag: 'distributor.ingestion-rate-limit',
    yaml: 'limits.ingestion_rate',
    default: 0,
    help: 'Samples and metadata a tenant may push per second. 0 is no limit.',
  },
  ingestionBurstSize: {
    kind: 'int',
    flag: 'distributor.ingestion-burst-size',
    yaml: 'limits.ingestion_burst_size',
    default: 200_000,
    help: 'Samples and metadata a tenant may push at once, when an ingestion rate is set.',
  },
  labelNameBytesMax: {
    kind: 'int',
    flag: 'validation.max-length-label-name',
    yaml: 'limits.max_label_name_length',
    default: 1024,
    help: 'The longest label name, bytes.',
  },
  labelValueBytesMax: {
    kind: 'int',
    flag: 'validation.max-length-label-value',
    yaml: 'limits.max_label_value_length',
    default: 2048,
    help: 'The longest label value, bytes; holds for the metric name too.',
  },
  labelNamesMax: {
    kind: 'int',
    flag: 'validation.max-label-names-per-series',
    yaml: 'limits.max_label_names_per_series',
    default: 30,
    help: 'Labels a series may have, its metric name included.',
  },
  labelNamesInfoMax: {
    kind: 'int',
    flag: 'validation.max-label-names-per-info-series',
    yaml: 'limits.max_label_names_per_info_series',
    default: 80,
    help: 'Labels a series of a metric that ends in _info may have.',
  },
  metadataBytesMax: {
    kind: 'int',
    flag: 'validation.max-metadata-length',
    yaml: 'limits.max_metadata_length',
    default: 1024,
    help: 'The longest metric name, unit and help of metadata, bytes; longer help is cut.',
  },
  creationGraceMs: {
    kind: 'duration',
    flag: 'validation.create-grace-period',
    yaml: 'limits.creation_grace_period',
    default: 600_000,
    help: 'How far in the future a sample may lie.',
  },
  pastGraceMs: {
    kind: 'duration',
    flag: 'validation.past-grace-period',
    yaml: 'limits.past_grace_period',
    default: 0,
    help: 'How far in the past a sample may lie, beyond the out-of-order window. 0 is no limit.',
  },
  outOfOrderWindowMs: {
    kind: 'duration',
    flag: 'ingester.out-of-order-time-window',
    yaml: 'limits.out_of_order_time_window',
    default: 1_800_000,
    help: "How far behind the tenant's newest sample a sample may lie. 0 refuses out-of-order samples.",
  },
  seriesMax: {
    kind: 'int',
    flag: 'ingester.max-global-series-per-user',
    yaml: 'limits.max_global_series_per_user',
    default: 0,
    help: 'Series a tenant may have in memory. 0 is no limit.',
  },
  histogramsEnabled: {
    kind: 'bool',
    flag: 'ingester.native-histograms-ingestion-enabled',
    yaml: 'limits.native_histograms_ingestion_enabled',
    default: true,
    help: 'Whether native histograms are stored. If not, they are left out without an error.',
  },
  histogramBucketsMax: {
    kind: 'int',
    flag: 'validation.max-native-histogram-buckets',
    yaml: 'limits.max_native_histogram_buckets',
    default: 0,
    help: 'Buckets a native histogram may have, positive and negative together. 0 is no limit.',
  },
  histogramsReduced: {
    kind: 'bool',
    flag: 'validation.reduce-native-histogram-over-max-buckets',
    yaml: 'limits.reduce_native_histogram_over_max_buckets',
    default: true,
    help: 'Whether a native histogram with too many buckets is stored at a lower resolution instead of being refused.',
  },
  exemplarsMax: {
    kind: 'int',
    flag: 'ingester.max-global-exemplars-per-user',
    yaml: 'limits.max_global_exemplars_per_user',
    default: 100_000,
    help: 'Exemplars of a tenant that are kept, the newest ones. 0 keeps none.',
  },
  nameValidationScheme: {
    kind: 'string',
    flag: 'validation.name-validation-scheme',
    yaml: 'limits.name_validation_scheme',
    default: 'utf8',
    help: 'Which metric and label names are valid: utf8 or legacy.',
  },
});

/** One tenant's limits; units as the flags say. */
export type TenantLimits = SettingsOf<typeof limitsFlags>;
