// A head for tests: JSON records, everything in arrays, and a "disk" that survives closing. It keeps the
// port's promises (generations of a window, shipped marks, checkpoints) in the simplest way, so that a
// test of the ingester fails for the ingester's reasons.
import { mkdir } from 'node:fs/promises';
import { compareBytes, text, utf8 } from '@weir/bytes';
import { assert } from '@weir/errors';
import type {
  HeadRecord,
  HeadSelect,
  HeadSeries,
  HeadStore,
  PartitionHead,
  ShippedWindow,
  TenantWindow,
} from '@weir/head';
import { NotPlain } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { compareLabels, decodeLabels, labelsOf, type Matcher } from '@weir/model';
import { CHUNK_XOR, type Chunk, encodeXorChunk } from '@weir/tsdb/chunk';

export const WINDOW_MS = 7_200_000;
const CLOSE_AFTER_MS = 3_600_000;

export interface FakeSample {
  readonly labels: Record<string, string>;
  readonly t: number;
  readonly v: number;
}

interface HeldSample extends FakeSample {
  readonly tenant: string;
  readonly offset: number;
}

interface State {
  position: number;
  samples: readonly HeldSample[];
  shipped: readonly ShippedWindow[];
}

/** What survives a crash: checkpoints by path. */
export type FakeDisk = Map<string, State>;

export function encodeFakeRecord(samples: readonly FakeSample[]): Uint8Array {
  return utf8(JSON.stringify(samples));
}

export interface FakeStore extends HeadStore {
  readonly path: string;
}

/** A store that only names its place on the disk, which goes when its folder goes. */
export async function openFakeStore(path: string, disk: FakeDisk): Promise<FakeStore> {
  if ((await mkdir(path, { recursive: true })) !== undefined) disk.delete(path);
  const refuse = () => Promise.reject(new Error('the fake head does not use its store'));
  return {
    path,
    slabs: createMemoryHeadStore().slabs,
    journal: createMemoryHeadStore().journal,
    get: refuse,
    getMany: refuse,
    scan: () => {
      throw new Error('the fake head does not use its store');
    },
    write: refuse,
    close: async () => {},
  };
}

export function openFakeHead(partition: number, path: string, disk: FakeDisk): PartitionHead {
  let { position, samples, shipped } = disk.get(path) ?? { position: 0, samples: [], shipped: [] };
  let checkpointPosition = position;
  let samplesSinceCheckpoint = 0;
  const ingested = new Map<string, number>();

  const covered = ({ tenant, t, offset }: HeldSample) =>
    shipped.some(
      (one) =>
        one.tenant === tenant && t >= one.minT && t < one.maxT && offset <= one.throughOffset,
    );

  function applyRecord(record: HeadRecord): void {
    assert(record.offset >= position, 'records come in order');
    for (const sample of JSON.parse(text(record.value)) as FakeSample[]) {
      const held = { ...sample, tenant: record.tenant, offset: record.offset };
      if (covered(held)) continue;
      if (samples.some((one) => sameSample(one, held))) continue;
      samples = [...samples, held];
      samplesSinceCheckpoint++;
      ingested.set(record.tenant, (ingested.get(record.tenant) ?? 0) + 1);
    }
    position = record.offset + 1;
  }

  function windows(all: boolean): TenantWindow[] {
    const found = new Map<string, { -readonly [Key in keyof TenantWindow]: TenantWindow[Key] }>();
    for (const { tenant, t, offset } of samples) {
      const minT = Math.floor(t / WINDOW_MS) * WINDOW_MS;
      const maxT = minT + WINDOW_MS;
      if (!all && eventTime(tenant) < maxT + CLOSE_AFTER_MS) continue;
      const window = found.get(`${tenant}/${minT}`);
      if (window === undefined) {
        found.set(`${tenant}/${minT}`, {
          ...{ tenant, minT, maxT },
          ...{ firstOffset: offset, lastOffset: offset },
        });
      } else window.lastOffset = Math.max(window.lastOffset, offset);
    }
    return [...found.values()];
  }

  const eventTime = (tenant: string) =>
    Math.max(...samples.filter((one) => one.tenant === tenant).map(({ t }) => t));

  const inWindow = (sample: HeldSample, window: TenantWindow) =>
    sample.tenant === window.tenant &&
    sample.t >= window.minT &&
    sample.t < window.maxT &&
    sample.offset <= window.lastOffset;

  const matching = (select: HeadSelect) =>
    samples.filter(
      ({ tenant, t, labels }) =>
        tenant === select.tenant &&
        t >= select.minT &&
        t <= select.maxT &&
        matchesAll(select.matchers, labels),
    );

  const names = (select: HeadSelect) => matching(select).flatMap((one) => Object.keys(one.labels));

  return {
    partition,
    get position() {
      return position;
    },
    get checkpointPosition() {
      return checkpointPosition;
    },
    closedBytes: 0,
    journal: {
      ...{ replayedRecords: 0, stoppedBy: undefined, isOn: false, sizeBytes: 0 },
      takeFailure: () => undefined,
      flush: () => {},
    },
    get samplesSinceCheckpoint() {
      return samplesSinceCheckpoint;
    },
    get seriesCount() {
      return toSeries(samples).length;
    },
    exemplars: async () => [],
    park: () => {},
    parked: () => [],
    apply(records, nextOffset) {
      for (const record of records) applyRecord(record);
      assert(nextOffset >= position, 'a head does not go back');
      position = nextOffset;
    },
    room: () => undefined,
    configure() {},
    markShipped(more) {
      shipped = [...shipped, ...more];
    },
    async checkpoint() {
      disk.set(path, { position, samples, shipped });
      checkpointPosition = position;
      samplesSinceCheckpoint = 0;
    },
    async *select(select) {
      yield toSeries(matching(select));
    },
    prepareOrder: async () => {},
    samples: () => ({
      labels: new Uint8Array(0),
      number: -1,
      next: () => {
        throw new NotPlain('the fake head has none');
      },
      samples: () => {},
      close: () => {},
    }),
    labelNames: async (select) => [...new Set(names(select))].sort(),
    labelValues: async (name, select) => {
      const found = matching(select).flatMap(({ labels }) => labels[name] ?? []);
      return [...new Set(found)].sort();
    },
    metadata: () => [],
    tenants: () =>
      [...new Set(samples.map(({ tenant }) => tenant))].map((tenant) => ({
        tenant,
        series: toSeries(samples.filter((one) => one.tenant === tenant)).length,
        eventTimeMs: eventTime(tenant),
        minTimeMs: Math.min(...samples.filter((one) => one.tenant === tenant).map(({ t }) => t)),
      })),
    discarded: () => ({ reasons: [], entries: [] }),
    activity: () => [],
    takeSeriesChanges: () => [],
    takeIngested() {
      const taken = [...ingested].map(([tenant, samples]) => ({ tenant, samples, ruleSamples: 0 }));
      ingested.clear();
      return taken;
    },
    cardinality: () => ({ series: 0, labels: [] }),
    histogramMetrics: () => [],
    takeDiscards: () => [],
    prepareCut: () => [],
    cutDue: windows,
    prepareEarlyCut: () => [],
    cutEarly: (tenant) => windows(true).filter((window) => window.tenant === tenant),
    cut(window) {
      const series = toSeries(samples.filter((sample) => inWindow(sample, window)));
      return {
        symbols: async () => symbolsOf(series),
        async *series() {
          yield series;
        },
      };
    },
    drop(window) {
      samples = samples.filter((sample) => !inWindow(sample, window));
    },
    dropSteps(window) {
      this.drop(window);
      return [];
    },
    safeOffset: () => Math.min(position, ...samples.map(({ offset }) => offset)),
    damage: undefined,
    async *snapshot() {},
    digest: () => JSON.stringify({ position, samples }),
    close: async () => {},
  };
}

function sameSample(a: HeldSample, b: HeldSample): boolean {
  return (
    a.tenant === b.tenant && a.t === b.t && JSON.stringify(a.labels) === JSON.stringify(b.labels)
  );
}

function matchesAll(matchers: readonly Matcher[], labels: Record<string, string>): boolean {
  return matchers.every((matcher) => matcher.matches(labels[matcher.name] ?? ''));
}

function toSeries(samples: readonly HeldSample[]): HeadSeries[] {
  const series = new Map<string, { labels: Uint8Array; samples: HeldSample[] }>();
  for (const sample of samples) {
    const key = JSON.stringify(sample.labels);
    const found = series.get(key) ?? { labels: labelsOf(sample.labels), samples: [] };
    found.samples.push(sample);
    series.set(key, found);
  }
  return [...series.values()]
    .sort((a, b) => compareLabels(a.labels, b.labels))
    .map(({ labels, samples }) => ({ labels, chunks: chunksOf(samples) }));
}

/** One chunk a window, so that a block's chunks stay inside of it. */
function chunksOf(samples: readonly HeldSample[]): Chunk[] {
  const windows = new Map<number, HeldSample[]>();
  for (const sample of samples.toSorted((a, b) => a.t - b.t)) {
    const index = Math.floor(sample.t / WINDOW_MS);
    windows.set(index, [...(windows.get(index) ?? []), sample]);
  }
  return [...windows.values()].map((part) => {
    const t = Float64Array.from(part, (one) => one.t);
    const v = Float64Array.from(part, (one) => one.v);
    const bytes = encodeXorChunk(t, v, 0, part.length);
    return { minT: t[0]!, maxT: t.at(-1)!, encoding: CHUNK_XOR, bytes };
  });
}

function symbolsOf(series: readonly HeadSeries[]): Uint8Array[] {
  const symbols = new Set(['']);
  for (const { labels } of series) {
    for (const { name, value } of decodeLabels(labels)) symbols.add(name).add(value);
  }
  return [...symbols].map(utf8).sort(compareBytes);
}
