// Which tenants are cut early: each threshold at, below and above.
import type { TenantStats } from '@weir/head';
import { describe, expect, it } from 'vitest';
import { type EarlyCutSettings, earlyCuts } from './early-cuts.ts';

const HOUR = 3_600_000;
const NOW = 500_000 * HOUR;
const OFF: EarlyCutSettings = {
  ...{ closeIdleMs: 0, seriesMin: 0 },
  ...{ reductionPercentMin: 15, seriesIdleMs: 20 * 60_000 },
};

function headWith(tenants: readonly (TenantStats & { readonly active: number })[]) {
  return {
    seriesCount: tenants.reduce((sum, { series }) => sum + series, 0),
    tenants: () => [...tenants],
    activity: () =>
      tenants.map(({ tenant, active }) => {
        return { tenant, active, histograms: 0, buckets: 0, trackers: [] };
      }),
  };
}

function tenant(name: string, series: number, active: number, ageMs = 0) {
  const eventTimeMs = NOW - ageMs;
  return { tenant: name, series, active, eventTimeMs, minTimeMs: eventTimeMs };
}

describe('early cuts', () => {
  it('take tenants that have been idle for the time-out', () => {
    const settings = { ...OFF, closeIdleMs: 13 * HOUR };
    const head = headWith([
      tenant('below', 5, 0, 13 * HOUR - 1),
      tenant('at', 5, 0, 13 * HOUR),
      tenant('above', 5, 0, 14 * HOUR),
      tenant('sends old samples', 5, 1, 14 * HOUR),
      tenant('empty', 0, 0, 14 * HOUR),
    ]);
    expect(earlyCuts(head, settings, NOW)).toEqual([
      { tenant: 'at', idleMs: 0 },
      { tenant: 'above', idleMs: 0 },
    ]);
    expect(earlyCuts(head, OFF, NOW)).toEqual([]);
  });

  it('take tenants of a full head whose series have gone', () => {
    const tenants = [tenant('below', 100, 86), tenant('at', 100, 85), tenant('above', 100, 10)];
    const chosen = (seriesMin: number) =>
      earlyCuts(headWith(tenants), { ...OFF, seriesMin }, NOW).map((cut) => cut.tenant);
    expect(chosen(301)).toEqual([]);
    expect(chosen(300)).toEqual(['at', 'above']);
    expect(chosen(299)).toEqual(['at', 'above']);
    expect(chosen(0)).toEqual([]);
  });
});
