// Random expressions over random series, on Weir alone: a range is the instants at its steps, and it doesn't
// matter where samples lie: in a head, in blocks, or across the seam between them.
import { labelsOf, type NativeHistogram } from '@weir/model';
import { createEngine, type Queryable, type QueryResult } from '@weir/promql';
import { systemClock } from '@weir/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDice } from '../simulation/dice.ts';
import { staleMarker } from '../support/histogram-data.ts';
import { randomExpression } from '../support/random-promql/expressions.ts';
import { randomSeries, SPAN_MS, START_MS } from '../support/random-promql/series.ts';
import { nearlyEqual } from './compare.ts';
import type { Float, TestStorage } from './memory-storage.ts';
import { createSystemStorage, type StorageKind } from './system-storage.ts';

const SEED = Number(process.env.WEIR_PEER_SEED ?? 11);
const EXPRESSIONS = Number(process.env.WEIR_RANDOM_EXPRESSIONS ?? 150);
const KINDS: readonly StorageKind[] = ['head', 'blocks', 'heads', 'held', 'seam'];
/** Orders of equal values, and what asks for the query's own times, differ rightly. */
const UNORDERED = /limitk|topk|bottomk|sort/;

const engine = createEngine(
  {
    lookbackDeltaMs: 300_000,
    maxSamples: 50_000_000,
    defaultSubqueryStepMs: 60_000,
    experimental: true,
  },
  { clock: systemClock },
);
const { signal } = new AbortController();
const storages: TestStorage[] = [];
const queryables: Queryable[] = [];

beforeAll(async () => {
  for (const kind of KINDS) {
    const storage = createSystemStorage(kind, START_MS + SPAN_MS / 2);
    storages.push(storage);
    for (const { labels, samples } of randomSeries(createDice(SEED).fork('series'))) {
      let last: NativeHistogram | undefined;
      for (const [t, value] of samples) {
        if (typeof value === 'object') last = value;
        else if (value !== 'stale') last = undefined;
        if (last === undefined) await storage.append(labelsOf(labels), [t], [value as Float]);
        else {
          const h = typeof value === 'object' ? value : staleMarker(last.isFloat);
          await storage.appendHistograms(labelsOf(labels), [t], [h]);
        }
      }
    }
    queryables.push(await storage.queryable());
  }
});

afterAll(async () => {
  for (const storage of storages) await storage.close();
});

/** Values by series and time, as text; an error by its text. */
type Values = Map<string, string | number>;

function valuesOf(result: QueryResult): Values {
  const out: Values = new Map();
  const print = (histogram: object) =>
    JSON.stringify(histogram, (key, value: unknown) => (key === 'resetHint' ? 0 : value));
  const key = (labels: Uint8Array, t: number) => `${Buffer.from(labels).toString('latin1')}@${t}`;
  if (result.type === 'vector') {
    for (const { labels, value, histogram } of result.samples) {
      out.set(key(labels, result.timeMs), histogram ? print(histogram) : value);
    }
  } else if (result.type === 'matrix') {
    for (const { labels, t, v, count, histograms = [] } of result.series) {
      for (let at = 0; at < count; at++) out.set(key(labels, t[at]!), v[at]!);
      for (const point of histograms) out.set(key(labels, point.t), print(point.histogram));
    }
  } else if (result.type === 'scalar') {
    out.set(key(new Uint8Array(0), result.timeMs), result.value);
  }
  return out;
}

function difference(a: Values, b: Values): string | undefined {
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [left, right] = [a.get(key), b.get(key)];
    if (left === right) continue;
    if (typeof left === 'number' && typeof right === 'number' && nearlyEqual(left, right)) continue;
    // Histograms that differ in the last digits: their size tells enough.
    const isNative = typeof left === 'string' && typeof right === 'string';
    if (isNative && Math.abs(left.length - right.length) < left.length / 2) continue;
    return `${JSON.stringify(key)}: ${left}, not ${right}`;
  }
  return undefined;
}

async function answer(ask: () => Promise<QueryResult>): Promise<Values | string> {
  try {
    return valuesOf(await ask());
  } catch (error) {
    return (error as Error).message.replace(/\{.*/, '');
  }
}

it(`${EXPRESSIONS} expressions of seed ${SEED}: a range is its instants, wherever samples lie`, async () => {
  const dice = createDice(SEED);
  const found: string[] = [];
  for (let number = 0; number < EXPRESSIONS; number++) {
    const of = dice.fork(String(number));
    const query = randomExpression(of, { asksForTimes: false });
    if (UNORDERED.test(query)) continue;
    const startMs = START_MS + of.int(0, SPAN_MS / 1000) * 1000;
    const stepMs = of.pick([15_000, 47_000, 60_000]);
    const range = { query, startMs, stepMs, endMs: startMs + 4 * stepMs };
    const ranges: (Values | string)[] = [];
    for (const queryable of queryables) {
      ranges.push(await answer(() => engine.range(range, queryable, signal)));
    }
    const whole = ranges[0]!;
    ranges.forEach((other, at) => {
      const different =
        typeof whole === 'string' || typeof other === 'string'
          ? typeof whole !== typeof other &&
            `${String(whole).slice(0, 80)} or ${String(other).slice(0, 80)}`
          : difference(whole, other);
      if (different) found.push(`number ${number}, ${KINDS[at]}: ${query}\n  ${different}`);
    });
    if (typeof whole === 'string') continue;
    const instants: Values = new Map();
    for (let step = 0; step < 5; step++) {
      const timeMs = startMs + step * stepMs;
      const one = await answer(() => engine.instant({ query, timeMs }, queryables[0]!, signal));
      if (typeof one === 'string') found.push(`number ${number}: ${query}\n  ${one}`);
      else for (const [key, value] of one) instants.set(key, value);
    }
    const different = difference(whole, instants);
    if (different) found.push(`number ${number}, instants: ${query}\n  ${different}`);
  }
  expect(found.slice(0, 10).join('\n')).toBe('');
});
