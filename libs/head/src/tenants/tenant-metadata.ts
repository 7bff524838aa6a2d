// A tenant's metric metadata. With a limit per metric its distinct entries are kept up to that, and
// further ones refused; without one a newer entry takes the place of the older, so that help texts that
// change for ever don't grow the head.
import type { MetricMetadata } from '@weir/model';

export interface MetadataLimits {
  /** Metrics with metadata; 0 is no limit. */
  readonly metadataMax?: number;
  /** Distinct entries of one metric; with 0 the newest one counts. */
  readonly metadataPerMetricMax?: number;
}

export type MetadataOutcome = 'known' | 'added' | 'over-tenant' | 'over-metric';

export class TenantMetadata {
  readonly #byMetric = new Map<string, MetricMetadata[]>();

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
      this.#byMetric.set(entry.metric, [entry]);
      return 'added';
    }
    if (entries.some((known) => isSame(known, entry))) return 'known';
    if (metadataPerMetricMax === 0) entries.length = 0;
    else if (entries.length >= metadataPerMetricMax) return 'over-metric';
    entries.push(entry);
    return 'added';
  }

  /** As add() had them, in its order; no limits. */
  restore(entries: Iterable<MetricMetadata>): void {
    for (const entry of entries) {
      const known = this.#byMetric.get(entry.metric);
      if (known) known.push(entry);
      else this.#byMetric.set(entry.metric, [entry]);
    }
  }

  clear(): void {
    this.#byMetric.clear();
  }

  all(): MetricMetadata[] {
    return [...this.#byMetric.values()].flat();
  }
}

function isSame(a: MetricMetadata, b: MetricMetadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}
