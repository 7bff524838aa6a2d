// The port of a partition's head: a deterministic state machine fed by its log. Inputs are records and
// idempotent commands; outputs are series, windows due for a block, and offsets. It reads no clock, no
// randomness and no flag. Everything but apply() may wait for the store; apply() never does.
import type { WeirError } from '@weir/errors';
import type {
  LabelBytes,
  Matcher,
  MatcherSpec,
  MetricMetadata,
  SampleColumns,
  SeriesMemo,
} from '@weir/model';
import type { Chunk } from '@weir/tsdb/chunk';

/** One record of the log as the head takes it. `value` is a WriteRequest (Mimir's record v0, v1 or v2). */
export interface HeadRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly tenant: string;
  readonly value: Uint8Array;
  readonly version: number;
}

/** Per-tenant settings; part of the state, so they arrive as a command. */
export interface TenantSettings {
  /** How far behind the tenant's newest sample a sample may lie, ms; 0 refuses out-of-order samples. */
  readonly outOfOrderWindowMs: number;
  /** Series a tenant may have in this head; 0 is no limit. */
  readonly seriesMax: number;
  /** Series of one metric name in this head; 0 or absent is no limit. */
  readonly seriesPerMetricMax?: number;
  /** Series that are active at once; 0 or absent is no limit. Others may be there, but take no sample. */
  readonly activeSeriesMax?: number;
  /** Metrics with metadata in this head; 0 or absent is no limit. */
  readonly metadataMax?: number;
  /** Distinct metadata of one metric; 0 or absent is no limit. */
  readonly metadataPerMetricMax?: number;
  /** Exemplars kept in this head, the newest ones; 0 or absent keeps none. */
  readonly exemplarsMax?: number;
  /** A series is active for so long after its last sample, by log time, to the minute; absent: 20 minutes. */
  readonly activeIdleMs?: number;
  /**
   * Start timestamps are kept with the samples that tell them; else, and by default, a sample of zero is put where
   * a counter began.
   */
  readonly startTimestamps?: boolean;
  /** Selections of active series that are counted apart; at most 32. */
  readonly trackers?: readonly ActiveTracker[];
}

export interface ActiveTracker {
  readonly name: string;
  readonly matchers: readonly MatcherSpec[];
}

/** Half-open event-time range [minT, maxT), aligned to the block range. */
export interface Window {
  readonly minT: number;
  readonly maxT: number;
}

export interface TenantWindow extends Window {
  readonly tenant: string;
  /** Offset of the first record with a sample in this window. */
  readonly firstOffset: number;
  /** Offset of the last record with a sample in this window. */
  readonly lastOffset: number;
}

export interface TenantStats {
  readonly tenant: string;
  readonly series: number;
  /** Newest accepted sample, ms; -Infinity when none. */
  readonly eventTimeMs: number;
  /** Oldest sample still in the head, ms; Infinity when none. */
  readonly minTimeMs: number;
}

export interface ParkedTenant {
  readonly tenant: string;
  readonly fromOffset: number;
  /** Records passed over so far. */
  readonly records: number;
}

export interface HeadSeries {
  /** Canonical label bytes; valid until the batch it came in is released (copy to keep). */
  readonly labels: LabelBytes;
  /** Ascending by minT; out-of-order chunks may overlap the others. */
  readonly chunks: readonly Chunk[];
}

/** Series one after the other with their floats; valid until next(). */
export interface HeadSamples {
  readonly labels: LabelBytes;
  /** What is known of the head's series by their numbers, and that of the current one. */
  readonly memo?: SeriesMemo;
  readonly number: number;
  /** A promise only when the store is needed. Series without a sample in the range are left out. */
  next(): boolean | Promise<boolean>;
  /** Appends the current series' samples in the range to `out`, ascending. */
  samples(out: SampleColumns): void;
  /** To be called unless next() has come to the end. */
  close(): void;
}

export interface HeadSelect {
  readonly tenant: string;
  readonly matchers: readonly Matcher[];
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  /** Leave the chunks out: only which series exist. */
  readonly labelsOnly?: boolean;
  /** Of each series only its newest sample in the range is wanted; older ones may be left out. */
  readonly newestOnly?: boolean;
  /** Only series that are active at log time. */
  readonly activeOnly?: boolean;
}

/** Whose exemplars: series that all matchers of at least one set match. */
export interface ExemplarSelect {
  readonly tenant: string;
  readonly matcherSets: readonly (readonly Matcher[])[];
  /** Inclusive, ms; the exemplars' own times. */
  readonly minT: number;
  readonly maxT: number;
}

export interface HeadExemplar {
  /** Canonical label bytes: `trace_id` and the like. */
  readonly labels: LabelBytes;
  readonly value: number;
  readonly t: number;
}

/** Exemplars of one series, ascending by time. */
export interface HeadExemplars {
  readonly labels: LabelBytes;
  readonly exemplars: readonly HeadExemplar[];
}

export interface Discard {
  readonly tenant: string;
  /** As Mimir's discard metrics have it: `sample_out_of_order`, `per_user_series_limit`. */
  readonly reason: string;
  /** Samples; entries where the reason is about metadata; records where one is undecodable. */
  readonly count: number;
}

/** What a tenant was refused after the log had it, since the tenant is known here. */
export interface TenantDiscards {
  readonly reasons: readonly DiscardedReason[];
  /** The last hundred refusals, oldest first. */
  readonly entries: readonly DiscardedEntry[];
}

export interface DiscardedReason {
  readonly reason: string;
  readonly count: number;
  /** Of the first and the last record that it befell. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface DiscardedEntry {
  readonly reason: string;
  /** Samples of this series in this record. */
  readonly count: number;
  readonly offset: number;
  /** The record's timestamp. */
  readonly timestampMs: number;
  /** The first refused sample's time; undefined where it has none (metadata, a whole record). */
  readonly sampleMs: number | undefined;
  /** `metric{name="value"}`; '' where it is not known. */
  readonly series: string;
  /** Further labels were left out of `series`. */
  readonly seriesCut: boolean;
}

/** Series that are active. */
export interface ActiveCount {
  readonly active: number;
  /** Of them those whose newest sample is a native histogram. */
  readonly histograms: number;
  /** Buckets of these samples. */
  readonly buckets: number;
}

/** Active series of a tenant, and of its trackers. */
export interface TenantActivity extends ActiveCount {
  readonly tenant: string;
  readonly trackers: readonly (ActiveCount & { readonly name: string })[];
}

export interface HistogramMetricsRequest {
  readonly tenant: string;
  readonly matchers: readonly Matcher[];
}

/** Active series of one metric whose newest sample is a native histogram. */
export interface HistogramMetric {
  /** Value of __name__; '' where there is none. */
  readonly metric: string;
  readonly series: number;
  /** Buckets of their newest samples: all, the fewest and the most of one series. */
  readonly buckets: number;
  readonly bucketsMin: number;
  readonly bucketsMax: number;
}

/** Series of a tenant that came and went since the last call. */
export interface SeriesChanges {
  readonly tenant: string;
  readonly created: number;
  readonly removed: number;
}

/** Samples of a tenant that were accepted since the last call. */
export interface IngestedSamples {
  readonly tenant: string;
  readonly samples: number;
  /** Of them those that a ruler made. */
  readonly ruleSamples: number;
}

export interface LabelCardinalityRequest {
  readonly tenant: string;
  readonly matchers: readonly Matcher[];
  /** Count active series only. */
  readonly activeOnly: boolean;
  /** Label names; all without. */
  readonly names?: readonly string[];
}

export interface HeadCardinality {
  /** Series that the request selects. */
  readonly series: number;
  /** In steps of less than a millisecond each; a name may come in several. */
  readonly labels: Iterable<LabelCardinality>;
}

export interface LabelCardinality {
  readonly name: string;
  readonly values: readonly string[];
  /** Series with each of the values; never 0. */
  readonly series: readonly number[];
}

/** What manifests say: samples of the window from records up to this offset are in a shipped block. */
export interface ShippedWindow extends Window {
  readonly tenant: string;
  readonly throughOffset: number;
}

/** The local journal of what was applied since the last checkpoint. */
export interface JournalState {
  /** Records that opening took from it. */
  readonly replayedRecords: number;
  /** Why opening did not take all of it; undefined where it did. */
  readonly stoppedBy: string | undefined;
  /** Whether it has all since the last checkpoint and goes on. */
  readonly isOn: boolean;
  readonly sizeBytes: number;
  /** What the disk refused since the last call; the journal goes on with the next checkpoint. */
  takeFailure(): WeirError | undefined;
  /** Begins to write what waits for more to come. */
  flush(): void;
}

export interface PartitionHead {
  readonly partition: number;
  /** The next offset to be applied. */
  readonly position: number;
  /** The position that the last committed checkpoint holds. */
  readonly checkpointPosition: number;
  /** Samples applied since the last checkpoint, and bytes of records: when to take the next one. */
  readonly samplesSinceCheckpoint: number;
  /** Memory of closed chunks that the next checkpoint will free. */
  readonly closedBytes: number;
  readonly seriesCount: number;
  readonly journal: JournalState;

  /** Applies records in order, then moves to `nextOffset`. A record that can't be decoded is discarded. */
  apply(records: readonly HeadRecord[], nextOffset: number): void;
  configure(tenant: string, settings: TenantSettings): void;
  /**
   * A record of the tenant at this offset can't be applied: this one and the tenant's later ones are passed
   * over and stay in the log (safeOffset() does not pass it). What the tenant has can be read. To take
   * them up again, the store is put aside and the head rebuilt from the log.
   */
  park(tenant: string, fromOffset: number): void;
  parked(): ParkedTenant[];
  /** Samples covered by these are skipped when their records are replayed. */
  markShipped(shipped: readonly ShippedWindow[]): void;

  /** Writes a checkpoint (paged, one atomic flip); apply() may go on meanwhile. */
  checkpoint(): Promise<void>;
  /**
   * Defined while applying has outrun a running checkpoint, or the journal: what changes before it is written
   * is kept in memory. Await it before the next apply(), so that this stays below some 64 MB.
   */
  room(): Promise<void> | undefined;

  /** Series in Prometheus's label order. Batches are bounded (about 256 KiB or 512 series). */
  select(select: HeadSelect): AsyncIterable<readonly HeadSeries[]>;
  /**
   * The same with samples decoded, `inOrder` or in any. The stream throws NotPlain at the first series that has
   * native histograms or samples out of order in the range.
   */
  samples(select: HeadSelect, inOrder: boolean): HeadSamples;
  /** What a samples() in order would have to sort is sorted, in turns with others; select() does that itself. */
  prepareOrder(select: HeadSelect): Promise<void>;
  /** Sorted by bytes; a list is never changed, and without matchers the same while no value comes or goes. */
  labelNames(select: HeadSelect): Promise<readonly string[]>;
  labelValues(name: string, select: HeadSelect): Promise<readonly string[]>;
  metadata(tenant: string): MetricMetadata[];
  /** Each series once, in label order; those without an exemplar in the range are left out. */
  exemplars(select: ExemplarSelect): Promise<HeadExemplars[]>;
  tenants(): TenantStats[];
  /** Discards since the last call. */
  takeDiscards(): Discard[];
  /** The tenant's discard log, which is part of the state. */
  discarded(tenant: string): TenantDiscards;
  /** Of every tenant, at log time or `atMs`, whichever is later. */
  activity(atMs?: number): TenantActivity[];
  takeSeriesChanges(): SeriesChanges[];
  /** What the journal brought at opening is not among them. */
  takeIngested(): IngestedSamples[];
  cardinality(request: LabelCardinalityRequest): HeadCardinality;
  /** In steps of about a millisecond; a metric may come in several. */
  histogramMetrics(request: HistogramMetricsRequest): Iterable<readonly HistogramMetric[]>;

  /**
   * Does most of the work of the cutDue() that follows, about a millisecond at each step: let others run
   * between them. Without it cutDue() takes about a microsecond for each open series of the windows.
   */
  prepareCut(all: boolean): Iterable<void>;
  /**
   * Windows to be cut into blocks: those closed by event time (newest sample ≥ maxT + 1 h), or with
   * `all` every window that holds a sample (flush). Late samples of a cut window are refused.
   */
  cutDue(all: boolean): TenantWindow[];
  /** What prepareCut() is for cutDue(), for cutEarly(); but each step counts as a command. */
  prepareEarlyCut(tenant: string): Iterable<void>;
  /**
   * All of the tenant's windows, as cutDue(true) gives them. With the last of them that is dropped, series
   * without a sample in the last `idleMs` of log time leave, though the window may live on. Until then the
   * same windows are told again.
   */
  cutEarly(tenant: string, idleMs: number): TenantWindow[];
  /**
   * Streams a window for a block: all symbols sorted by bytes, then series in label order, chunks re-cut
   * to the window. No drop before it has ended. `pause` is called between pieces of work of about a
   * millisecond: samples may be applied and series read while what it answers is awaited.
   */
  cut(window: TenantWindow, pause?: Pause): CutSource;
  /** The window's samples from records ≤ window.lastOffset are in a verified block: forget them. */
  drop(window: TenantWindow): void;
  /**
   * The same, but that the series which hold nothing any more leave memory in steps of about a
   * millisecond: let others run between them. A checkpoint that begins meanwhile takes all that is left of
   * them at once, so begin none. They are taken to their end, or never again, before the next drop.
   */
  dropSteps(window: TenantWindow): Iterable<void>;
  /** No record below this offset holds a sample that is not in a shipped (dropped) window. */
  safeOffset(): number;
  /**
   * The last committed checkpoint as bytes for another node's empty store (restoreSnapshot()), bounded
   * in memory; applying, checkpoints and drops may go on meanwhile. Rejects with `not-found` before the
   * first checkpoint. What is committed while it runs is not in it.
   */
  snapshot(topicId: string): AsyncIterable<Uint8Array>;
  /** Rows or files of the store were found damaged: this head must be put aside and rebuilt. */
  readonly damage: WeirError | undefined;
  /** A digest of the logical state, equal for equal inputs. */
  digest(): string;
  close(): Promise<void>;
}

/** Called now and then; where it answers a promise, that is awaited before going on. */
export type Pause = () => Promise<void> | undefined;

/** Distinct byte strings in ascending order. */
export interface SymbolList {
  readonly length: number;
  at(index: number): Uint8Array | undefined;
}

export interface CutSource {
  /** Distinct label names and values of the window's series, and the empty string. */
  symbols(): Promise<SymbolList>;
  series(): AsyncIterable<readonly HeadSeries[]>;
}

/** The port of durable state: an ordered key-value store with atomic batches, and files beside it. One per partition. */
export interface HeadStore {
  readonly slabs: SlabFiles;
  readonly journal: JournalFiles;
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  /** Rows of [from, to) in key order, in batches. */
  scan(from: Uint8Array, to: Uint8Array): AsyncIterable<readonly [Uint8Array, Uint8Array][]>;
  /** All or nothing. With `sync` it survives power loss. The rows are copied before the call returns. */
  write(batch: StoreBatch, sync: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface StoreBatch {
  readonly puts: readonly (readonly [Uint8Array, Uint8Array])[];
  readonly deletes: readonly Uint8Array[];
}

/** Files that are only appended to, by numbers from 1; nothing of them need survive power loss. */
export interface JournalFiles {
  /** Numbers of those that are there, ascending. */
  list(): Promise<number[]>;
  /**
   * Fills `into` with the file's bytes from `at` on before it returns; how many there were. Throws
   * `unavailable` where the disk fails.
   */
  read(file: number, at: number, into: Uint8Array): number;
  /** Makes the file where it is missing. The caller leaves the bytes alone until it resolves. */
  append(file: number, bytes: Uint8Array): Promise<void>;
  remove(files: readonly number[]): Promise<void>;
}

/** Files of equal extents: of 48, 128 and 256 KiB. */
export type SlabFile = 'groups' | 'blocks' | 'arenas';

/** Images of a head's memory. Which extents hold something only the rows say. */
export interface SlabFiles {
  /**
   * Fills `parts`, one after the other, from the extent's start on, before it returns. Throws `corrupt` where
   * the file ends before.
   */
  read(file: SlabFile, extent: number, parts: readonly Uint8Array[]): void;
  /**
   * Writes bytes from the extent's start on, maybe over several adjacent extents. They don't survive power
   * loss before sync(). The caller leaves them alone until it resolves.
   */
  write(file: SlabFile, extent: number, bytes: Uint8Array): Promise<void>;
  /** What was written survives power loss, new files included. */
  sync(): Promise<void>;
  /** Extents from this one on hold nothing any more. */
  truncate(file: SlabFile, extents: number): Promise<void>;
}
