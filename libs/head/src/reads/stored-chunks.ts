// Reads closed chunks from the store's pages for a group of series: only rows of checkpoints that can
// hold the time range, page by page or in one scan of a metric, several at once; what was read is kept
// for the next (kept-rows.ts).
import type { HeadStore, Pause } from '../head.ts';
import type { Metric } from '../pages/pages.ts';
import type { HeadState } from '../state.ts';
import { type ChunkEntry, chunkRange, keyNumber, readChunkEntries } from '../store/rows.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import { type Keeping, KeptPage, type PagePlace, type ReadRow } from './kept-rows.ts';

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
  readonly pages: readonly number[];
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
  // A cut reads all of a window, once.
  const keeping = range.pause === undefined ? state.keptRows.begin() : undefined;
  const tasks: (() => Promise<void>)[] = [];
  for (const wanted of wantedRows(state, range, pages, epochFrom, epoch)) {
    for (const rows of keeping === undefined ? [wanted] : takeKept(state, wanted, take)) {
      tasks.push(...readTasks(state, store, rows, take, keeping, range.pause));
    }
  }
  await runAll(tasks);
}

/** Hands out what is kept, and returns what must be read: pages whole, or from the checkpoint after the last kept. */
function takeKept(state: HeadState, rows: Rows, take: TakeEntry): Rows[] {
  const { window, epochFrom, epochTo } = rows;
  const missing = new Map<number, Rows & { pages: number[] }>();
  for (const page of rows.pages) {
    const kept = state.keptRows.find(placeOf(rows, page), epochFrom);
    kept?.entries(epochFrom, epochTo, (epoch, entry) => {
      if (!state.abortedEpochs.has(epoch)) take(page, window, epoch, entry);
    });
    const from = kept === undefined ? epochFrom : kept.epochTo + 1;
    if (from > epochTo) continue;
    const others = missing.get(from);
    if (others === undefined) missing.set(from, { ...rows, pages: [page], epochFrom: from });
    else others.pages.push(page);
  }
  return [...missing.values()];
}

function readTasks(
  state: HeadState,
  store: HeadStore,
  rows: Rows,
  take: TakeEntry,
  keeping: Keeping | undefined,
  pause: Pause | undefined,
): (() => Promise<void>)[] {
  const { epochFrom, epochTo } = rows;
  const reader = (pages: readonly number[]) =>
    new RowReader(state, { ...rows, pages }, take, keeping);
  if (epochFrom > 0 && epochTo - epochFrom < EPOCHS_MAX) {
    return keysOf(rows).map(
      ({ pages, keys }) =>
        () =>
          getRows(store, keys, reader(pages)),
    );
  }
  return scansOf(rows).map(
    ({ pages, from, to }) =>
      () =>
        scanRows(store, from, to, reader(pages), pause),
  );
}

/** Takes the rows of some pages, in the order of their keys. */
class RowReader {
  readonly #state: HeadState;
  readonly #rows: Rows;
  readonly #take: TakeEntry;
  readonly #keeping: Keeping | undefined;
  /** The first page that is not kept yet, by its place in the list, and what was read of it. */
  #at = 0;
  #read: ReadRow[] = [];

  constructor(state: HeadState, rows: Rows, take: TakeEntry, keeping: Keeping | undefined) {
    this.#state = state;
    this.#rows = rows;
    this.#take = take;
    this.#keeping = keeping;
  }

  take(key: Uint8Array, row: Uint8Array): void {
    const { window, epochFrom, epochTo } = this.#rows;
    const epoch = keyNumber(key, 5);
    if (epoch < epochFrom || epoch > epochTo || this.#state.abortedEpochs.has(epoch)) return;
    const page = keyNumber(key, 4);
    readChunkEntries(row, (entry) => this.#take(page, window, epoch, entry));
    if (this.#keeping?.isOpen !== true) return;
    this.#keepBefore(page);
    if (this.#rows.pages[this.#at] === page) this.#read.push({ epoch, row });
  }

  /** All rows of the pages were taken. */
  end(): void {
    if (this.#keeping?.isOpen === true) this.#keepBefore(Number.POSITIVE_INFINITY);
  }

  #keepBefore(page: number): void {
    const { pages } = this.#rows;
    for (; this.#at < pages.length && pages[this.#at] < page; this.#at++) {
      const place = placeOf(this.#rows, pages[this.#at]);
      const before = this.#state.keptRows.endingAt(place, this.#rows.epochFrom - 1);
      this.#keeping?.keep(new KeptPage(place, this.#rows, this.#read, before));
      this.#read = [];
    }
  }
}

function placeOf({ tenant, window, generation, metric }: Rows, page: number): PagePlace {
  return { tenant, window, generation, metric: metric.id, page };
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

function keysOf(rows: Rows): { pages: number[]; keys: Uint8Array[] }[] {
  const found: { pages: number[]; keys: Uint8Array[] }[] = [];
  let last: { pages: number[]; keys: Uint8Array[] } | undefined;
  for (const page of rows.pages) {
    if (last === undefined || last.keys.length >= KEYS_MAX) {
      last = { pages: [], keys: [] };
      found.push(last);
    }
    last.pages.push(page);
    for (let epoch = rows.epochFrom; epoch <= rows.epochTo; epoch++) {
      last.keys.push(keyOf(rows, page, epoch));
    }
  }
  return found;
}

interface Scan {
  readonly pages: readonly number[];
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** One scan over the pages of a metric where most of those between are wanted, or one for each. */
function scansOf(rows: Rows): Scan[] {
  const { pages, metric, epochFrom, epochTo } = rows;
  const [first, last] = [pages[0], pages[pages.length - 1]];
  const between = metric.pages.filter(({ id }) => id >= first && id <= last).length;
  if (pages.length > 1 && pages.length * 4 >= between) {
    return [{ pages, from: keyOf(rows, first), to: keyOf(rows, last + 1) }];
  }
  return pages.map((page) => ({
    pages: [page],
    from: keyOf(rows, page, epochFrom),
    to: keyOf(rows, page, epochTo + 1),
  }));
}

async function getRows(
  store: HeadStore,
  keys: readonly Uint8Array[],
  reader: RowReader,
): Promise<void> {
  const rows = await store.getMany(keys);
  for (let at = 0; at < keys.length; at++) {
    const row = rows[at];
    if (row !== undefined) reader.take(keys[at], row);
  }
  reader.end();
}

async function scanRows(
  store: HeadStore,
  from: Uint8Array,
  to: Uint8Array,
  reader: RowReader,
  pause?: Pause,
): Promise<void> {
  for await (const rows of store.scan(from, to)) {
    for (const [at, [key, row]] of rows.entries()) {
      reader.take(key, row);
      if (pause && at % ROWS_STEP === ROWS_STEP - 1) await pause();
    }
    await pause?.();
  }
  reader.end();
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
