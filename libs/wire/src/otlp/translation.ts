// How a tenant's OTLP metrics become Prometheus's: Mimir's per-tenant settings as plain data, and the four
// strategies for names. Resolved by whoever knows tenants; a scan gets them with each request.

export const OTLP_STRATEGIES = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const;

export type OtlpStrategy = (typeof OTLP_STRATEGIES)[number];

export interface OtlpTranslation {
  readonly strategy: OtlpStrategy;
  /** Whether several underscores in a row stay in label names. */
  readonly underscoresKept: boolean;
  /** Whether a label name that would begin with one underscore gets `key` before it. */
  readonly keyPrefixed: boolean;
  /** Resource attributes that become labels of every series; `*` for all. */
  readonly promotedAttributes: readonly string[];
  /** Whether service.name and its like stay in target_info beside job and instance. */
  readonly identifyingKept: boolean;
  /** Whether name, version, schema and attributes of the scope become labels. */
  readonly scopeLabels: boolean;
  /** Whether histograms with explicit bounds become native ones with custom buckets. */
  readonly customBuckets: boolean;
  /** Whether delta temporality is taken, as it is, or refused. */
  readonly deltas: boolean;
  /** Of which points the start times become created timestamps: of those that add up, or of deltas, too. */
  readonly startTimes: StartTimes;
}

export type StartTimes = 'none' | 'cumulative' | 'all';

export function isEscaping(strategy: OtlpStrategy): boolean {
  return strategy.startsWith('UnderscoreEscaping');
}

export function hasSuffixes(strategy: OtlpStrategy): boolean {
  return strategy.endsWith('WithSuffixes');
}
