// Evaluation as a whole: range = the instants at its steps, budgets, cancellation, name removal.
import { WeirError } from '@weir/errors';
import { compareLabels, type LabelBytes, labelsOf, labelValue, printLabels } from '@weir/model';
import { systemClock } from '@weir/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEngine, type QueryResult } from './engine.ts';
import type { EngineSettings } from './evaluate/settings.ts';
import { EMPTY_HISTOGRAM, toNative } from './histogram/histogram.ts';
import type { Queryable } from './queryable.ts';

interface Series {
  readonly labels: LabelBytes;
  readonly t: readonly number[];
  readonly v: readonly number[];
}

const SETTINGS = { lookbackDeltaMs: 300_000, maxSamples: 1_000_000, defaultSubqueryStepMs: 60_000 };

function engineWith(settings: Partial<EngineSettings> = {}) {
  return createEngine({ ...SETTINGS, ...settings }, { clock: systemClock });
}

/** Storage that answers every other series late, and counts what is open. */
function storageOf(all: readonly Series[]): Queryable & { open: number } {
  const ordered = [...all].sort((a, b) => compareLabels(a.labels, b.labels));
  const storage = {
    open: 0,
    async select({ matchers, minT, maxT }: Parameters<Queryable['select']>[0]) {
      const found = ordered.filter(({ labels }) =>
        matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
      );
      storage.open++;
      let at = -1;
      return {
        next() {
          at++;
          return at % 2 === 0 ? at < found.length : Promise.resolve(at < found.length);
        },
        get labels() {
          return found[at]!.labels;
        },
        samples(out: { push(t: number, v: number): void }) {
          const { t, v } = found[at]!;
          for (let index = 0; index < t.length; index++) {
            if (t[index]! >= minT && t[index]! <= maxT) out.push(t[index]!, v[index]!);
          }
        },
        close() {
          storage.open--;
        },
      };
    },
  };
  return storage;
}

const signal = new AbortController().signal;

function valuesAt(result: QueryResult, timeMs: number): Record<string, number> {
  const values: Record<string, number> = {};
  if (result.type === 'vector') {
    for (const { labels, value } of result.samples) values[printLabels(labels)] = value;
  } else if (result.type === 'matrix') {
    for (const { labels, t, v, count } of result.series) {
      const at = t.subarray(0, count).indexOf(timeMs);
      if (at >= 0) values[printLabels(labels)] = v[at]!;
    }
  }
  return values;
}

const QUERIES = [
  'm_total',
  'rate(m_total[5m])',
  'increase(m_total[90s])',
  'sum by (job) (rate(m_total[3m]))',
  'avg without (i) (m_total)',
  'stddev(m_total)',
  'max_over_time(m_total[4m:1m])',
  'sum_over_time(m_total[5m])',
  'quantile(0.7, m_total)',
  'm_total > 20 or m_total{i="1"} offset 1m',
  'm_total / ignoring (i) group_left sum by (job) (m_total)',
  'absent(m_total{i="0"})',
  'predict_linear(m_total[5m], 60)',
  'sum(m_total) - sum(m_total offset 2m)',
  'scalar(m_total{i="1"}) + time()',
];

const series = fc
  .tuple(
    fc.nat(3),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 1_200_000 }), fc.nat(100)), { maxLength: 30 }),
  )
  .map(([i, samples]): Series => {
    const sorted = [...new Map(samples)].sort((a, b) => a[0] - b[0]);
    return {
      labels: labelsOf({ __name__: 'm_total', i: String(i), job: `j${i % 2}` }),
      t: sorted.map(([t]) => t),
      v: sorted.map(([, v]) => v),
    };
  });

describe('engine', () => {
  it('gives the same in a range as in instants at its steps', async () => {
    const engine = engineWith();
    const stores = fc.uniqueArray(series, {
      maxLength: 4,
      selector: ({ labels }) => printLabels(labels),
    });
    await fc.assert(
      fc.asyncProperty(stores, fc.constantFrom(...QUERIES), async (all, query) => {
        const storage = storageOf(all);
        const range = { query, startMs: 60_000, endMs: 1_260_000, stepMs: 97_000 };
        const whole = await engine.range(range, storage, signal);
        for (let timeMs = range.startMs; timeMs <= range.endMs; timeMs += range.stepMs) {
          const one = await engine.instant({ query, timeMs }, storage, signal);
          const wanted = one.type === 'scalar' ? { '{}': one.value } : valuesAt(one, timeMs);
          const got = valuesAt(whole, timeMs);
          expect(Object.keys(got).sort()).toEqual(Object.keys(wanted).sort());
          for (const key of Object.keys(wanted)) {
            const [have, want] = [got[key]!, wanted[key]!];
            if (Number.isNaN(want)) expect(have).toBeNaN();
            else expect(Math.abs(have - want)).toBeLessThanOrEqual(1e-9 * Math.abs(want) + 1e-9);
          }
        }
        expect(storage.open).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  const counter = (name: string, count: number): Series => ({
    labels: labelsOf({ __name__: name, a: 'b' }),
    t: Array.from({ length: count }, (_, index) => index * 1000),
    v: Array.from({ length: count }, (_, index) => index),
  });

  it('ends a query that holds too many samples, with status 422', async () => {
    const storage = storageOf([counter('m', 200)]);
    const run = engineWith({ maxSamples: 100 }).instant(
      { query: 'sum_over_time(m[1h])', timeMs: 200_000 },
      storage,
      signal,
    );
    await expect(run).rejects.toMatchObject({
      kind: 'invalid',
      status: 422,
      message: 'query processing would load too many samples into memory in query execution',
    });
  });

  it.each([
    ['up[99s:1s]', true],
    ['up[100s:1s]', true],
    ['up[101s:1s]', false],
    ['up[100y:1ms]', false],
  ])('of %s with room for 100 samples evaluates: %s', async (query, isRoom) => {
    const run = engineWith({ maxSamples: 100 }).instant(
      { query, timeMs: 0 },
      storageOf([]),
      signal,
    );
    if (isRoom) await expect(run).resolves.toMatchObject({ series: [] });
    else await expect(run).rejects.toMatchObject({ kind: 'invalid', status: 422 });
  });

  it('refuses to trim a number', async () => {
    const run = engineWith({}).instant({ query: '1 </ 2', timeMs: 0 }, storageOf([]), signal);
    await expect(run).rejects.toMatchObject({
      ...{ kind: 'invalid', status: 422 },
      message: 'operator "</" not allowed for Scalar operations',
    });
  });

  it('stops when nobody waits, and closes what it read', async () => {
    const controller = new AbortController();
    const many = Array.from({ length: 100 }, (_, i) => counter(`m${i}`, 3));
    const storage = storageOf(many);
    const run = engineWith().range(
      { query: 'sum({a="b"})', startMs: 0, endMs: 10_000, stepMs: 1000 },
      storage,
      controller.signal,
    );
    controller.abort();
    await expect(run).rejects.toMatchObject({ kind: 'canceled' });
    expect(storage.open).toBe(0);
  });

  it('hands on the reason when a deadline ended it', async () => {
    const controller = new AbortController();
    controller.abort(new WeirError('timeout', 'too slow'));
    const run = engineWith().instant({ query: 'm', timeMs: 0 }, storageOf([]), controller.signal);
    await expect(run).rejects.toMatchObject({ kind: 'timeout', message: 'too slow' });
  });

  it('refuses two series that differ by name only once the name is gone', async () => {
    const storage = storageOf([counter('x', 10), counter('y', 10)]);
    const run = engineWith().instant({ query: 'rate({a="b"}[1m])', timeMs: 9000 }, storage, signal);
    await expect(run).rejects.toMatchObject({
      status: 422,
      message: 'vector cannot contain metrics with the same labelset',
    });
  });

  it('refuses ranges of range vectors before it looks at their durations', async () => {
    const query = { query: 'm[step() - 1m]', startMs: 0, endMs: 1000, stepMs: 1000 };
    const run = engineWith().range(query, storageOf([]), signal);
    await expect(run).rejects.toMatchObject({
      message:
        'invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    });
  });

  it('drops types and units with names, and refuses series that differ in nothing else', async () => {
    const typed = (name: string, labels: Record<string, string>) => ({
      ...counter(name, 10),
      labels: labelsOf({ __name__: name, ...labels }),
    });
    const storage = storageOf([
      typed('x_total', { __type__: 'counter', i: '1' }),
      typed('x_total', { __type__: 'gauge', __unit__: 'seconds', i: '2' }),
      typed('y_total', { __type__: 'counter', i: '1' }),
      typed('y_total', { i: '1' }),
    ]);
    const labelSets = async (query: string) => {
      const result = await engineWith().instant({ query, timeMs: 9000 }, storage, signal);
      return Object.keys(valuesAt(result, 9000)).sort();
    };
    expect(await labelSets('rate(x_total[1m])')).toEqual(['{i="1"}', '{i="2"}']);
    expect(await labelSets('sum without (i) (rate(x_total[1m]))')).toEqual(['{}']);
    expect(await labelSets('x_total + on (i) group_left x_total')).toEqual(['{i="1"}', '{i="2"}']);
    expect(await labelSets('sum by (__type__) (x_total + 1)')).toEqual(['{}']);
    expect(await labelSets('count by (__type__) (x_total)')).toEqual([
      '{__type__="counter"}',
      '{__type__="gauge"}',
    ]);
    for (const query of ['rate(y_total[1m])', 'sum(rate(y_total[1m]))', 'abs(y_total)']) {
      await expect(labelSets(query)).rejects.toMatchObject({
        message: 'vector cannot contain metrics with the same labelset',
      });
    }
  });

  it('refuses them behind functions of ranges even if they have no step in common, and merges them else', async () => {
    const labels = (name: string) => labelsOf({ __name__: name, a: 'b' });
    const storage = storageOf([
      { labels: labels('x'), t: [0], v: [1] },
      { labels: labels('y'), t: [600_000], v: [2] },
    ]);
    const range = (query: string) =>
      engineWith().range({ query, startMs: 0, endMs: 600_000, stepMs: 600_000 }, storage, signal);
    await expect(range('count_over_time({a="b"}[1m])')).rejects.toMatchObject({
      message: 'vector cannot contain metrics with the same labelset',
    });
    const merged = await range('-{a="b"}');
    expect([0, 600_000].map((t) => valuesAt(merged, t))).toEqual([
      { '{a="b"}': -1 },
      { '{a="b"}': -2 },
    ]);
  });

  it.each(['topk', 'bottomk', 'limitk'])('refuses them behind %s, too', async (op) => {
    const storage = storageOf([counter('x', 10), counter('y', 10)]);
    const query = `sum(abs(${op}(2, {a="b"})))`;
    const run = engineWith().instant({ query, timeMs: 9000 }, storage, signal);
    await expect(run).rejects.toMatchObject({
      message: 'vector cannot contain metrics with the same labelset',
    });
  });

  it('warns of a counter that is named like none', async () => {
    const storage = storageOf([counter('x', 10)]);
    const result = await engineWith().instant(
      { query: 'rate(x[1m])', timeMs: 9000 },
      storage,
      signal,
    );
    expect(result.infos).toEqual([
      'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "x" (1:6)',
    ]);
  });

  it('gives histograms in results, but never a staleness marker', async () => {
    const floats = storageOf([counter('x_total', 10)]);
    const h = toNative(EMPTY_HISTOGRAM);
    const storage: Queryable = {
      async select(request, signal) {
        const stream = await floats.select(request, signal);
        return {
          next: () => stream.next(),
          get labels() {
            return stream.labels;
          },
          samples() {},
          histograms: (out) => {
            const { minT, maxT } = request;
            if (minT <= 8000) out.push(8000, { ...h, count: 3, sum: 7 });
            if (maxT >= 9000) out.push(9000, { ...h, isStale: true });
          },
          close: () => stream.close(),
        };
      },
    };
    const run = (query: string, timeMs = 8500) =>
      engineWith({}).instant({ query, timeMs }, storage, signal);
    expect(await run('histogram_count(x_total)')).toMatchObject({
      samples: [{ value: 3 }],
      infos: [],
    });
    const histogram = { count: 3, sum: 7 };
    expect(await run('x_total')).toMatchObject({ samples: [{ histogram }], infos: [] });
    expect(await run('x_total', 9000)).toMatchObject({ samples: [], infos: [] });
    const raw = { count: 0, histograms: [{ t: 8000, histogram }] };
    expect(await run('x_total[1m]', 9000)).toMatchObject({ series: [raw], infos: [] });
    expect(await run('x_total[500ms]', 9000)).toMatchObject({ series: [] });
  });
});
