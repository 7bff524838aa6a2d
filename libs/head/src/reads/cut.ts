// Streams one window of a tenant for a block: its symbols, then its series in label order, metric by
// metric, with what a block needs and no more in memory: some twenty bytes a distinct symbol, four a
// series of one metric, and a group of series with their chunks. Everything long pauses in between;
// series that come meanwhile have no sample in what is cut, and none go, as no drop runs beside a cut.
import { grown, sortSteps } from '@weir/bytes';
import { cutThrough, freeze } from '../cuts.ts';
import type { CutSource, HeadSeries, HeadStore, Pause, SymbolList, TenantWindow } from '../head.ts';
import { byName } from '../pages/pages.ts';
import type { NameIndex } from '../postings/label-index.ts';
import { sortMetric } from '../postings/label-order.ts';
import { sortSeries } from '../postings/sort-series.ts';
import type { ByteArena } from '../series/byte-arena.ts';
import type { HeadState } from '../state.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import { groupsOf, readSeries } from './series-reader.ts';
import type { VisibleWindow } from './stored-chunks.ts';

/** Posting lists, or many series of one, looked at between two pauses, and series picked. */
const LOOK_STEP = 256;
const LIST_STEP = 32;
/** Symbols of which the distinct ones are found in one step. */
const DISTINCT_STEP = 4096;
const PICK_STEP = 2048;
/** A metric's rows are read once for each group of its series, hence as large ones as memory allows. */
const GROUP_BYTES = 12 * 1024 * 1024;

const NOTHING: CutSource = {
  symbols: async () => [new Uint8Array(0)],
  series: async function* () {},
};

export function cut(
  state: HeadState,
  store: HeadStore,
  window: TenantWindow,
  pause: Pause,
): CutSource {
  const tenant = state.tenantsByName.get(window.tenant);
  const index = Math.floor(window.minT / WINDOW_MS);
  const live = tenant?.windows.get(index);
  if (!tenant || !live) return NOTHING;
  const through = cutThrough(live, window.lastOffset);
  if (through === live.generations.at(-1)?.number) freeze(state, tenant, live);
  const visible = { window: index, from: tenant.droppedThrough(index) + 1, to: through };
  return {
    symbols: () => symbols(state, tenant, index, pause),
    series: () => cutSeries(state, store, tenant, visible, pause),
  };
}

/** Every name and value of the series, which may be more than those that turn out to have chunks. */
async function symbols(
  state: HeadState,
  tenant: Tenant,
  window: number,
  pause: Pause,
): Promise<SymbolList> {
  const found = new PackedSymbols(state.index.arena);
  found.add(0, 0);
  let looked = 0;
  for (const name of [...state.index.tenant(tenant.id).names.values()]) {
    for (const pair of pairsInWindow(state, name, window)) {
      if (pair < 0) {
        if (++looked % LOOK_STEP === 0) await pause();
        continue;
      }
      if (found.isNew(name)) {
        const { position, length } = state.index.nameAt(pair);
        found.add(position, length);
      }
      const { position, length } = state.index.valueAt(pair);
      found.add(position, length);
    }
  }
  for (const _ of found.sort()) await pause();
  return found;
}

/** Pairs of a name that a series of the window has; -1 for each pair, and now and then in a long list. */
function* pairsInWindow(state: HeadState, name: NameIndex, window: number): Generator<number> {
  for (const pair of name.pairs) {
    let refs = state.index.lists.read(pair);
    for (let at = 0; at < refs.length; at++) {
      if (state.mayReach(refs[at], window)) {
        yield pair;
        break;
      }
      if (at % LIST_STEP !== LIST_STEP - 1) continue;
      yield -1;
      // Series may have come, and the list moved; none of those seen has gone.
      refs = state.index.lists.read(pair);
    }
    yield -1;
  }
}

/** Symbols as runs of an arena. */
class PackedSymbols implements SymbolList {
  readonly #arena: ByteArena;
  #positions = new Uint32Array(256);
  #lengths = new Uint32Array(256);
  #count = 0;
  #order = new Uint32Array(0);
  #name: NameIndex | undefined;

  constructor(arena: ByteArena) {
    this.#arena = arena;
  }

  get length(): number {
    return this.#order.length;
  }

  /** Whether this name was not the last one asked about. */
  isNew(name: NameIndex): boolean {
    if (this.#name === name) return false;
    this.#name = name;
    return true;
  }

  add(position: number, length: number): void {
    if (this.#count === this.#positions.length) {
      this.#positions = grown(this.#positions);
      this.#lengths = grown(this.#lengths);
    }
    this.#positions[this.#count] = position;
    this.#lengths[this.#count] = length;
    this.#count++;
  }

  *sort(): Generator<void> {
    const order = new Uint32Array(this.#count);
    for (let index = 0; index < order.length; index++) order[index] = index;
    yield;
    yield* sortSteps(order, (a, b) => this.#compare(a, b));
    let distinct = 0;
    for (let at = 0; at < order.length; at++) {
      if (at % DISTINCT_STEP === DISTINCT_STEP - 1) yield;
      if (at > 0 && this.#compare(order[distinct - 1], order[at]) === 0) continue;
      order[distinct++] = order[at];
    }
    this.#order = order.subarray(0, distinct);
  }

  #compare(a: number, b: number): number {
    const lengths = this.#lengths;
    if (lengths[a] === 0 || lengths[b] === 0) return lengths[a] - lengths[b];
    return this.#arena.compare(this.#positions[a], lengths[a], this.#positions[b], lengths[b]);
  }

  at(index: number): Uint8Array | undefined {
    if (index >= this.#order.length) return undefined;
    const symbol = this.#order[index];
    if (this.#lengths[symbol] === 0) return NO_BYTES;
    return this.#arena.read(this.#positions[symbol], this.#lengths[symbol]);
  }
}

const NO_BYTES = new Uint8Array(0);

async function* cutSeries(
  state: HeadState,
  store: HeadStore,
  tenant: Tenant,
  visible: VisibleWindow,
  pause: Pause,
): AsyncGenerator<readonly HeadSeries[]> {
  const read = state.reads.begin();
  const groups = groupsOf(GROUP_BYTES);
  try {
    const minT = visible.window * WINDOW_MS;
    for await (const refs of inLabelOrder(state, tenant, visible.window, pause)) {
      yield* readSeries(state, store, {
        tenant,
        refs,
        minT,
        maxT: minT + WINDOW_MS - 1,
        newestOnly: false,
        windows: new Map([[visible.window, visible]]),
        othersVisible: false,
        groups,
        pause,
      });
    }
  } finally {
    state.reads.end(read);
  }
}

/** The window's series in label order: a metric at a time where __name__ leads every label set. */
async function* inLabelOrder(
  state: HeadState,
  tenant: Tenant,
  window: number,
  pause: Pause,
): AsyncGenerator<Uint32Array> {
  const { store } = state;
  if (state.nameNotFirst[tenant.id] > 0) {
    const all = state.index.lists.read(state.index.tenant(tenant.id).all).slice();
    const refs = await pick(state, all, window, pause);
    for (const _ of sortSeries(store, refs)) await pause();
    yield refs;
    return;
  }
  for (const metric of byName(state.pages.metricsOf(tenant.id))) {
    const steps = sortMetric(store, metric);
    let step = steps.next();
    for (; !step.done; step = steps.next()) await pause();
    yield await pick(state, step.value, window, pause);
  }
}

/** Those of the refs that may have samples in the window. */
async function pick(
  state: HeadState,
  refs: Uint32Array,
  window: number,
  pause: Pause,
): Promise<Uint32Array> {
  const picked = new Uint32Array(refs.length);
  let count = 0;
  for (let at = 0; at < refs.length; at++) {
    if (state.mayReach(refs[at], window)) picked[count++] = refs[at];
    if (at % PICK_STEP === PICK_STEP - 1) await pause();
  }
  return picked.subarray(0, count);
}
