// Evaluation alone: PromQL over a synthetic Queryable that costs one copy per series. Plain script:
// bundle with esbuild and run with node (add --cpu-prof for a profile).

import { type LabelBytes, labelsOf } from '@weir/model';
import { createEngine, type Queryable } from '@weir/promql';
import { systemClock } from '@weir/runtime';

const SERIES = 10_000;
const SCRAPE_MS = 15_000;
const HOURS = 3;

const samples = (HOURS * 3_600_000) / SCRAPE_MS;
const times = Float64Array.from({ length: samples }, (_, index) => index * SCRAPE_MS);
const values = Float64Array.from({ length: samples }, (_, index) => (index % 500) * 7);
const labels: LabelBytes[] = [];
for (let index = 0; index < SERIES; index++) {
  labels.push(
    labelsOf({
      __name__: 'http_requests_total',
      cluster: 'eu-west-1',
      instance: `10.0.${index >> 8}.${index & 255}:9100`,
      job: `job-${index % 10}`,
      le: String(index % 10),
      namespace: 'production',
      path: `/api/v1/${index % 100}`,
      pod: `pod-${index}`,
    }),
  );
}

const queryable: Queryable = {
  async select({ minT, maxT }) {
    const from = Math.max(0, Math.ceil(minT / SCRAPE_MS));
    const to = Math.min(samples, Math.floor(maxT / SCRAPE_MS) + 1);
    let at = -1;
    return {
      next: () => ++at < SERIES,
      get labels() {
        return labels[at]!;
      },
      samples(out) {
        out.reserve(to - from);
        out.t.set(times.subarray(from, to), out.count);
        out.v.set(values.subarray(from, to), out.count);
        out.count += to - from;
      },
      close() {},
    };
  },
};

const engine = createEngine(
  { lookbackDeltaMs: 300_000, maxSamples: 50_000_000, defaultSubqueryStepMs: 60_000 },
  { clock: systemClock },
);
const end = HOURS * 3_600_000;
const cases: readonly (readonly [string, number, number, number])[] = [
  ['sum by (job) (rate(http_requests_total[5m]))', 0, end, 60_000],
  ['sum by (instance) (rate(http_requests_total[5m]))', end - 3_600_000, end, 15_000],
  ['sum(http_requests_total)', 0, end, 60_000],
  ['http_requests_total', end, end, 60_000],
  ['sum by (job) (avg_over_time(http_requests_total[5m]))', 0, end, 60_000],
  ['max by (job) (max_over_time(http_requests_total[5m]))', 0, end, 60_000],
  ['histogram_quantile(0.9, sum by (job, le) (rate(http_requests_total[5m])))', 0, end, 60_000],
  ['topk(5, rate(http_requests_total[5m]))', 0, end, 60_000],
  ['rate(http_requests_total[5m]) / rate(http_requests_total[5m])', 0, end, 60_000],
  ['sum(rate(http_requests_total[1h]))', 0, end, 60_000],
];

/** CPU time of this process: steadier than the clock where cores are shared. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

for (const [query, startMs, endMs, stepMs] of cases) {
  const taken: number[] = [];
  for (let round = 0; round < 7; round++) {
    const before = cpuMs();
    const signal = new AbortController().signal;
    await engine.range({ query, startMs, endMs, stepMs }, queryable, signal);
    taken.push(cpuMs() - before);
  }
  taken.sort((a, b) => a - b);
  console.log(`${taken[3]!.toFixed(1).padStart(8)} CPU ms  min ${taken[0]!.toFixed(1)}  ${query}`);
}
