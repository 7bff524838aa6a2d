// Answers selects and cuts: which series, in which order, and their label names and values.
import { utf8 } from '@weir/bytes';
import { cutThrough, freeze, seriesInWindow } from '../cuts.ts';
import type { CutSource, HeadSelect, HeadSeries, HeadStore, TenantWindow } from '../head.ts';
import { sortByBytes } from '../postings/label-index.ts';
import { inLabelOrder } from '../postings/label-order.ts';
import { selectRefs } from '../postings/select-refs.ts';
import { C, R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import { type ChunkRead, readSeries, type VisibleWindow } from './series-reader.ts';

const LABELS_BATCH = 512;

export async function* select(
  state: HeadState,
  store: HeadStore,
  request: HeadSelect,
): AsyncGenerator<readonly HeadSeries[]> {
  const tenant = state.tenantsByName.get(request.tenant);
  if (!tenant) return;
  const read = state.reads.begin();
  try {
    const refs = ordered(state, tenant, matching(state, tenant, request));
    if (request.labelsOnly) yield* labelBatches(state, refs);
    else yield* readSeries(state, store, chunkRead(tenant, request, refs));
  } finally {
    state.reads.end(read);
  }
}

function chunkRead(tenant: Tenant, { minT, maxT }: HeadSelect, refs: Uint32Array): ChunkRead {
  const windows = new Map<number, VisibleWindow>();
  for (const { index } of tenant.windows.values()) {
    const from = tenant.droppedThrough(index) + 1;
    windows.set(index, { window: index, from, to: Infinity });
  }
  return { tenant, refs, minT, maxT, windows, othersVisible: true };
}

function* labelBatches(state: HeadState, refs: Uint32Array): Generator<HeadSeries[]> {
  const series = Array.from(refs, (ref) => ({ labels: state.store.labelsOf(ref), chunks: [] }));
  for (let from = 0; from < series.length; from += LABELS_BATCH) {
    yield series.slice(from, from + LABELS_BATCH);
  }
}

/** Refs that satisfy the matchers and may have samples in the range, ascending. */
function matching(state: HeadState, tenant: Tenant, request: HeadSelect): Uint32Array {
  const refs = selectRefs(state.index, tenant.id, request.matchers);
  const { minT, maxT } = request;
  return refs.filter((ref) => {
    const window = state.store.record(ref, R.window);
    if (window * WINDOW_MS + state.store.record(ref, R.last) < minT) return false;
    const oldest = 31 - Math.clz32(state.store.getCold(ref, C.windows));
    return oldest === 31 || (window - oldest) * WINDOW_MS <= maxT;
  });
}

function ordered(state: HeadState, tenant: Tenant, refs: Uint32Array): Uint32Array {
  return inLabelOrder(state.store, state.pages, refs, state.nameNotFirst[tenant.id] === 0);
}

export function labelNames(state: HeadState, request: HeadSelect): string[] {
  const tenant = state.tenantsByName.get(request.tenant);
  if (!tenant) return [];
  const isSelected = membership(matching(state, tenant, request));
  const names: string[] = [];
  for (const entry of state.index.tenant(tenant.id).names.values()) {
    if (entry.pairs.some((pair) => state.index.lists.read(pair).some(isSelected))) {
      names.push(entry.name);
    }
  }
  return sortByBytes(names);
}

export function labelValues(state: HeadState, name: string, request: HeadSelect): string[] {
  const tenant = state.tenantsByName.get(request.tenant);
  if (!tenant) return [];
  return sortByBytes(valuesOf(state, tenant, name, matching(state, tenant, request)));
}

function valuesOf(state: HeadState, tenant: Tenant, name: string, refs: Uint32Array): string[] {
  const names = state.index.tenant(tenant.id).names.get(name);
  if (!names) return [];
  const isSelected = membership(refs);
  return state.index
    .values(names)
    .filter((_, at) => state.index.lists.read(names.pairs[at]).some(isSelected));
}

function membership(refs: Uint32Array): (ref: number) => boolean {
  const selected = new Uint8Array((refs.at(-1) ?? -1) + 1);
  for (const ref of refs) selected[ref] = 1;
  return (ref) => selected[ref] === 1;
}

export function cut(state: HeadState, store: HeadStore, window: TenantWindow): CutSource {
  const tenant = state.tenantsByName.get(window.tenant);
  const index = Math.floor(window.minT / WINDOW_MS);
  const live = tenant?.windows.get(index);
  if (!tenant || !live) return { symbols: [utf8('')], series: async function* () {} };
  const through = cutThrough(live, window.lastOffset);
  if (through === live.generations.at(-1)?.number) freeze(state, tenant, live);
  const visible = { window: index, from: tenant.droppedThrough(index) + 1, to: through };
  const refs = seriesInWindow(state, tenant, index);
  return {
    symbols: symbols(state, tenant, refs),
    series: () => cutSeries(state, store, tenant, refs, visible),
  };
}

/** Every name and value of the series, which may be more than those that turn out to have chunks. */
function symbols(state: HeadState, tenant: Tenant, refs: Uint32Array): Uint8Array[] {
  const found = new Set<string>(['']);
  for (const name of state.index.tenant(tenant.id).names.keys()) {
    const values = valuesOf(state, tenant, name, refs);
    if (values.length > 0) found.add(name);
    for (const value of values) found.add(value);
  }
  return sortByBytes([...found]).map(utf8);
}

async function* cutSeries(
  state: HeadState,
  store: HeadStore,
  tenant: Tenant,
  refs: Uint32Array,
  visible: VisibleWindow,
): AsyncGenerator<readonly HeadSeries[]> {
  const read = state.reads.begin();
  try {
    const minT = visible.window * WINDOW_MS;
    yield* readSeries(state, store, {
      tenant,
      refs: ordered(state, tenant, refs.slice()),
      minT,
      maxT: minT + WINDOW_MS - 1,
      windows: new Map([[visible.window, visible]]),
      othersVisible: false,
    });
  } finally {
    state.reads.end(read);
  }
}
