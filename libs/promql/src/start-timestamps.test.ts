// Start timestamps in evaluation: who asks for them, what they change, and that they stay with their samples.
// The rules themselves are compared with Prometheus's answers in test/conformance/cases/start-timestamps.test.
import { createMatcher, labelsOf, labelValue, STALE_NAN } from '@weir/model';
import { systemClock } from '@weir/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEngine, type QueryResult } from './engine.ts';
import { isOverlap, isRestart, startsWithin } from './functions/start-times.ts';
import { EMPTY_HISTOGRAM, type Histogram, toNative } from './histogram/histogram.ts';
import { answerPart } from './push/answer.ts';
import type { Queryable, SelectRequest } from './queryable.ts';

type Sample = readonly [t: number, start: number, value: number | Histogram];

const SETTINGS = { lookbackDeltaMs: 300_000, maxSamples: 1_000_000, defaultSubqueryStepMs: 60_000 };
const engine = createEngine({ ...SETTINGS, startTimestamps: true }, { clock: systemClock });
const without = createEngine(SETTINGS, { clock: systemClock });
const signal = new AbortController().signal;

/** Storage with these series, by name, that notes which selections want starts. */
function storageOf(all: Readonly<Record<string, readonly Sample[]>>, wanted: boolean[] = []) {
  const series = Object.entries(all).map(([name, samples]) => ({
    labels: labelsOf({ __name__: name }),
    samples,
  }));
  const storage: Queryable = {
    async select({ matchers, minT, maxT, startTimes }: SelectRequest) {
      wanted.push(startTimes === true);
      const compiled = matchers.map(createMatcher);
      const found = series.filter(({ labels }) =>
        compiled.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
      );
      let at = -1;
      const inRange = () => found[at]!.samples.filter(([t]) => t >= minT && t <= maxT);
      return {
        next: () => ++at < found.length,
        get labels() {
          return found[at]!.labels;
        },
        samples(out) {
          expect(out.st !== undefined).toBe(startTimes === true);
          for (const [t, start, v] of inRange()) if (typeof v === 'number') out.push(t, v, start);
        },
        histograms(out) {
          for (const [t, start, h] of inRange()) {
            if (typeof h !== 'number')
              out.push(t, { ...toNative(h), isStale: Number.isNaN(h.sum) }, start);
          }
        },
        close() {},
      };
    },
  };
  return storage;
}

/** Rises by 10 a minute; counted since 2m30s from the third minute on, before that since 30s. */
const RISEN: readonly Sample[] = [1, 2, 3, 4, 5].map((minute) => [
  minute * 60_000,
  minute < 3 ? 30_000 : 150_000,
  minute * 10,
]);

const histogram = (count: number): Histogram => ({ ...EMPTY_HISTOGRAM, count, sum: count });
const AS_HISTOGRAMS = RISEN.map(([t, start, v]): Sample => [t, start, histogram(v as number)]);

function onlyValue(result: QueryResult): number | undefined {
  if (result.type !== 'vector') throw new Error(result.type);
  const [sample] = result.samples;
  return sample?.histogram?.count ?? sample?.value;
}

async function ask(query: string, storage: Queryable, by = engine): Promise<number | undefined> {
  return onlyValue(await by.instant({ query, timeMs: 300_000 }, storage, signal));
}

describe('start timestamps', () => {
  it.each([
    ['increase(x_total[4m31s])', 70, (40 * 271) / 240],
    ['increase(x_total[4m30s])', 67.5, 45],
    ['increase(x_total[4m])', 50 / 0.75, 40],
    ['rate(x_total[4m])', 50 / 180, 40 / 240],
    ['increase(x_total[50s])', undefined, undefined],
    ['increase(x_total[30s] offset 2m)', undefined, undefined],
    ['increase(x_total[40s] offset 2m)', 30, undefined],
    ['irate(x_total[2m] offset 2m)', 0.5, 10 / 60],
    ['irate(x_total[2m])', 10 / 60, 10 / 60],
    ['resets(x_total[5m])', 1, 0],
    ['delta(x_total[3m])', 30, 30],
    ['start_timestamp(x_total)', 150, undefined],
    ['start_timestamp(x_total offset 3m)', 30, undefined],
    ['start_timestamp(+x_total)', undefined, undefined],
  ])('%s is %s, without them %s', async (query, value, before) => {
    for (const samples of [RISEN, AS_HISTOGRAMS]) {
      const storage = storageOf({ x_total: samples });
      const found = await ask(query, storage);
      const plain = await ask(query, storage, without);
      expect([found, plain].map((one) => one?.toFixed(9))).toEqual(
        [value, before].map((one) => one?.toFixed(9)),
      );
    }
  });

  it.each([
    ['rate(x_total[5m])', [true]],
    ['sum(irate(x_total[5m])) / sum(delta(x_total[5m]))', [true, false]],
    ['resets(x_total[5m]) + changes(x_total[5m])', [true, false]],
    ['x_total - x_total', [false]],
    ['increase(x_total[5m]) - increase(x_total[5m] anchored)', [true, false]],
    ['rate(x_total[5m] smoothed) - resets(x_total[5m] anchored)', [false, true]],
    ['rate(x_total[5m:1m])', [false]],
    ['max_over_time(rate(x_total[1m])[5m:1m])', [true]],
    ['timestamp(x_total) - start_timestamp(x_total)', [false, true]],
    ['start_timestamp(-x_total)', [false]],
    ['x_total - on () start_timestamp(x_total)', [false, true]],
  ])('%s asks for them where they count', async (query, wanted) => {
    const asked: boolean[] = [];
    await ask(query, storageOf({ x_total: RISEN }, asked));
    expect(asked).toEqual(wanted);
    asked.length = 0;
    await ask(query, storageOf({ x_total: RISEN }, asked), without);
    expect(asked).not.toContain(true);
  });

  it('stay with their samples where markers of staleness go', async () => {
    const stale: Sample[] = [
      [30_000, 1, STALE_NAN],
      ...RISEN.slice(0, 2),
      [150_000, 1, STALE_NAN],
      ...RISEN.slice(2),
    ];
    const marker = { ...EMPTY_HISTOGRAM, sum: STALE_NAN };
    const markers = [90_000, 210_000].map((t): Sample => [t, 1, marker]);
    const histograms = [...AS_HISTOGRAMS, ...markers].sort(([a], [b]) => a - b);
    for (const samples of [stale, histograms]) {
      expect(await ask('increase(x_total[4m31s])', storageOf({ x_total: samples }))).toBe(70);
    }
    const ended = [...RISEN, [290_000, 150_000, STALE_NAN] as const];
    expect(await ask('start_timestamp(x_total)', storageOf({ x_total: ended }))).toBeUndefined();
  });

  it('of floats and histograms go with either', async () => {
    const half = [...RISEN.slice(0, 2), ...AS_HISTOGRAMS.slice(2)];
    const storage = storageOf({ x_total: half });
    expect(await ask('resets(x_total[5m])', storage)).toBe(1);
    expect(await ask('increase(x_total[2m30s])', storage)).toBe(25);
    expect(await ask('increase(x_total[2m31s])', storage)).toBe(50);
    expect(await ask('increase(x_total[2m] offset 3m)', storage)).toBe(20);
    expect(await ask('start_timestamp(x_total)', storage)).toBe(150);
    expect(await ask('start_timestamp(x_total offset 3m)', storage)).toBe(30);
  });

  it('that overlap are told once a window, with how often, and not where kinds mix', async () => {
    const overlapping: Sample[] = [1, 2, 3, 4].map((minute) => [
      minute * 60_000,
      minute * 10_000,
      minute,
    ]);
    const text =
      'PromQL warning: sample has start time that overlaps with previous sample timestamp for metric "x_total"';
    const storage = storageOf({ x_total: overlapping });
    const run = async (query: string) =>
      (await engine.instant({ query, timeMs: 240_000 }, storage, signal)).warnings;
    expect(await run('rate(x_total[5m])')).toEqual([`${text} (1:6)`]);
    expect(await run('rate(x_total[5m]) + increase(x_total[4m])')).toEqual([
      `${text} (2 occurrences) (1:6)`,
    ]);
    expect(await run('irate(x_total[5m]) + resets(x_total[5m])')).toEqual([]);
    const range = { query: 'sum(rate(x_total[5m]))', startMs: 0, endMs: 240_000, stepMs: 60_000 };
    // The first two steps have one sample at most.
    const wanted = [`${text} (3 occurrences) (1:10)`];
    expect((await engine.range(range, storage, signal)).warnings).toEqual(wanted);
    const pushed = (await engine.range(range, pushing(storage), signal)).warnings;
    expect(pushed).toEqual(wanted);
    const histograms = overlapping.map(([t, start], at): Sample => [t, start, histogram(at)]);
    const native = storageOf({ x_total: histograms });
    expect((await engine.range(range, native, signal)).warnings).toEqual(wanted);
    const both = storageOf({ x_total: [...overlapping, [241_000, 0, histogram(7)]] });
    const mixed = await engine.instant(
      { query: 'rate(x_total[5m])', timeMs: 241_000 },
      both,
      signal,
    );
    expect(mixed.warnings).toEqual([
      'PromQL warning: encountered a mix of histograms and floats for metric name "x_total" (1:6)',
    ]);
  });

  it.each([
    'sum(increase(x_total[4m31s]))',
    'start_timestamp(x_total)',
    'max(resets(x_total[5m]))',
  ])('%s has them where it is evaluated elsewhere', async (query) => {
    const storage = storageOf({ x_total: RISEN });
    const select = async () => {
      throw new Error('not elsewhere');
    };
    const found = await ask(query, { ...pushing(storage), select });
    expect(found).toBeDefined();
    expect(found).toBe(await ask(query, storage));
  });

  it('give the same in a range as in instants at its steps', async () => {
    const sample = fc.tuple(fc.nat(40), fc.nat(40), fc.nat(9), fc.boolean());
    const queries = ['rate', 'irate', 'increase', 'resets'].map((name) => `${name}(x_total[90s])`);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(sample, { selector: ([t]) => t, maxLength: 20 }),
        fc.constantFrom(...queries, 'start_timestamp(x_total)'),
        async (drawn, query) => {
          const samples = drawn
            .sort(([a], [b]) => a - b)
            .map(([t, start, v, isHistogram]): Sample => {
              return [t * 15_000, start * 15_000, isHistogram ? histogram(v) : v];
            });
          const storage = storageOf({ x_total: samples });
          const range = { query, startMs: 0, endMs: 700_000, stepMs: 50_000 };
          const whole = await engine.range(range, storage, signal);
          if (whole.type !== 'matrix') throw new Error(whole.type);
          const points = new Map<number, number>();
          for (const { t, v, count, histograms = [] } of whole.series) {
            for (let at = 0; at < count; at++) points.set(t[at]!, v[at]!);
            for (const point of histograms) points.set(point.t, point.histogram.count);
          }
          for (let timeMs = 0; timeMs <= range.endMs; timeMs += range.stepMs) {
            const one = await engine.instant({ query, timeMs }, storage, signal);
            expect(points.get(timeMs)).toBe(onlyValue(one));
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** All of it evaluated elsewhere. */
function pushing(storage: Queryable): Queryable {
  return {
    select: (request, within) => storage.select(request, within),
    async evaluate(_request, part, within) {
      const crossed = JSON.parse(JSON.stringify(part));
      return [answerPart(crossed, storage, { clock: systemClock, signal: within })];
    },
  };
}

describe('two samples', () => {
  it.each([
    // The start of the one before, its time, the later one's start and time.
    [5, 10, 5, 20, false, false],
    [5, 10, 15, 20, true, false],
    [0, 10, 15, 20, true, false],
    [5, 10, 0, 20, false, false],
    [5, 10, 20, 20, false, false],
    [5, 10, 25, 20, false, false],
    [5, 10, 10, 20, true, false],
    [0, 10, 10, 20, false, false],
    [10, 10, 10, 20, false, false],
    [12, 10, 10, 20, false, false],
    [5, 10, 7, 20, false, true],
    [0, 10, 7, 20, false, true],
    [-5, 10, -7, 20, false, true],
  ])('counted since %i at %i, since %i at %i', (start, t, next, nextT, restarts, overlaps) => {
    expect(isRestart(start, t, next, nextT)).toBe(restarts);
    expect(isOverlap(start, t, next)).toBe(overlaps);
  });

  it('begin within a window that does not include its start', () => {
    expect([9, 10, 11, 19, 20, 21].map((start) => startsWithin(start, 10, 20))).toEqual([
      ...[false, false, true, true, false, false],
    ]);
    expect(startsWithin(0, -10, 20)).toBe(false);
    expect(startsWithin(-5, -10, 20)).toBe(true);
  });
});
