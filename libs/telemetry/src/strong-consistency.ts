// Mimir's metrics of strong reads: queriers count them when they take offsets from the log, ingesters when they
// wait for them. In one process both are there, so whoever asks first registers them.
import { Counter, Histogram, type Registry } from 'prom-client';

export interface StrongConsistencyMetrics {
  readonly requests: Counter<'component' | 'with_offset'>;
  readonly failures: Counter<'component'>;
  readonly wait: Histogram<'component'>;
}

const PREFIX = 'cortex_ingest_storage_strong_consistency';

export function strongConsistencyMetrics(metrics: Registry): StrongConsistencyMetrics {
  const registers = [metrics];
  const known = <Metric>(name: string) => metrics.getSingleMetric(name) as Metric | undefined;
  const requests = `${PREFIX}_requests_total`;
  const failures = `${PREFIX}_failures_total`;
  const wait = `${PREFIX}_wait_duration_seconds`;
  return {
    requests:
      known<StrongConsistencyMetrics['requests']>(requests) ??
      new Counter({
        name: requests,
        help: 'Reads for which strong consistency was asked, by whether they named the offsets.',
        labelNames: ['component', 'with_offset'],
        registers,
      }),
    failures:
      known<StrongConsistencyMetrics['failures']>(failures) ??
      new Counter({
        name: failures,
        help: 'Reads for which strong consistency could not be had.',
        labelNames: ['component'],
        registers,
      }),
    wait:
      known<StrongConsistencyMetrics['wait']>(wait) ??
      new Histogram({
        name: wait,
        help: 'How long reads waited for strong consistency.',
        labelNames: ['component'],
        buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30],
        registers,
      }),
  };
}
