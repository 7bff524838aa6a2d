// Answers selects: which series, in which order, and their label names and values.
import { sortTexts } from '@weir/bytes';
import { LabelReader, labelValue } from '@weir/model';
import type { HeadSamples, HeadSelect, HeadSeries, HeadStore, Pause } from '../head.ts';
import { inLabelOrder, sortAhead } from '../postings/label-order.ts';
import { C, R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import { type Tenant, WINDOW_MS } from '../windows.ts';
import { SampleStream } from './sample-stream.ts';
import { type ChunkRead, readSeries } from './series-reader.ts';
import type { VisibleWindow } from './stored-chunks.ts';

const NO_CHUNKS: HeadSeries['chunks'] = [];
const NO_SAMPLES: HeadSamples = {
  labels: new Uint8Array(0),
  number: -1,
  next: () => false,
  samples: () => {},
  close: () => {},
};
const LABELS_BATCH = 512;
/** Up to here the labels of the selected series are looked through, from here on the posting lists. */
const SCANNED_MAX = 1024;

/**
 * Sorts the series that a read in label order will want, as far as they never were, and lets others run meanwhile:
 * tens of thousands of them take a second.
 */
export async function prepareOrder(
  state: HeadState,
  request: HeadSelect,
  pause: Pause,
): Promise<void> {
  const tenant = state.tenantsByName.get(request.tenant);
  if (!tenant || state.nameNotFirst[tenant.id] > 0) return;
  // Mostly all are sorted: then the series are not looked for twice.
  if (!someUnsorted(state, tenant)) return;
  const read = state.reads.begin();
  try {
    const refs = matching(state, tenant, request);
    for (const _ of sortAhead(state.store, state.pages, refs)) await pause();
  } finally {
    state.reads.end(read);
  }
}

function someUnsorted(state: HeadState, tenant: Tenant): boolean {
  for (const { unsorted } of state.pages.metricsOf(tenant.id)) if (unsorted.length > 0) return true;
  return false;
}

export async function* select(
  state: HeadState,
  store: HeadStore,
  request: HeadSelect,
  pause: Pause,
): AsyncGenerator<readonly HeadSeries[]> {
  await prepareOrder(state, request, pause);
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

export function samples(
  state: HeadState,
  store: HeadStore,
  select: HeadSelect,
  inOrder: boolean,
): HeadSamples {
  const tenant = state.tenantsByName.get(select.tenant);
  if (!tenant) return NO_SAMPLES;
  const found = matching(state, tenant, select);
  const refs = inOrder ? ordered(state, tenant, found) : found;
  const windows = visibleWindows(tenant);
  return new SampleStream(state, store, { select, tenant, refs, windows, inOrder });
}

function chunkRead(tenant: Tenant, request: HeadSelect, refs: Uint32Array): ChunkRead {
  const { minT, maxT, newestOnly = false } = request;
  const windows = visibleWindows(tenant);
  return { tenant, refs, minT, maxT, newestOnly, windows, othersVisible: true };
}

function visibleWindows(tenant: Tenant): Map<number, VisibleWindow> {
  const windows = new Map<number, VisibleWindow>();
  for (const { index } of tenant.windows.values()) {
    const from = tenant.droppedThrough(index) + 1;
    windows.set(index, { window: index, from, to: Infinity });
  }
  return windows;
}

function* labelBatches(state: HeadState, refs: Uint32Array): Generator<HeadSeries[]> {
  // All at once: the series may be gone when the next batch is asked for, the arena's bytes are not.
  const series: HeadSeries[] = [];
  for (const ref of refs) series.push({ labels: state.store.labelsOf(ref), chunks: NO_CHUNKS });
  for (let from = 0; from < series.length; from += LABELS_BATCH) {
    yield series.slice(from, from + LABELS_BATCH);
  }
}

/** Refs that satisfy the matchers and may have samples in the range, ascending. */
function matching(state: HeadState, tenant: Tenant, request: HeadSelect): Uint32Array {
  const refs = state.selections.select(tenant.id, request.matchers);
  const { minT, maxT } = request;
  const { store } = state;
  let count = 0;
  for (let at = 0; at < refs.length; at++) {
    const ref = refs[at];
    if (store.labelsLength(ref) === 0) continue;
    const window = store.record(ref, R.window);
    if (window * WINDOW_MS + store.record(ref, R.last) < minT) continue;
    const oldest = 31 - Math.clz32(store.getCold(ref, C.windows));
    if (oldest !== 31 && (window - oldest) * WINDOW_MS > maxT) continue;
    refs[count++] = ref;
  }
  const found = refs.subarray(0, count);
  return request.activeOnly ? state.activity.keepActive(tenant, found) : found;
}

function ordered(state: HeadState, tenant: Tenant, refs: Uint32Array): Uint32Array {
  return inLabelOrder(state.store, state.pages, refs, state.nameNotFirst[tenant.id] === 0);
}

/** Without matchers from the index alone, of all series there are: the time range is the head's. */
export function labelNames(state: HeadState, request: HeadSelect): readonly string[] {
  const tenant = state.tenantsByName.get(request.tenant);
  if (!tenant || !overlapsHead(tenant, request)) return [];
  if (request.matchers.length === 0) return state.index.sortedNames(tenant.id);
  const refs = matching(state, tenant, request);
  if (refs.length <= SCANNED_MAX) return sortTexts([...namesOfSeries(state, refs)]);
  const { lists } = state.index;
  const isSelected = membership(refs);
  const entries = [...state.index.tenant(tenant.id).names.values()];
  const found = entries.filter(({ pairs }) => pairs.some((p) => lists.read(p).some(isSelected)));
  return sortTexts(found.map(({ name }) => name));
}

export function labelValues(
  state: HeadState,
  name: string,
  request: HeadSelect,
): readonly string[] {
  const tenant = state.tenantsByName.get(request.tenant);
  if (!tenant || !overlapsHead(tenant, request)) return [];
  if (request.matchers.length === 0) {
    const index = state.index.tenant(tenant.id).names.get(name);
    return index ? state.index.sortedValues(index) : [];
  }
  const refs = matching(state, tenant, request);
  if (refs.length <= SCANNED_MAX) return sortTexts([...valuesOfSeries(state, name, refs)]);
  return sortTexts(valuesOf(state, tenant, name, refs));
}

/** Whether any window of the tenant may hold samples in the range. */
function overlapsHead(tenant: Tenant, { minT, maxT }: HeadSelect): boolean {
  if (minT > tenant.eventTime) return false;
  for (const { index, generations } of tenant.windows.values()) {
    if (generations.length > 0 && index * WINDOW_MS <= maxT && (index + 1) * WINDOW_MS > minT) {
      return true;
    }
  }
  return false;
}

function namesOfSeries(state: HeadState, refs: Uint32Array): Set<string> {
  const found = new Set<string>();
  const reader = new LabelReader();
  for (const ref of refs) {
    reader.reset(state.store.labelsOf(ref));
    while (reader.next()) found.add(reader.nameText());
  }
  return found;
}

function valuesOfSeries(state: HeadState, name: string, refs: Uint32Array): Set<string> {
  const found = new Set<string>();
  for (const ref of refs) {
    const value = labelValue(state.store.labelsOf(ref), name);
    if (value !== undefined) found.add(value);
  }
  return found;
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
