// What the answers must be, worked out from the log by the simplest means: a map from series to the
// samples that records brought, in order of their offsets. A sample that the head must accept is `must`,
// one that it must refuse is left out, and one whose fate depends on when a setting reached the head is
// `may`. Knows nothing of chunks, windows in memory, checkpoints or blocks.
import type { Appended } from './broker.ts';
import { decodeRecord } from './record.ts';

export const WINDOW_MS = 7_200_000;
const CLOSE_AFTER_MS = 3_600_000;

export interface Candidate {
  readonly offset: number;
  readonly bits: bigint;
  readonly must: boolean;
}

export interface Point {
  readonly t: number;
  readonly candidates: Candidate[];
  /** A whole block in the bucket holds a sample of this time. */
  shipped: boolean;
}

export interface ModelSeries {
  readonly tenant: string;
  readonly partition: number;
  /** Canonical label bytes as latin1. */
  readonly key: string;
  readonly points: Map<number, Point>;
  /** Times of samples that the log holds, refused ones too. */
  readonly logged: Set<number>;
  newestT: number;
}

/** Bounds of what a tenant's settings were while a record may have been applied. */
export interface SettingsBounds {
  readonly windowMinMs: number;
  readonly windowMaxMs: number;
  /** A limit on series may refuse some. */
  readonly limited: boolean;
}

/** A record that can be read. */
export interface ModelRecord {
  readonly samples: number;
  /** Infinity when it has no sample. */
  readonly oldestT: number;
}

interface TenantState {
  eventTime: number;
  closedBefore: number;
  readonly series: Map<string, ModelSeries>;
}

export interface MustSample {
  readonly series: ModelSeries;
  readonly point: Point;
  readonly offset: number;
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
  undecodable = 0;
  samples = 0;

  constructor(partitions: number, settings: (tenant: string) => SettingsBounds) {
    this.#states = Array.from({ length: partitions }, () => new Map());
    this.must = Array.from({ length: partitions }, () => []);
    this.records = Array.from({ length: partitions }, () => []);
    this.#settings = settings;
  }

  appended(partition: number, record: Appended): void {
    const tenant = Buffer.from(record.key).toString('utf8');
    const decoded = decodeRecord(record.value, record.version);
    if (decoded === undefined) {
      this.undecodable++;
      return;
    }
    const times = decoded.flatMap(({ samples }) => samples.map(({ t }) => t));
    this.records[partition]![record.offset] = {
      samples: times.length,
      oldestT: Math.min(...times),
    };
    const state = this.#stateOf(partition, tenant);
    const bounds = this.#settings(tenant);
    // As the tenant stood before the record, whatever its own order.
    const oldestFor = (windowMs: number) =>
      Math.max(state.closedBefore, state.eventTime - Math.max(CLOSE_AFTER_MS, windowMs));
    // The newest sample may be one that the limit refused, and then nothing was closed by it.
    const refusedBelow = bounds.limited ? -Infinity : oldestFor(bounds.windowMaxMs);
    const acceptedFrom = oldestFor(bounds.windowMinMs);
    for (const { labels, samples } of decoded) {
      const series = this.#seriesOf(partition, tenant, labels, state);
      for (const { t, bits } of samples) {
        this.samples++;
        series.logged.add(t);
        if (t < refusedBelow) continue;
        const inOrder = t > series.newestT;
        const behind = state.eventTime - t;
        const must =
          !bounds.limited &&
          t >= acceptedFrom &&
          (inOrder || t === series.newestT || behind <= bounds.windowMinMs);
        this.#add(series, t, { offset: record.offset, bits, must });
        if (inOrder) series.newestT = t;
        if (t > state.eventTime) advance(state, t);
      }
    }
  }

  #add(series: ModelSeries, t: number, candidate: Candidate): void {
    let point = series.points.get(t);
    if (point === undefined) {
      point = { t, candidates: [], shipped: false };
      series.points.set(t, point);
    }
    const known = point.candidates.some(({ must }) => must);
    if (point.candidates.some(({ bits, must }) => bits === candidate.bits && must)) return;
    point.candidates.push(candidate);
    if (candidate.must && !known) {
      this.must[series.partition]!.push({ series, point, offset: candidate.offset });
    }
  }

  #stateOf(partition: number, tenant: string): TenantState {
    const states = this.#states[partition]!;
    let state = states.get(tenant);
    if (state === undefined) {
      state = { eventTime: -Infinity, closedBefore: -Infinity, series: new Map() };
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

/** The windows that end an hour before the newest sample are closed. */
function advance(state: TenantState, t: number): void {
  state.eventTime = t;
  state.closedBefore = Math.floor((t - CLOSE_AFTER_MS) / WINDOW_MS) * WINDOW_MS;
}

/** The values that an answer may hold at this point: those before the first one that must be kept. */
export function allowedBits(point: Point): bigint[] {
  const allowed: bigint[] = [];
  for (const { bits, must } of point.candidates) {
    allowed.push(bits);
    if (must) break;
  }
  return allowed;
}

export function firstMust(point: Point): Candidate | undefined {
  return point.candidates.find(({ must }) => must);
}
