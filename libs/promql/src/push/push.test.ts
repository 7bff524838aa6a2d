// Parts evaluated in two places answer as one evaluation over all series; where a series lies in both, or has
// what parts don't take, the query is evaluated again from the series.
import {
  compareLabels,
  createMatcher,
  type LabelBytes,
  labelsOf,
  labelValue,
  type SampleColumns,
  SeriesMemo,
} from '@weir/model';
import { systemClock } from '@weir/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEngine, type QueryResult } from '../engine.ts';
import type { Queryable, SelectRequest, SeriesStream } from '../queryable.ts';
import { answerPart } from './answer.ts';
import { nodeOf } from './part.ts';
import { PrintSet, Prints } from './prints.ts';

interface TestSeries {
  readonly labels: LabelBytes;
  readonly samples: readonly (readonly [t: number, v: number])[];
}

const NEVER = new AbortController().signal;
const SETTINGS = { lookbackDeltaMs: 300_000, maxSamples: 1e6, defaultSubqueryStepMs: 60_000 };
const engine = createEngine(SETTINGS, { clock: systemClock });

function storage(all: readonly TestSeries[]): Queryable {
  return {
    async select({ matchers, minT, maxT }: SelectRequest): Promise<SeriesStream> {
      const compiled = matchers.map(createMatcher);
      const found = all.filter(({ labels }) =>
        compiled.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
      );
      found.sort((a, b) => compareLabels(a.labels, b.labels));
      let at = -1;
      return {
        get labels() {
          return found[at]!.labels;
        },
        next: () => ++at < found.length,
        samples(out: SampleColumns) {
          for (const [t, v] of found[at]!.samples) if (t >= minT && t <= maxT) out.push(t, v);
        },
        close() {},
      };
    },
  };
}

/** Evaluates parts in each of `places`; selects read all of them. */
function pushing(
  places: readonly (readonly TestSeries[])[],
  log: string[] = [],
  all: readonly TestSeries[] = places.flat(),
): Queryable {
  const whole = storage(all);
  return {
    select(request, signal) {
      log.push('select');
      return whole.select(request, signal);
    },
    async evaluate(_request, part, signal) {
      log.push('evaluate');
      const crossed = JSON.parse(JSON.stringify(part));
      return places.map((place) =>
        answerPart(crossed, storage(place), { clock: systemClock, signal }),
      );
    },
  };
}

function counter(labels: Record<string, string>, by: number): TestSeries {
  const samples = Array.from({ length: 40 }, (_, at) => [at * 15_000, at * by] as const);
  return { labels: labelsOf(labels), samples };
}

const SERIES = Array.from({ length: 30 }, (_, at) =>
  counter(
    {
      __name__: 'a_total',
      __type__: at % 3 ? 'counter' : 'gauge',
      job: `j${at % 4}`,
      i: String(at),
    },
    at / 7,
  ),
);
const RANGE = { startMs: 300_000, endMs: 540_000, stepMs: 60_000 };

const QUERIES = [
  'a_total',
  'sum(rate(a_total[2m]))',
  'sum by (job) (rate(a_total[2m]))',
  'avg without (i) (a_total)',
  'count(a_total > 20)',
  'min by (job) (-a_total) / max by (job) (increase(a_total[1m]))',
  'group(timestamp(a_total))',
  'stddev by (job) (a_total)',
  'topk(3, rate(a_total[2m]))',
  'quantile(0.5, 2 * abs(a_total))',
  'sum(sum_over_time(a_total[1m:15s]))',
  'bottomk by (job) (2, a_total)',
  'limitk by (job) (2, a_total)',
  'abs(topk(3, a_total))',
  'sum without (i) (rate(a_total[2m]))',
  'max without (i) (a_total + 1)',
  'min without (i) (timestamp(a_total))',
  'sum by (__type__) (a_total)',
  'sum by (__type__) (2 * a_total)',
];
const RANKINGS = [
  'topk(3, x)',
  'bottomk(2, x)',
  'topk by (job) (2, x)',
  'bottomk without (i) (1.9, -x)',
];
const OTHER_RANKINGS = [
  'limitk(3, x)',
  'limitk by (job) (1, x > 1)',
  'topk(70, x)',
  'topk(1, abs(x))',
];

function plain(result: QueryResult): unknown {
  if (result.type !== 'matrix') throw new Error(result.type);
  return {
    ...result,
    series: result.series.map(({ labels, t, v, count }) => ({
      labels: Buffer.from(labels).toString('latin1'),
      t: [...t.subarray(0, count)],
      v: [...v.subarray(0, count)].map((value) => Number(value.toPrecision(12))),
    })),
  };
}

const RANKED_RANGE = { startMs: 0, endMs: 420_000, stepMs: 60_000 };

/** Everything, series and groups in the order in which they come. */
function inOrder(result: QueryResult): unknown {
  if (result.type === 'vector') {
    return result.samples.map(({ labels, ...one }) => [...labels, one]);
  }
  return plain(result);
}

describe('parts of a plan', () => {
  it.each(QUERIES)('%s answers as over all series', async (query) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { minLength: 30, maxLength: 30 }), async (where) => {
        const places = [0, 1, 2].map((place) => SERIES.filter((_, at) => where[at] === place));
        const log: string[] = [];
        const found = await engine.range({ query, ...RANGE }, pushing(places, log), NEVER);
        const wanted = await engine.range({ query, ...RANGE }, storage(SERIES), NEVER);
        expect(plain(found)).toEqual(plain(wanted));
        expect(log).toContain('evaluate');
        expect(log).not.toContain('select');
      }),
      { numRuns: 10 },
    );
  });

  it.each([...RANKINGS, ...OTHER_RANKINGS])(
    '%s chooses the same of equal values',
    async (query) => {
      const value = fc.constantFrom(1, 2, 2, -0, 0, Number.NaN, Number.POSITIVE_INFINITY);
      const one = fc.record({
        job: fc.nat(2),
        place: fc.nat(2),
        samples: fc.array(fc.option(value), { minLength: 8, maxLength: 8 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(one, { maxLength: 20 }), fc.boolean(), async (all, isInstant) => {
          const series = all.map(({ job, samples }, at) => ({
            labels: labelsOf({ __name__: 'x', i: String(at * 7), job: String(job) }),
            samples: samples.flatMap((v, step) =>
              v === null ? [] : [[step * 60_000, v] as const],
            ),
          }));
          const places = [0, 1, 2].map((place) =>
            series.filter((_, at) => all[at]!.place === place),
          );
          const run = (queryable: Queryable) =>
            isInstant
              ? engine.instant({ query, timeMs: 240_000 }, queryable, NEVER)
              : engine.range({ query, ...RANKED_RANGE }, queryable, NEVER);
          const log: string[] = [];
          expect(inOrder(await run(pushing(places, log)))).toEqual(
            inOrder(await run(storage(series))),
          );
          expect(log).toEqual(['evaluate']);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('tell what they were warned of', async () => {
    const query = 'sum(rate(a[2m]))';
    const place = [counter({ __name__: 'a' }, 1)];
    const found = await engine.range({ query, ...RANGE }, pushing([place, []]), NEVER);
    expect(found.infos).toEqual(
      (await engine.range({ query, ...RANGE }, storage(place), NEVER)).infos,
    );
    expect(found.infos).toHaveLength(1);
  });

  it('are given up where a series lies in two places', async () => {
    const log: string[] = [];
    const place = [counter({ __name__: 'a_total' }, 1)];
    await engine.range({ query: 'sum(a_total)', ...RANGE }, pushing([place, place], log), NEVER);
    expect(log).toEqual(['evaluate', 'select']);
  });

  // Then both have samples of the same steps, as after a partition was scaled down; or one owner has both.
  it.each([
    'a_total',
    'rate(a_total[2m])',
    '-a_total',
    'a_total + on (job, i) a_total',
    'topk(3, a_total)',
  ])('%s is answered all the same where series lie in two places', async (query) => {
    const few = [...SERIES.slice(0, 5), counter({ __name__: 'a_total', i: '1' }, 3)];
    const wanted = await engine.range({ query, ...RANGE }, storage(few), NEVER);
    for (const places of [[few, few.slice(2, 4)], [[...few, ...few]], [few.slice(0, 3), few]]) {
      const log: string[] = [];
      const pushed = pushing(places, log, few);
      const found = await engine.range({ query, ...RANGE }, pushed, NEVER);
      expect(plain(found)).toEqual(plain(wanted));
      expect(log).toContain('evaluate');
      expect(log).toContain('select');
      const [one, other] = await Promise.all(
        [pushed, storage(few)].map((from) =>
          engine.instant({ query, timeMs: 480_000 }, from, NEVER),
        ),
      );
      expect(inOrder(one!)).toEqual(inOrder(other!));
    }
  });

  it('end with the budget of the query', async () => {
    const small = createEngine({ ...SETTINGS, maxSamples: 30 }, { clock: systemClock });
    const run = small.range(
      { query: 'sum(rate(a_total[9m]))', ...RANGE },
      pushing([SERIES]),
      NEVER,
    );
    await expect(run).rejects.toMatchObject({ kind: 'invalid', status: 422 });
  });

  it('are refused when they are something else', () => {
    fc.assert(
      fc.property(fc.anything(), (node) => {
        const part = { node, settings: SETTINGS, prints: false };
        expect(() => nodeOf(part)).toThrow(expect.objectContaining({ kind: 'invalid' }));
      }),
    );
  });
});

describe('prints', () => {
  it('tell label sets apart and know them again', () => {
    const prints = new Prints();
    for (let at = 0; at < 5000; at++) prints.add({ labels: labelsOf({ i: String(at) }) });
    const set = new PrintSet();
    expect(set.addAll(prints.words())).toBe(true);
    const other = new Prints();
    other.add({ labels: labelsOf({ i: '5000' }) });
    expect(set.addAll(other.words())).toBe(true);
    other.add({ labels: labelsOf({ i: '77' }) });
    expect(set.addAll(other.words().subarray(2))).toBe(false);
  });

  it('are those of the labels, also where they are remembered', () => {
    const memo = new SeriesMemo();
    const printed = (numbers: readonly number[], by?: SeriesMemo) => {
      const prints = new Prints();
      for (const number of numbers) {
        prints.add({ labels: labelsOf({ i: String(number) }), memo: by, number });
      }
      return [...prints.words()];
    };
    expect(printed([3, 1, 4000], memo)).toEqual(printed([3, 1, 4000]));
    expect(printed([4000, 2, 3, 1], memo)).toEqual(printed([4000, 2, 3, 1]));
  });
});
