// How far behind a partition is, from what the log and the records say.
import { describe, expect, it } from 'vitest';
import { createPartitionLag, delayFields, delayMsOf, lagNotes } from './partition-lag.ts';

describe('the lag of a partition', () => {
  it('is nothing at the end that the log told last, and unknown before a record tells', () => {
    const lag = createPartitionLag();
    lag.restart(10);
    expect(lag.at(1000)).toMatchObject({ applied: 10, end: 10, ms: 0 });
    expect(lag.staleMs(1000)).toBeUndefined();
    lag.ended(11, 1000);
    expect(lag.at(5000)).toMatchObject({ applied: 10, end: 11, ms: undefined });
    lag.applied(11, 900);
    expect(lag.at(5000)).toMatchObject({ applied: 11, end: 11, ms: 0 });
    expect(lag.staleMs(5000)).toBe(4000);
  });

  it('counts from the last applied record while there are more', () => {
    const lag = createPartitionLag();
    lag.restart(0);
    lag.ended(100, 50_000);
    lag.applied(50, 20_000);
    expect(lag.at(51_000)).toMatchObject({ applied: 50, end: 100, ms: 31_000 });
    lag.applied(99, 49_000);
    expect(lag.at(51_000).ms).toBe(2_000);
    lag.applied(100, 49_500);
    expect(lag.at(51_000).ms).toBe(0);
  });

  it('counts from the last moment without any lag where the last record is older', () => {
    const lag = createPartitionLag();
    lag.restart(5);
    lag.applied(5, 1_000);
    lag.ended(5, 3_600_000);
    lag.ended(6, 3_601_000);
    expect(lag.at(3_601_500).ms).toBe(1_500);
  });

  it('does not believe a record from the future', () => {
    const lag = createPartitionLag();
    lag.restart(0);
    lag.ended(10, 1_000);
    lag.applied(1, 999_999);
    expect(lag.at(61_000).ms).toBe(60_000);
  });

  it('forgets what a head knew that was lost', () => {
    const lag = createPartitionLag();
    lag.restart(0);
    lag.ended(10, 1_000);
    lag.applied(10, 900);
    lag.restart(3);
    expect(lag.at(2_000)).toMatchObject({ applied: 3, end: 10, ms: undefined });
  });

  it('ignores an answer that was overtaken, and never counts below nothing', () => {
    const lag = createPartitionLag();
    lag.restart(0);
    lag.ended(10, 2_000);
    lag.ended(5, 1_000);
    expect(lag.at(2_000).end).toBe(10);
    lag.applied(10, 2_500);
    expect(lag.staleMs(1_000)).toBe(0);
  });

  it('tells how fast the log grows and how fast it is applied', () => {
    const lag = createPartitionLag();
    lag.restart(0);
    lag.ended(0, 0);
    for (let second = 1; second <= 60; second++) {
      lag.applied(second * 50, second * 1000);
      lag.ended(second * 100, second * 1000);
    }
    const { loggedPerSecond, appliedPerSecond } = lag.at(60_000);
    expect(loggedPerSecond).toBeGreaterThan(95);
    expect(loggedPerSecond).toBeLessThanOrEqual(100);
    expect(appliedPerSecond).toBeGreaterThan(47);
    expect(appliedPerSecond).toBeLessThanOrEqual(50);
  });
});

describe('what operators are told', () => {
  const behind = (partition: number, ms: number | undefined) => ({
    ...{ partition, applied: 10, end: 25, ms },
  });

  it('is nothing below 15 s, and the furthest partition from there', () => {
    expect(lagNotes([behind(1, 14_999), behind(2, undefined)])).toEqual([]);
    expect(lagNotes([behind(1, 15_000)])).toEqual([
      'partition 1 is behind the log by 15 records, 15 s',
    ]);
    expect(lagNotes([behind(1, 20_000), behind(2, 60_000), behind(3, 15_000)])).toEqual([
      'partition 2 is behind the log by 15 records, 60 s, and 2 others are behind, too',
    ]);
  });
});

describe('how long a new record will wait', () => {
  const lag = { applied: 100, end: 300, ms: 60_000, loggedPerSecond: 0, appliedPerSecond: 4 };

  it('follows from what waits and how fast it is applied', () => {
    expect(delayMsOf(lag)).toBe(50_000);
    expect(delayMsOf({ ...lag, applied: 300 })).toBe(0);
    expect(delayMsOf({ ...lag, ms: undefined })).toBe(0);
  });

  it('is at most ten times the age of what waits, where little is known of the rate', () => {
    expect(delayMsOf({ ...lag, ms: 400 })).toBe(4_000);
    expect(delayMsOf({ ...lag, appliedPerSecond: 0 })).toBe(600_000);
  });

  it('is told from a second on', () => {
    const behind = (records: number) => {
      const one = createPartitionLag();
      one.restart(0);
      one.ended(0, 0);
      one.applied(100, 1_000);
      one.ended(100, 10_000);
      one.ended(100 + records, 11_000);
      return one;
    };
    const rate = behind(0).at(11_000).appliedPerSecond;
    const second = Math.ceil(rate);
    const told = delayFields(
      [
        { partition: 1, lag: behind(0) },
        { partition: 2, lag: behind(Math.floor(rate) - 1) },
        { partition: 3, lag: behind(second + 1) },
      ],
      13_000,
    );
    expect(Object.keys(told.delayMs ?? {})).toEqual(['3']);
    expect(delayFields([{ partition: 1, lag: behind(0) }], 13_000)).toEqual({});
  });
});
