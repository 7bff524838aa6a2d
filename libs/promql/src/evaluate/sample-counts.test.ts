// Counts of samples are those that a real Prometheus 3.15 tells of the same queries (test/peers has more of them).
import { type LabelBytes, labelsOf } from '@weir/model';
import { systemClock } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../engine.ts';
import type { Queryable } from '../queryable.ts';

const SETTINGS = { lookbackDeltaMs: 300_000, maxSamples: 1_000_000, defaultSubqueryStepMs: 60_000 };
const SERIES: readonly LabelBytes[] = ['a', 'b', 'c'].map((i) => labelsOf({ __name__: 'up', i }));

/** Three series with a sample each 15 s, and no other. */
const storage: Queryable = {
  async select({ matchers, minT, maxT }) {
    const isMeant = matchers.every(({ name, value }) => name !== '__name__' || value === 'up');
    let at = -1;
    return {
      next: () => ++at < (isMeant ? SERIES.length : 0),
      get labels() {
        return SERIES[at]!;
      },
      samples(out) {
        for (let t = Math.ceil(minT / 15_000) * 15_000; t <= maxT; t += 15_000) out.push(t, 1);
      },
      close() {},
    };
  },
};

const { signal } = new AbortController();
const engine = createEngine(SETTINGS, { clock: systemClock });

/** At one time, and at eleven. */
async function countsOf(query: string): Promise<(number | undefined)[]> {
  const endMs = 7_200_000 + 7_000;
  const asked = { query, countsSamples: true };
  const instant = await engine.instant({ ...asked, timeMs: endMs }, storage, signal);
  if (query.endsWith(']')) return [instant.samplesStats?.total];
  const times = { startMs: endMs - 600_000, endMs, stepMs: 60_000 };
  const range = await engine.range({ ...asked, ...times }, storage, signal);
  const { perStep, total } = range.samplesStats!;
  expect(perStep.reduce((sum, count) => sum + count, 0)).toBe(total);
  expect(perStep.length).toBe(11);
  return [instant.samplesStats?.total, total];
}

describe('samples that a query looks at', () => {
  it.each<[string, number[]]>([
    ['up', [3, 33]],
    ['time()', [0, 0]],
    ['absent(down)', [0, 0]],
    ['sum(rate(up[5m])) / sum(rate(up[5m]))', [120, 1320]],
    ['up @ 7000', [3, 33]],
    ['sum(rate(up[5m] @ 7000))', [60, 660]],
    ['sum(up @ 7000) + on() group_right up', [6, 66]],
    ['max_over_time(sum(up)[10m:1m])', [10, 110]],
    ['max_over_time(rate(up[1m])[10m:1m])', [30, 330]],
    ['up unless up', [6, 66]],
    ['up[5m]', [60]],
    ['up[5m:1m]', [15]],
    ['rate(up[1m])[5m:1m]', [60]],
  ])('%s', async (query, counts) => expect(await countsOf(query)).toEqual(counts));

  it('are not counted unless asked for', async () => {
    const result = await engine.instant({ query: 'up', timeMs: 60_000 }, storage, signal);
    expect(result.samplesStats).toBeUndefined();
  });
});
