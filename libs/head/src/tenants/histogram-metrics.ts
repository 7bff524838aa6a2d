// Active native histograms by metric: how many series have how many buckets. Counted when it is asked, over
// the selected series; the sums over all of a tenant are kept beside (tenants/activity.ts).
import type { HistogramMetric, HistogramMetricsRequest } from '../head.ts';
import { type Metric, PAGE_BITS } from '../pages/pages.ts';
import { selectRefs } from '../postings/select-refs.ts';
import { R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';

/** Series looked at in one step: well below a millisecond for each thousand. */
const STEP_REFS = 8192;

/** As a read, so that no ref becomes another series' between its steps. */
export function* histogramMetrics(
  state: HeadState,
  { tenant: name, matchers }: HistogramMetricsRequest,
): Generator<readonly HistogramMetric[]> {
  const { activity, index, store, pages } = state;
  const tenant = state.tenantsByName.get(name);
  if (tenant === undefined || activity.buckets.size === 0) return;
  const read = state.reads.begin();
  try {
    const refs = activity.keepActive(tenant, selectRefs(index, tenant.id, matchers));
    for (let from = 0; from < refs.length; from += STEP_REFS) {
      const found = new Map<Metric, Mutable<HistogramMetric>>();
      for (const ref of refs.subarray(from, from + STEP_REFS)) {
        const buckets = activity.buckets.get(ref);
        if (buckets === undefined || store.labelsLength(ref) === 0) continue;
        const { metric } = pages.page(store.record(ref, R.pageSlot) >>> PAGE_BITS);
        const known = found.get(metric);
        if (known === undefined) found.set(metric, newMetric(metric.name, buckets));
        else count(known, buckets);
      }
      yield [...found.values()];
    }
  } finally {
    state.reads.end(read);
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function newMetric(metric: string, buckets: number): Mutable<HistogramMetric> {
  return { metric, series: 1, buckets, bucketsMin: buckets, bucketsMax: buckets };
}

function count(known: Mutable<HistogramMetric>, buckets: number): void {
  known.series++;
  known.buckets += buckets;
  known.bucketsMin = Math.min(known.bucketsMin, buckets);
  known.bucketsMax = Math.max(known.bucketsMax, buckets);
}
