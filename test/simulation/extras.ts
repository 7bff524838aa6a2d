// What the log holds beside samples, and what of it the heads must still have: exemplars and metadata lie
// in heads only. Both are held to samples that came with them or before and are in no block yet: whoever
// has such a sample has applied, or will apply again, what came after it.
import type { ModelSeries, Point } from './points.ts';
import { WINDOW_MS } from './points.ts';
import type { RecordExemplar } from './record.ts';

export interface LoggedExemplar {
  readonly series: ModelSeries;
  readonly offset: number;
  readonly exemplar: RecordExemplar;
  /** Newer than all that the log had of its series. */
  readonly isNews: boolean;
  /** A sample of its record that must be kept. */
  readonly beside: Point | undefined;
}

interface TenantExtras {
  readonly exemplars: LoggedExemplar[];
  /** By series key: the newest time. */
  readonly newestT: Map<string, number>;
  readonly known: Set<string>;
  /** By content: the offset of the last record with it. */
  readonly metadata: Map<string, number>;
}

export class LoggedExtras {
  readonly #partitions: Map<string, TenantExtras>[];

  constructor(partitions: number) {
    this.#partitions = Array.from({ length: partitions }, () => new Map());
  }

  exemplars(
    series: ModelSeries,
    offset: number,
    exemplars: readonly RecordExemplar[],
    beside: Point | undefined,
  ): void {
    if (exemplars.length === 0) return;
    const extras = this.#of(series.partition, series.tenant);
    for (const exemplar of exemplars) {
      const isNews = exemplar.t > (extras.newestT.get(series.key) ?? -Infinity);
      if (isNews) extras.newestT.set(series.key, exemplar.t);
      extras.exemplars.push({ series, offset, exemplar, isNews, beside });
      extras.known.add(exemplarKey(series.key, exemplar));
    }
  }

  metadata(partition: number, tenant: string, offset: number, entries: readonly string[]): void {
    for (const entry of entries) this.#of(partition, tenant).metadata.set(entry, offset);
  }

  isKnownExemplar(tenant: string, key: string): boolean {
    return this.#partitions.some((tenants) => tenants.get(tenant)?.known.has(key));
  }

  isKnownMetadata(tenant: string, entry: string): boolean {
    return this.#partitions.some((tenants) => tenants.get(tenant)?.metadata.has(entry));
  }

  /** Of the newest `max` exemplars of a partition those that its head can't have lost. */
  keptExemplars(partition: number, tenant: string, max: number): LoggedExemplar[] {
    const all = this.#partitions[partition]!.get(tenant)?.exemplars ?? [];
    return all.slice(Math.max(0, all.length - max)).filter(({ isNews, beside, exemplar }) => {
      if (!isNews || beside === undefined || beside.shipped) return false;
      return exemplar.t >= Math.floor(beside.t / WINDOW_MS) * WINDOW_MS;
    });
  }

  metadataOf(partition: number, tenant: string): ReadonlyMap<string, number> {
    return this.#partitions[partition]!.get(tenant)?.metadata ?? new Map();
  }

  #of(partition: number, tenant: string): TenantExtras {
    const tenants = this.#partitions[partition]!;
    let extras = tenants.get(tenant);
    if (extras === undefined) {
      extras = { exemplars: [], newestT: new Map(), known: new Set(), metadata: new Map() };
      tenants.set(tenant, extras);
    }
    return extras;
  }
}

/** Label bytes as latin1. */
export function exemplarKey(series: string, { labels, t, value }: RecordExemplar): string {
  return `${series} ${labels} ${t} ${value}`;
}
