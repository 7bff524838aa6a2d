// Which checkpoints hold chunks of which times, so that reads of recent ranges skip the rows of old ones.
import { describe, expect, it } from 'vitest';
import { EpochTimes } from './epoch-times.ts';

describe('epoch times', () => {
  it('leaves out checkpoints whose chunks are all older', () => {
    const times = new EpochTimes();
    times.committed(0, 4, 1000);
    times.committed(0, 5, 2000);
    expect(times.firstSince(0, 2001)).toBe(6);
    expect(times.firstSince(0, 2000)).toBe(5);
    expect(times.firstSince(0, 1001)).toBe(5);
  });

  it('knows nothing of earlier checkpoints and of other tenants', () => {
    const times = new EpochTimes();
    times.committed(0, 4, 1000);
    expect(times.firstSince(0, 1000)).toBe(0);
    expect(times.firstSince(1, 5000)).toBe(0);
  });

  it('counts chunks that an idle tenant had written late to the earlier checkpoint', () => {
    const times = new EpochTimes();
    times.committed(0, 4, 1000);
    times.committed(0, 5, 1000);
    expect(times.firstSince(0, 1001)).toBe(5);
  });

  it('forgets old checkpoints', () => {
    const times = new EpochTimes();
    for (let epoch = 1; epoch <= 200; epoch++) times.committed(0, epoch, epoch * 10);
    expect(times.firstSince(0, 1995)).toBe(200);
    expect(times.firstSince(0, 100)).toBe(0);
  });
});
