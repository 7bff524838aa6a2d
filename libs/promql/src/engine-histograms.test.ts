// Evaluation over series that mix floats, exponential histograms and custom buckets in any order: no query
// fails, and a range gives what instants at its steps give.
import {
  compareLabels,
  type LabelBytes,
  labelsOf,
  labelValue,
  printLabels,
  RESET_GAUGE,
} from '@weir/model';
import { systemClock } from '@weir/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEngine, type QueryResult } from './engine.ts';
import { type Histogram, toNative } from './histogram/histogram.ts';
import { custom, exponential } from './histogram/histogram-fixture.ts';
import { printHistogram } from './histogram/print.ts';
import type { Queryable } from './queryable.ts';

type Value = number | Histogram;

interface Series {
  readonly labels: LabelBytes;
  readonly samples: readonly (readonly [t: number, value: Value])[];
}

const engine = createEngine(
  {
    lookbackDeltaMs: 300_000,
    maxSamples: 1_000_000,
    defaultSubqueryStepMs: 60_000,
  },
  { clock: systemClock },
);
const signal = new AbortController().signal;

function storageOf(all: readonly Series[]): Queryable {
  const ordered = [...all].sort((a, b) => compareLabels(a.labels, b.labels));
  return {
    async select({ matchers, minT, maxT }) {
      const found = ordered.filter(({ labels }) =>
        matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
      );
      let at = -1;
      const wanted = () => found[at]!.samples.filter(([t]) => t >= minT && t <= maxT);
      return {
        next: () => ++at < found.length,
        get labels() {
          return found[at]!.labels;
        },
        samples(out) {
          for (const [t, v] of wanted()) if (typeof v === 'number') out.push(t, v);
        },
        histograms(out) {
          for (const [t, v] of wanted()) if (typeof v !== 'number') out.push(t, toNative(v));
        },
        close() {},
      };
    },
  };
}

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.nat(100),
  exponential,
  exponential.map((h) => ({ ...h, resetHint: RESET_GAUGE })),
  custom,
);

const series = fc
  .tuple(
    fc.nat(3),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 1_200_000 }), value), { maxLength: 20 }),
  )
  .map(([i, samples]): Series => {
    const labels = labelsOf({ __name__: 'm_total', i: String(i), job: `j${i % 2}` });
    return { labels, samples: [...new Map(samples)].sort((a, b) => a[0] - b[0]) };
  });

const stores = fc.uniqueArray(series, {
  maxLength: 4,
  selector: ({ labels }) => printLabels(labels),
});

const RANGES = ['m_total[5m]', 'm_total[9m:70s]', 'm_total{job="j1"}[7m] offset 1m'];
const WINDOWS =
  'rate increase delta irate idelta changes resets sum_over_time avg_over_time min_over_time count_over_time last_over_time first_over_time present_over_time absent_over_time deriv ts_of_last_over_time ts_of_first_over_time mad_over_time';
const AGGREGATES = 'sum avg min max count group stddev stdvar';

const vector: fc.Arbitrary<string> = fc.letrec<{ vector: string }>((tie) => ({
  vector: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('m_total', 'm_total{i="1"}', 'm_total offset 2m', 'm_total @ 400'),
    fc
      .tuple(fc.constantFrom(...WINDOWS.split(' ')), fc.constantFrom(...RANGES))
      .map(([name, range]) => `${name}(${range})`),
    fc
      .tuple(fc.constantFrom(...AGGREGATES.split(' ')), tie('vector'))
      .map(([op, inner]) => `${op} by (job) (${inner})`),
    fc
      .tuple(fc.constantFrom('topk(2, ', 'limitk(2, ', 'quantile(0.5, '), tie('vector'))
      .map(([call, inner]) => `${call}${inner})`),
    fc
      .tuple(
        fc.constantFrom('histogram_count(', 'histogram_avg(', 'histogram_stddev(', '-(', 'abs('),
        tie('vector'),
      )
      .map(([call, inner]) => `${call}${inner})`),
    fc
      .tuple(
        fc.constantFrom('histogram_quantile(0.7, ', 'histogram_fraction(0, 3, '),
        tie('vector'),
      )
      .map(([call, inner]) => `${call}${inner})`),
    fc
      .tuple(
        tie('vector'),
        fc.constantFrom('* 2', '/ 0', '</ 3', '>/ -1', '+ 1', '== 5', '> bool 5', '- m_total'),
      )
      .map(([inner, rest]) => `(${inner}) ${rest}`),
    fc
      .tuple(tie('vector'), fc.constantFrom('or', 'and', 'unless', '+ fill(1)'), tie('vector'))
      .map(([left, op, right]) => `(${left}) ${op} (${right})`),
  ),
})).vector;

/** Printed values by labels at a time. */
function valuesAt(result: QueryResult, timeMs: number): string[] {
  const found: string[] = [];
  const add = (labels: LabelBytes, v: number | Histogram) =>
    found.push(`${printLabels(labels)} ${typeof v === 'number' ? rounded(v) : printed(v)}`);
  if (result.type === 'vector') {
    for (const { labels, value: v, histogram } of result.samples) add(labels, histogram ?? v);
  } else if (result.type === 'matrix') {
    for (const { labels, t, v, count, histograms = [] } of result.series) {
      const at = t.subarray(0, count).indexOf(timeMs);
      if (at >= 0) add(labels, v[at]!);
      for (const point of histograms) if (point.t === timeMs) add(labels, point.histogram);
    }
  }
  return found.sort();
}

const printed = (h: Histogram) => `${h.schema} ${h.zeroThreshold} ${printHistogram(h)}`;
const rounded = (v: number) => (Number.isFinite(v) ? v.toPrecision(9) : String(v));

describe('engine: histograms', () => {
  it('gives the same in a range as in instants at its steps, whatever the query', async () => {
    await fc.assert(
      fc.asyncProperty(stores, vector, async (all, query) => {
        const storage = storageOf(all);
        const range = { query, startMs: 60_000, endMs: 1_260_000, stepMs: 197_000 };
        const whole = await outcome(engine.range(range, storage, signal));
        for (let timeMs = range.startMs; timeMs <= range.endMs; timeMs += range.stepMs) {
          const one = await outcome(engine.instant({ query, timeMs }, storage, signal));
          // A range fails where any of its steps does.
          if (typeof one === 'string') expect(whole).toBe(one);
          else if (typeof whole !== 'string') {
            expect(valuesAt(whole, timeMs)).toEqual(valuesAt(one, timeMs));
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

/** A result, or the text of an evaluation error. */
async function outcome(answer: Promise<QueryResult>): Promise<QueryResult | string> {
  try {
    return await answer;
  } catch (error) {
    const { status, message } = error as { status?: number; message: string };
    if (status !== 422) throw error;
    return message;
  }
}
