// Reads closed chunks from the store's pages for a group of series: only rows of checkpoints that can
// hold the time range, page by page or in one scan of a metric, several at once.
import type { HeadStore, Pause } from '../head.ts';
import type { Metric } from '../pages/pages.ts';
import type { HeadState } from '../state.ts';
import { type ChunkEntry, chunkRange, keyNumber, readChunkEntries } from '../store/rows.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';

/** Where few checkpoints and pages are wanted their rows are got by key: most that one call takes. */
const KEYS_MAX = 512;
/** Checkpoints up to which getting rows by key is cheaper than scanning all of a metric. */
const EPOCHS_MAX = 8;
const SCANS_AT_ONCE = 8;
/** Rows, of up to 64 series each, between two pauses. */
const ROWS_STEP = 8;

/** Generations of one window that a read sees, both inclusive. */
export interface VisibleWindow {
  readonly window: number;
  readonly from: number;
  readonly to: number;
}

export interface StoredRange {
  readonly tenant: Tenant;
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
  readonly windows: ReadonlyMap<number, VisibleWindow>;
  /** Called between some rows. */
  readonly pause?: Pause;
}

/** Receives entries of wanted pages; `entry` is reused, its bytes view the row. */
export type TakeEntry = (page: number, window: number, epoch: number, entry: ChunkEntry) => void;

interface Rows {
  readonly tenant: number;
  readonly metric: Metric;
  /** Ascending. */
  readonly pages: number[];
  readonly window: number;
  readonly generation: number;
  /** Both inclusive. */
  readonly epochFrom: number;
  readonly epochTo: number;
}

/** Hands out the chunks in rows of committed checkpoints up to `epoch`, in any order. */
export async function readStored(
  state: HeadState,
  store: HeadStore,
  range: StoredRange,
  pages: Iterable<number>,
  epoch: number,
  take: TakeEntry,
): Promise<void> {
  const epochFrom = state.epochTimes.firstSince(range.tenant.id, range.minT);
  if (epochFrom > epoch) return;
  const tasks: (() => Promise<void>)[] = [];
  for (const rows of wantedRows(state, range, pages, epochFrom, epoch)) {
    const takeOne = (key: Uint8Array, row: Uint8Array) => takeRow(state, rows, key, row, take);
    if (epochFrom > 0 && epoch - epochFrom < EPOCHS_MAX) {
      for (const keys of keysOf(rows)) tasks.push(() => getRows(store, keys, takeOne));
    } else {
      for (const scan of scansOf(rows)) {
        tasks.push(() => scanRows(store, scan, takeOne, range.pause));
      }
    }
  }
  await runAll(tasks);
}

function* wantedRows(
  state: HeadState,
  range: StoredRange,
  pages: Iterable<number>,
  epochFrom: number,
  epochTo: number,
): Generator<Rows> {
  const { tenant } = range;
  for (const [metric, pageIds] of byMetric(state, pages)) {
    for (const { window, from, to } of range.windows.values()) {
      if (window * WINDOW_MS > range.maxT || (window + 1) * WINDOW_MS <= range.minT) continue;
      const last = Math.min(to, tenant.openGeneration(window));
      for (let generation = from; generation <= last; generation++) {
        yield { tenant: tenant.id, metric, pages: pageIds, window, generation, epochFrom, epochTo };
      }
    }
  }
}

function byMetric(state: HeadState, pages: Iterable<number>): Map<Metric, number[]> {
  const metrics = new Map<Metric, number[]>();
  for (const page of [...pages].sort((a, b) => a - b)) {
    const { metric } = state.pages.page(page);
    const known = metrics.get(metric);
    if (known) known.push(page);
    else metrics.set(metric, [page]);
  }
  return metrics;
}

function keyOf({ tenant, window, generation, metric }: Rows, ...rest: number[]): Uint8Array {
  return chunkRange(tenant, window, generation, metric.id, ...rest);
}

function* keysOf(rows: Rows): Generator<Uint8Array[]> {
  let keys: Uint8Array[] = [];
  for (const page of rows.pages) {
    for (let epoch = rows.epochFrom; epoch <= rows.epochTo; epoch++) {
      keys.push(keyOf(rows, page, epoch));
    }
    if (keys.length < KEYS_MAX) continue;
    yield keys;
    keys = [];
  }
  if (keys.length > 0) yield keys;
}

/** One scan over the pages of a metric where most of those between are wanted, or one for each. */
function scansOf(rows: Rows): [Uint8Array, Uint8Array][] {
  const { pages, metric, epochFrom, epochTo } = rows;
  const [first, last] = [pages[0], pages[pages.length - 1]];
  const between = metric.pages.filter(({ id }) => id >= first && id <= last).length;
  if (pages.length > 1 && pages.length * 4 >= between) {
    return [[keyOf(rows, pages[0]), keyOf(rows, pages[pages.length - 1] + 1)]];
  }
  return pages.map((page) => [keyOf(rows, page, epochFrom), keyOf(rows, page, epochTo + 1)]);
}

async function getRows(
  store: HeadStore,
  keys: readonly Uint8Array[],
  take: (key: Uint8Array, row: Uint8Array) => void,
): Promise<void> {
  const rows = await store.getMany(keys);
  for (let at = 0; at < keys.length; at++) {
    const row = rows[at];
    if (row !== undefined) take(keys[at], row);
  }
}

async function scanRows(
  store: HeadStore,
  [from, to]: [Uint8Array, Uint8Array],
  take: (key: Uint8Array, row: Uint8Array) => void,
  pause?: Pause,
): Promise<void> {
  for await (const rows of store.scan(from, to)) {
    for (const [at, [key, row]] of rows.entries()) {
      take(key, row);
      if (pause && at % ROWS_STEP === ROWS_STEP - 1) await pause();
    }
    await pause?.();
  }
}

function takeRow(
  state: HeadState,
  { window, epochFrom, epochTo }: Rows,
  key: Uint8Array,
  row: Uint8Array,
  take: TakeEntry,
): void {
  const epoch = keyNumber(key, 5);
  if (epoch < epochFrom || epoch > epochTo || state.abortedEpochs.has(epoch)) return;
  const page = keyNumber(key, 4);
  readChunkEntries(row, (entry) => take(page, window, epoch, entry));
}

/** Runs the tasks, some at once. After an error no other is begun, but those under way are awaited. */
async function runAll(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < tasks.length) {
      try {
        await tasks[next++]();
      } catch (error) {
        next = tasks.length;
        throw error;
      }
    }
  };
  const runs = Array.from({ length: Math.min(SCANS_AT_ONCE, tasks.length) }, run);
  for (const result of await Promise.allSettled(runs)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
