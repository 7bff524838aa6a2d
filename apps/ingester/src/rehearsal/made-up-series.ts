// Series as exporters have them, and samples of them: counters, buckets of a histogram, gauges.
import { labelsOf } from '@weir/model';
import type { WrittenSample } from './write-request.ts';

const INSTANCES = 20;
const HANDLERS = 10;
/** Of so many steps a series misses one. */
const MISSED = 23;
const BUCKETS = ['0.01', '0.1', '0.5', '1', '5', '+Inf'];

/** Labels of each. Partitions have no series in common. */
export function madeUpSeries(partition: number): Uint8Array[] {
  const series: Uint8Array[] = [];
  for (let instance = 0; instance < INSTANCES; instance++) {
    const target = { job: `job-${instance % 4}`, instance: `${partition}.${instance}:8080` };
    const add = (__name__: string, more: Readonly<Record<string, string>>) =>
      series.push(labelsOf({ __name__, ...target, ...more }));
    for (let handler = 0; handler < HANDLERS; handler++) {
      const code = handler % 5 === 0 ? '500' : '200';
      add('requests_total', { handler: `/api/${handler}`, method: 'GET', code });
    }
    for (const le of BUCKETS) add('duration_seconds_bucket', { le });
    for (const node of ['a', 'b']) add('memory_bytes', { node });
  }
  return series;
}

/** Integers, hundredths and fractions. Each series misses some, so that heads have them in different states. */
export function madeUpSamples(
  series: readonly Uint8Array[],
  t: number,
  step: number,
): WrittenSample[] {
  const samples: WrittenSample[] = [];
  for (const [at, labels] of series.entries()) {
    if (step > 0 && (step + at) % MISSED === 0) continue;
    const counted = step * ((at % 17) + 1);
    const v = at % 3 === 0 ? counted : at % 3 === 1 ? counted / 100 : counted * Math.PI;
    samples.push({ labels, t, v });
  }
  return samples;
}
