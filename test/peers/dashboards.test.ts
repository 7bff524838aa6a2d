// Sixty queries of public dashboards (node exporter, Kubernetes, Kafka, JVM), at one time and over half an
// hour: Weir's answers are Prometheus's on the same data.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDice } from '../simulation/dice.ts';
import { DASHBOARD_EXPRESSIONS } from '../support/dashboards/expressions.ts';
import { dashboardSeries, TO_MS } from '../support/dashboards/metrics.ts';
import { type Pair, startPair } from '../support/random-promql/side-by-side.ts';

/** Alerts that rightly find nothing; an answer of any other would prove nothing if it were empty. */
const EMPTY_MAX = 6;

describe('queries of public dashboards', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(dashboardSeries(createDice(60)));
  });
  afterAll(() => pair?.stop());

  it('are sixty', () => expect(new Set(DASHBOARD_EXPRESSIONS).size).toBe(60));

  it('have equal answers at one time', async () => {
    const differing: Record<string, readonly string[]> = {};
    const empty: string[] = [];
    for (const expression of DASHBOARD_EXPRESSIONS) {
      const times = { atMs: TO_MS - 60_000 };
      const found = await pair.compare(expression, times);
      if (found.length > 0) differing[expression] = found.slice(0, 3);
      const [{ status, data }] = await pair.ask(expression, times);
      expect(status, expression).toBe('success');
      if ((data as { result: unknown[] }).result.length === 0) empty.push(expression);
    }
    expect(differing).toEqual({});
    expect(empty.length, empty.join('\n')).toBeLessThanOrEqual(EMPTY_MAX);
  });

  it('have equal answers over a range', async () => {
    const differing: Record<string, readonly string[]> = {};
    for (const expression of DASHBOARD_EXPRESSIONS) {
      const times = { startMs: TO_MS - 1_800_000, endMs: TO_MS, stepMs: 15_000 };
      const found = await pair.compare(expression, times);
      if (found.length > 0) differing[expression] = found.slice(0, 3);
    }
    expect(differing).toEqual({});
  });

  it('look at as many samples', async () => {
    const times = { startMs: TO_MS - 600_000, endMs: TO_MS, stepMs: 60_000 };
    for (const expression of DASHBOARD_EXPRESSIONS) {
      const answers = await pair.ask(expression, times, { stats: 'true' });
      const [ours, theirs] = answers.map(({ data }) => {
        const { stats } = data as { stats: { samples: { totalQueryableSamples: number } } };
        return stats.samples.totalQueryableSamples;
      });
      expect([expression, ours]).toEqual([expression, theirs]);
    }
  });
});
