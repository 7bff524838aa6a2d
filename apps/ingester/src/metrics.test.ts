// The gauges of active series: summed over partitions, asked for once a scrape, gone with their tenant.
import type { TenantActivity } from '@weir/head';
import { Registry } from '@weir/telemetry';
import { expect, it } from 'vitest';
import { createIngesterMetrics } from './metrics.ts';

const counts = (active: number, histograms: number, buckets: number) => ({
  ...{ active, histograms, buckets },
});

it('tells active series, native histograms and their buckets by tenant and tracker', async () => {
  const registry = new Registry();
  let asked = 0;
  let found: readonly TenantActivity[] = [
    { tenant: 'a', ...counts(5, 2, 30), trackers: [{ name: 'x', ...counts(3, 1, 20) }] },
    { tenant: 'a', ...counts(1, 1, 7), trackers: [{ name: 'x', ...counts(1, 1, 7) }] },
    { tenant: 'b', ...counts(4, 0, 0), trackers: [] },
  ];
  createIngesterMetrics(registry, {
    series: () => 0,
    lags: () => [],
    partitions: () => ({ serving: 0, others: 0 }),
    shutdownPrepared: () => false,
    async activity() {
      asked++;
      return found;
    },
  });
  const gauges = async () => {
    const text = await registry.metrics();
    const stem = 'cortex_ingester_active_';
    return text
      .split('\n')
      .flatMap((line) => (line.startsWith(stem) ? line.slice(stem.length) : []));
  };
  expect(await gauges()).toEqual([
    'series{user="a"} 6',
    'series{user="b"} 4',
    'series_custom_tracker{user="a",name="x"} 4',
    'native_histogram_series{user="a"} 3',
    'native_histogram_series{user="b"} 0',
    'native_histogram_series_custom_tracker{user="a",name="x"} 2',
    'native_histogram_buckets{user="a"} 37',
    'native_histogram_buckets{user="b"} 0',
    'native_histogram_buckets_custom_tracker{user="a",name="x"} 27',
  ]);
  expect(asked).toBe(1);
  found = [];
  expect(await gauges()).toEqual([]);
});
