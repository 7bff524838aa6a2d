// The staleness marker is one bit pattern, not any NaN.
import { describe, expect, it } from 'vitest';
import { isStaleNaN, SampleColumns, STALE_NAN } from './samples.ts';

describe('samples', () => {
  it('tell the staleness marker from other values', () => {
    expect(isStaleNaN(STALE_NAN)).toBe(true);
    expect(isStaleNaN(Number.NaN)).toBe(false);
    expect(isStaleNaN(0)).toBe(false);
  });

  it('grow and keep what is in them', () => {
    const columns = new SampleColumns(1);
    for (let index = 0; index < 100; index++) columns.push(index, -index);
    columns.reserve(1000);
    expect(columns.count).toBe(100);
    expect(columns.v[99]).toBe(-99);
  });
});
