// Series in Prometheus's label order. Where __name__ is the first label of all of a tenant's series
// (it sorts before every lower-case name), the order of metrics and then of series within a metric is
// the whole order, and the latter is kept per metric, so that the same query does not sort again.
import { byName, type Metric, PAGE_BITS, type Pages } from '../pages/pages.ts';
import { R, type SeriesStore } from '../series/series-store.ts';
import { compareSeries } from './compare-series.ts';
import { sortSeries } from './sort-series.ts';

/** So few are sorted where they stand; more are picked from the kept order of their metrics. */
const SORTED_MAX = 64;
const MERGE_STEP = 4096;

/** Sorts refs of one tenant into label order. `nameFirst` says that __name__ leads every label set. */
export function inLabelOrder(
  store: SeriesStore,
  pages: Pages,
  refs: Uint32Array,
  nameFirst: boolean,
): Uint32Array {
  if (!nameFirst || refs.length <= SORTED_MAX) {
    return refs.sort((a, b) => compareSeries(store, a, b));
  }
  const chosen = metricsOf(store, pages, refs);
  const max = refs.reduce((most, ref) => (ref > most ? ref : most), 0);
  const selected = new Uint8Array(max + 1);
  for (const ref of refs) selected[ref] = 1;
  const out = new Uint32Array(refs.length);
  let count = 0;
  for (const metric of byName(chosen)) {
    for (const ref of sortedSeries(store, metric)) if (selected[ref] === 1) out[count++] = ref;
  }
  return out;
}

/** Sorts what inLabelOrder() would sort of the refs' metrics, in steps of about a millisecond. */
export function* sortAhead(
  store: SeriesStore,
  pages: Pages,
  refs: Uint32Array,
): Generator<void, void> {
  if (refs.length <= SORTED_MAX) return;
  for (const metric of metricsOf(store, pages, refs)) {
    if (metric.unsorted.length > 0) yield* sortMetric(store, metric);
  }
}

function metricsOf(store: SeriesStore, pages: Pages, refs: Uint32Array): Set<Metric> {
  const metrics = new Set<Metric>();
  for (const ref of refs) {
    metrics.add(pages.page(store.record(ref, R.pageSlot) >>> PAGE_BITS).metric);
  }
  return metrics;
}

/** All series of a metric in label order; newcomers are sorted and merged in. */
function sortedSeries(store: SeriesStore, metric: Metric): Uint32Array {
  const steps = sortMetric(store, metric);
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/** The same in steps of about a millisecond; of series that come meanwhile some may be missing. */
export function* sortMetric(store: SeriesStore, metric: Metric): Generator<void, Uint32Array> {
  const { sorted, unsorted } = metric;
  const count = unsorted.length;
  if (count === 0) return sorted;
  const fresh = new Uint32Array(count);
  for (let at = 0; at < count; at++) fresh[at] = unsorted[at];
  yield* sortSeries(store, fresh);
  const merged = new Uint32Array(sorted.length + fresh.length);
  let left = 0;
  let right = 0;
  for (let at = 0; at < merged.length; at++) {
    const takeKnown =
      right === fresh.length ||
      (left < sorted.length && compareSeries(store, sorted[left], fresh[right]) < 0);
    merged[at] = takeKnown ? sorted[left++] : fresh[right++];
    if (at % MERGE_STEP === MERGE_STEP - 1) yield;
  }
  // Unless somebody else was faster, or took series out.
  if (metric.sorted === sorted && metric.unsorted === unsorted) {
    metric.sorted = merged;
    metric.unsorted = unsorted.slice(count);
  }
  return merged;
}
