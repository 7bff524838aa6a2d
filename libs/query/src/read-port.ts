// The internal read protocol between queriers and the owners of partitions, the same over threads and
// over HTTP: a request as data, an answer as a stream of byte messages.
//
// `select` and `series` answer first one JSON message, ReadHeader, then messages that are remote read's
// ChunkedReadResponse (prompb/remote.proto): chunked_series with labels and chunks, ascending in label
// order over the whole answer of one owner. `evaluate` answers a ReadHeader, then what part-message.ts describes. `labelNames` and `labelValues` answer one JSON message,
// ReadTexts; `metadata` one JSON array of MetricMetadata. `cardinality` answers one JSON message,
// ReadCardinality, then one per step, ReadLabelValues; `histogramMetrics` JSON arrays of
// ReadHistogramMetric, one per step; `discarded` one JSON array of ReadDiscards; `freshness` one of
// ReadFreshness; `tenantStats` one of ReadTenantStats, of all tenants where the request names none (`''`); `position` an empty one, as soon as the owner may answer the request at all;
// `exemplars` JSON arrays of SeriesExemplars, values as texts, because JSON has no NaN and no infinity.
import type { MessagePort } from 'node:worker_threads';
import type { Label, MatcherSpec } from '@weir/model';
import type { PlanPart } from '@weir/promql';

export type ReadKind =
  | 'select'
  | 'evaluate'
  | 'series'
  | 'labelNames'
  | 'labelValues'
  | 'metadata'
  | 'exemplars'
  | 'cardinality'
  | 'histogramMetrics'
  | 'discarded'
  | 'freshness'
  | 'tenantStats'
  | 'position';

export interface ReadRequest {
  readonly kind: ReadKind;
  readonly tenant: string;
  readonly matchers: readonly MatcherSpec[];
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  /** For select: of each series only its newest sample in the range is needed. */
  readonly newestOnly?: boolean;
  /** For evaluate; its selector's matchers are `matchers`. */
  readonly part?: PlanPart;
  /** For series and cardinality: only series that are active, in heads alone. */
  readonly activeOnly?: boolean;
  /** For labelValues. */
  readonly name?: string;
  /** For series, labelNames and labelValues: so many of the first are enough; all without. */
  readonly limit?: number;
  /** For cardinality: label names; all without. */
  readonly names?: readonly string[];
  /** For exemplars, instead of `matchers`: a series is meant if all of at least one set match it. */
  readonly matcherSets?: readonly (readonly MatcherSpec[])[];
  /** Partitions to be read; the owner answers `unavailable` if it doesn't own one of them. */
  readonly partitions: readonly number[];
  /**
   * Of each of `partitions`, in their order: the next offset that its owner must have come to before it
   * answers; it waits for that (a strong read).
   */
  readonly positions?: readonly number[];
  /** The owner answers `unavailable` where it is further behind the log than this, ms. */
  readonly delayMaxMs?: number;
}

export interface ReadHeader {
  /** Blocks (ULIDs) of this tenant that the owner has read locally: not to be read from the bucket. */
  readonly heldBlocks: readonly string[];
  /** Of evaluate: nothing follows, as the owner can't. */
  readonly declined?: boolean;
}

/** Names or values, sorted, and the blocks that were asked for them. */
export interface ReadTexts extends ReadHeader {
  readonly texts: readonly string[];
}

/** Exemplars of one series, ascending by time. */
export interface SeriesExemplars {
  readonly labels: readonly Label[];
  readonly exemplars: readonly Exemplar[];
}

export interface Exemplar {
  readonly labels: readonly Label[];
  readonly value: number;
  readonly t: number;
}

export interface ReadCardinality {
  /** Series that the request selects, in heads. */
  readonly series: number;
}

/** Values of one label and the series with each; a label may come in several of these. */
export interface ReadLabelValues {
  readonly name: string;
  readonly values: readonly string[];
  readonly series: readonly number[];
}

/** Active series of one metric whose newest sample is a native histogram; a metric may come in several. */
export interface ReadHistogramMetric {
  /** Value of __name__; '' where there is none. */
  readonly metric: string;
  readonly series: number;
  /** Of their newest samples: all, the fewest and the most of one series. */
  readonly buckets: number;
  readonly bucketsMin: number;
  readonly bucketsMax: number;
}

/** A partition's discard log of the tenant; times are milliseconds. */
export interface ReadDiscards {
  readonly partition: number;
  readonly reasons: readonly {
    readonly reason: string;
    readonly count: number;
    readonly firstOffset: number;
    readonly lastOffset: number;
    readonly firstMs: number;
    readonly lastMs: number;
  }[];
  /** Oldest first. */
  readonly entries: readonly {
    readonly reason: string;
    readonly count: number;
    readonly offset: number;
    readonly timestampMs: number;
    readonly sampleMs?: number | undefined;
    readonly series: string;
    readonly seriesCut: boolean;
  }[];
}

/** How fresh an owner's answer about a tenant is in one partition; times are milliseconds. */
export interface ReadFreshness {
  readonly partition: number;
  /** Newest sample of the tenant that is applied; left out when there is none. */
  readonly newestSampleMs?: number;
  /** The next offset to be applied, and the one that the log will give next. */
  readonly applied: number;
  readonly end: number;
  /** How long what is not applied has waited; left out when that is not known yet. */
  readonly lagMs?: number;
}

/** What the head of a partition has of a tenant, and takes of it. */
export interface ReadTenantStats {
  readonly tenant: string;
  readonly partition: number;
  readonly series: number;
  readonly activeSeries: number;
  /** Samples a second, on average of the last minutes: of pushes, and of rules. */
  readonly apiRate: number;
  readonly ruleRate: number;
}

export interface ReadPort {
  read(request: ReadRequest, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Another thread of this process that owns partitions, and answers reads of them without the directory's thread. */
export interface ReadThread {
  /** From now on the thread answers reads at this port, too, which moves there. */
  answerAt(port: MessagePort): Promise<void>;
}

export interface Owner {
  readonly port: ReadPort;
  readonly partitions: readonly number[];
  /** Where the partitions can be read directly, as far as nothing is demanded of the read. */
  readonly thread?: ReadThread | undefined;
}

/** Which owners answer for a tenant now: every partition exactly once; rejects if one has no owner. */
export interface OwnerDirectory {
  /**
   * When the owners told last were first seen, as the clock's nowMs(). A list of blocks from before may
   * miss what a former owner had shipped and the present one no longer holds.
   */
  readonly changedMs?: number;
  owners(tenant: string): Promise<readonly Owner[]>;
}
