// What the answers must be, worked out from the log by the simplest means: a map from series to the
// samples that records brought, in order of their offsets: floats, histograms and synthetic zeros. A sample that the head must accept is `must`,
// one that it must refuse is left out, and one whose fate depends on when a setting reached the head is
// `may`. Knows nothing of chunks, windows in memory, checkpoints or blocks.
import type { Appended } from './broker.ts';
import { LoggedExtras } from './extras.ts';
import {
  type Candidate,
  firstMust,
  type ModelSeries,
  type MustSample,
  type Point,
  WINDOW_MS,
} from './points.ts';
import { decodeRecord, type RecordSeries } from './record.ts';
import type { SampleValue } from './values.ts';

const CLOSE_AFTER_MS = 3_600_000;

/** Bounds of what a tenant's settings were while a record may have been applied. */
export interface SettingsBounds {
  readonly windowMinMs: number;
  readonly windowMaxMs: number;
  /** A limit on series may refuse some. */
  readonly limited: boolean;
  /**
   * A head may be rebuilt from the group's offset and not know the newest samples of before, which are in
   * blocks: then it takes old samples that it refused the first time.
   */
  readonly mayForget: boolean;
}

/** A record that can be read. */
export interface ModelRecord {
  /** Histograms, too. */
  readonly samples: number;
  /** Synthetic ones that it may bring beside them. */
  readonly zeros: number;
  /** Infinity when it has no sample. */
  readonly oldestT: number;
}

interface TenantState {
  eventTime: number;
  readonly series: Map<string, ModelSeries>;
}

export class Model {
  /** By tenant, then by label bytes; a series lives in one partition, but old ones may have moved. */
  readonly tenants = new Map<string, Map<string, ModelSeries[]>>();
  /** Per partition: the samples of each record that must be kept. */
  readonly must: MustSample[][];
  /** Per partition, by offset; undefined where nobody can read it. */
  readonly records: (ModelRecord | undefined)[][];
  readonly #states: Map<string, TenantState>[];
  readonly #settings: (tenant: string) => SettingsBounds;
  /** Exemplars and metadata. */
  readonly extras: LoggedExtras;
  /** By partition and tenant: from this offset on the tenant's records are passed over. */
  readonly #parked = new Map<string, number>();
  undecodable = 0;
  samples = 0;
  /** Synthetic zeros that must be there. */
  zeros = 0;

  constructor(partitions: number, settings: (tenant: string) => SettingsBounds) {
    this.#states = Array.from({ length: partitions }, () => new Map());
    this.must = Array.from({ length: partitions }, () => []);
    this.records = Array.from({ length: partitions }, () => []);
    this.extras = new LoggedExtras(partitions);
    this.#settings = settings;
  }

  /** No program can apply this record for now. */
  park(partition: number, tenant: string, offset: number): void {
    const id = `${partition}/${tenant}`;
    this.#parked.set(id, Math.min(offset, this.#parked.get(id) ?? Infinity));
  }

  unpark(): void {
    this.#parked.clear();
  }

  isParked(partition: number, tenant: string, offset: number): boolean {
    if (this.#parked.size === 0) return false;
    return offset >= (this.#parked.get(`${partition}/${tenant}`) ?? Infinity);
  }

  /** The earliest sample that must be kept at a point and that a head may be held to now. */
  wanted(series: ModelSeries, point: Point): Candidate | undefined {
    const first = firstMust(point);
    if (first === undefined) return undefined;
    return this.isParked(series.partition, series.tenant, first.offset) ? undefined : first;
  }

  /** `value` and `version` are the record as it was sent; the log may have it in another version. */
  appended(
    partition: number,
    { key, offset }: Appended,
    { value, version }: Pick<Appended, 'value' | 'version'>,
  ): void {
    const tenant = Buffer.from(key).toString('utf8');
    const decoded = decodeRecord(value, version);
    if (decoded === undefined) {
      this.undecodable++;
      return;
    }
    this.records[partition]![offset] = countsOf(decoded.series);
    const state = this.#stateOf(partition, tenant);
    const bounds = this.#settings(tenant);
    // As the tenant stood before the record, whatever its own order.
    const oldestFor = (windowMs: number) => state.eventTime - Math.max(CLOSE_AFTER_MS, windowMs);
    const reach: Reach = {
      ...{ state, offset, bounds },
      // The newest sample may be one that the limit refused, and then no older one is too old by it.
      refusedBelow: bounds.limited || bounds.mayForget ? -Infinity : oldestFor(bounds.windowMaxMs),
      acceptedFrom: oldestFor(bounds.windowMinMs),
    };
    for (const entry of decoded.series) {
      const series = this.#seriesOf(partition, tenant, entry.labels, state);
      let kept: Point | undefined;
      for (const { t, value: v } of entry.samples) {
        const isKept = this.#sample(series, reach, t, v, entry.createdMs, floatZero);
        if (isKept) kept = series.points.get(t);
      }
      for (const { t, value: v, startT, zero } of entry.histograms) {
        const isKept = this.#sample(series, reach, t, v, startT || entry.createdMs, zero);
        if (isKept) kept = series.points.get(t);
      }
      this.extras.exemplars(series, offset, entry.exemplars, kept);
    }
    this.extras.metadata(partition, tenant, offset, decoded.metadata);
  }

  /** Whether it must be kept. */
  #sample(
    series: ModelSeries,
    reach: Reach,
    t: number,
    value: SampleValue | undefined,
    createdMs: number,
    zero: () => SampleValue,
  ): boolean {
    const { state, offset, bounds, refusedBelow, acceptedFrom } = reach;
    this.samples++;
    series.logged.add(t);
    // One that nobody can store is refused.
    if (t < refusedBelow || value === undefined) return false;
    const inOrder = t > series.newestT;
    const behind = state.eventTime - t;
    const must =
      !bounds.limited &&
      t >= acceptedFrom &&
      (inOrder || t === series.newestT || behind <= bounds.windowMinMs);
    if (createdMs > 0 && createdMs < t && createdMs >= refusedBelow) {
      this.#zero(series, reach, must, t, createdMs, zero());
    }
    this.#add(series, t, { offset, value, must });
    if (inOrder) series.newestT = t;
    if (t > state.eventTime) state.eventTime = t;
    return must;
  }

  /**
   * A zero at the time a counter was created. Whether a head writes it depends on what of the series it
   * still has; it must, where nothing older was ever there. In another window than the sample it may be
   * left out, when that one was shipped and this one was not.
   */
  #zero(
    series: ModelSeries,
    { offset, acceptedFrom }: Reach,
    sampleMust: boolean,
    t: number,
    createdMs: number,
    value: SampleValue,
  ): void {
    const isSameWindow = Math.floor(createdMs / WINDOW_MS) === Math.floor(t / WINDOW_MS);
    const isFirst = createdMs > series.newestT && createdMs >= acceptedFrom;
    const must = sampleMust && isFirst && isSameWindow;
    const known = series.points.get(createdMs)?.candidates;
    if (!must && known?.some((one) => one.value === value)) return;
    if (must) this.zeros++;
    this.#add(series, createdMs, { offset, value, must });
  }

  #add(series: ModelSeries, t: number, candidate: Candidate): void {
    let point = series.points.get(t);
    if (point === undefined) {
      point = { t, candidates: [], shipped: false };
      series.points.set(t, point);
    }
    const known = point.candidates.some(({ must }) => must);
    if (point.candidates.some(({ value, must }) => value === candidate.value && must)) return;
    point.candidates.push(candidate);
    if (candidate.must && !known) {
      this.must[series.partition]!.push({ series, point, offset: candidate.offset });
    }
  }

  #stateOf(partition: number, tenant: string): TenantState {
    const states = this.#states[partition]!;
    let state = states.get(tenant);
    if (state === undefined) {
      state = { eventTime: -Infinity, series: new Map() };
      states.set(tenant, state);
    }
    return state;
  }

  #seriesOf(partition: number, tenant: string, key: string, state: TenantState): ModelSeries {
    const known = state.series.get(key);
    if (known !== undefined) return known;
    const series: ModelSeries = {
      ...{ tenant, partition, key },
      points: new Map(),
      logged: new Set(),
      newestT: -Infinity,
    };
    state.series.set(key, series);
    const all = this.tenants.get(tenant) ?? new Map<string, ModelSeries[]>();
    this.tenants.set(tenant, all);
    all.set(key, [...(all.get(key) ?? []), series]);
    return series;
  }
}

const floatZero = (): SampleValue => 0;

/** How far back a record reaches, and where it lies. */
interface Reach {
  readonly state: TenantState;
  readonly offset: number;
  readonly bounds: SettingsBounds;
  /** Older samples are refused in any case, and from `acceptedFrom` on none is too old. */
  readonly refusedBelow: number;
  readonly acceptedFrom: number;
}

function countsOf(series: readonly RecordSeries[]): ModelRecord {
  let samples = 0;
  let zeros = 0;
  let oldestT = Infinity;
  for (const one of series) {
    for (const { t } of one.samples) oldestT = Math.min(oldestT, t);
    for (const { t } of one.histograms) oldestT = Math.min(oldestT, t);
    samples += one.samples.length + one.histograms.length;
    if (one.createdMs > 0 && one.samples.length > 0) zeros++;
    zeros += one.histograms.filter(({ startT }) => startT > 0 || one.createdMs > 0).length;
  }
  return { samples, zeros, oldestT };
}
