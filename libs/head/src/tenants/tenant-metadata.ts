// A tenant's metric metadata: the distinct entries of a metric in the order in which they came, as Mimir
// keeps them. What is over a limit is refused; entries go with the tenant's last series.
import type { MetricMetadata } from '@weir/model';

export interface MetadataLimits {
  /** Metrics with metadata; 0 is no limit. */
  readonly metadataMax?: number;
  /** Distinct entries of one metric; 0 is no limit. */
  readonly metadataPerMetricMax?: number;
}

export type MetadataOutcome = 'known' | 'added' | 'over-tenant' | 'over-metric';

export class TenantMetadata {
  /** Per metric by all that an entry says: one that changes for ever must not make adding slow. */
  readonly #byMetric = new Map<string, Map<string, MetricMetadata>>();

  /** Metrics that have metadata. */
  get metrics(): number {
    return this.#byMetric.size;
  }

  add(
    entry: MetricMetadata,
    { metadataMax = 0, metadataPerMetricMax = 0 }: MetadataLimits,
  ): MetadataOutcome {
    const entries = this.#byMetric.get(entry.metric);
    if (entries === undefined) {
      if (metadataMax > 0 && this.#byMetric.size >= metadataMax) return 'over-tenant';
    } else {
      if (entries.has(contentOf(entry))) return 'known';
      if (metadataPerMetricMax > 0 && entries.size >= metadataPerMetricMax) return 'over-metric';
    }
    this.#put(entry);
    return 'added';
  }

  #put(entry: MetricMetadata): void {
    const entries = this.#byMetric.get(entry.metric) ?? new Map<string, MetricMetadata>();
    this.#byMetric.set(entry.metric, entries.set(contentOf(entry), entry));
  }

  /** As add() had them, in its order; no limits. */
  restore(entries: Iterable<MetricMetadata>): void {
    for (const entry of entries) this.#put(entry);
  }

  clear(): void {
    this.#byMetric.clear();
  }

  all(): MetricMetadata[] {
    return [...this.#byMetric.values()].flatMap((entries) => [...entries.values()]);
  }
}

function contentOf({ type, unit, help }: MetricMetadata): string {
  return `${type} ${unit.length} ${unit}${help}`;
}
