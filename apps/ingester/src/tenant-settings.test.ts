// A tenant's limits as heads get them: shares of global limits, and trackers as Mimir's flag writes them.
import { defaultsOf } from '@weir/config';
import { createLimits, limitsFlags, type TenantLimits } from '@weir/limits';
import { describe, expect, it } from 'vitest';
import { createTenantSettings, parseTrackers } from './tenant-settings.ts';

function settingsOf(overrides: Partial<TenantLimits>, partitions = () => 4) {
  const limits = createLimits({ ...defaultsOf(limitsFlags), ...overrides });
  return createTenantSettings(
    { activeSeriesIdleMs: 60_000 },
    { limits, activePartitions: partitions },
  );
}

describe('settings of a tenant', () => {
  it.each([
    [0, 0],
    [1, 1],
    [4, 1],
    [5, 2],
    [8, 2],
  ])('divide a limit of %i by four partitions into %i', (limit, share) => {
    const limits = { seriesMax: limit, seriesPerMetricMax: limit, metadataMax: limit };
    const { settingsFor } = settingsOf({ ...limits, metadataPerMetricMax: limit });
    expect(settingsFor('a')).toMatchObject({
      ...{ seriesMax: share, seriesPerMetricMax: share, metadataMax: share },
      ...{ metadataPerMetricMax: limit, activeIdleMs: 60_000, outOfOrderWindowMs: 1_800_000 },
    });
  });

  it.each([
    [1, 100],
    [3, 34],
    [4, 25],
    [9, 25],
  ])('divide by the partitions of a shard of %i, at most by all four', (shardSize, share) => {
    expect(settingsOf({ seriesMax: 100, shardSize }).settingsFor('a').seriesMax).toBe(share);
  });

  it('are the same object until the number of partitions changes', () => {
    let partitions = 0;
    const { settingsFor } = settingsOf({ seriesMax: 10 }, () => partitions);
    const first = settingsFor('a');
    expect(first.seriesMax).toBe(10);
    expect(settingsFor('a')).toBe(first);
    partitions = 2;
    expect(settingsFor('a').seriesMax).toBe(5);
  });

  it('are refused at the start where a tracker is wrong', () => {
    expect(() => settingsOf({ activeSeriesTrackers: { a: '{b="c"}' } })).not.toThrow();
    expect(() => settingsOf({ activeSeriesTrackers: { a: '' } })).toThrow();
  });
});

describe('trackers', () => {
  it('are names with selectors', () => {
    expect(parseTrackers({})).toEqual([]);
    expect(parseTrackers({ dev: '{namespace=~"dev-.*", a!=";:"}', up: 'up{b=~"x"}' })).toEqual([
      {
        name: 'dev',
        matchers: [
          { name: 'namespace', op: '=~', value: 'dev-.*' },
          { name: 'a', op: '!=', value: ';:' },
        ],
      },
      {
        name: 'up',
        matchers: [
          { name: 'b', op: '=~', value: 'x' },
          { name: '__name__', op: '=', value: 'up' },
        ],
      },
    ]);
  });

  it.each(['', 'sum(b)', 'b offset 5m', '{b=~"("}'])('like %s are refused', (text) => {
    expect(() => parseTrackers({ a: text })).toThrow();
  });

  it.each([
    [31, true],
    [32, true],
    [33, false],
  ])('%i of at most 32', (count, isFine) => {
    const trackers = Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`t${at}`, 'up'] as const),
    );
    if (isFine) expect(parseTrackers(trackers)).toHaveLength(count);
    else expect(() => parseTrackers(trackers)).toThrow(/more than 32/);
  });
});
