// The headers of consistency, as any client may send them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOffsets, readConsistencyOf } from './read-consistency.ts';

describe("a request's consistency", () => {
  it.each([
    [{}, 'eventual', { level: 'eventual' }],
    [{}, 'strong', { level: 'strong' }],
    [{ 'x-read-consistency': 'strong' }, 'eventual', { level: 'strong' }],
    [{ 'x-read-consistency': 'eventual' }, 'strong', { level: 'eventual' }],
    [{ 'x-read-consistency': ['strong', 'eventual'] }, 'eventual', { level: 'strong' }],
    [{ 'x-read-consistency': 'Strong' }, 'eventual', { level: 'eventual' }],
    [{ 'x-read-consistency': '' }, 'strong', { level: 'strong' }],
    [
      { 'x-read-consistency-max-delay': '1m30s' },
      'eventual',
      { level: 'eventual', delayMaxMs: 90_000 },
    ],
    [{ 'x-read-consistency-max-delay': '0s' }, 'eventual', { level: 'eventual' }],
    [{ 'x-read-consistency-max-delay': '-1s' }, 'eventual', { level: 'eventual' }],
    [{ 'x-read-consistency-max-delay': 'soon' }, 'eventual', { level: 'eventual' }],
    [{ 'x-read-consistency-max-delay': '1s' }, 'strong', { level: 'strong' }],
    [
      { 'x-read-consistency-offsets': 'v1=0:5,2:-1' },
      'strong',
      {
        level: 'strong',
        positions: new Map([
          [0, 6],
          [2, 0],
        ]),
      },
    ],
    [{ 'x-read-consistency-offsets': 'v1=0:5' }, 'eventual', { level: 'eventual' }],
    [{ 'x-read-consistency-offsets': 'v2=0:5' }, 'strong', { level: 'strong' }],
  ] as const)('%j with default %s', (headers, fallback, expected) => {
    expect(readConsistencyOf(headers, fallback)).toEqual(expected);
  });
});

describe('offsets', () => {
  it('leave out what is no entry', () => {
    expect(parseOffsets('v1=1:2,x:3,4:,5:-2,6:1.5, 7:8,9:10')).toEqual(
      new Map([
        [1, 3],
        [9, 11],
      ]),
    );
    expect(parseOffsets('v1=')).toEqual(new Map());
    expect(parseOffsets('')).toBeUndefined();
  });

  it('are read back, and any text is', () => {
    const entry = fc.tuple(fc.nat({ max: 100_000 }), fc.integer({ min: -1, max: 2 ** 52 }));
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ([partition]) => partition }), (entries) => {
        const text = `v1=${entries.map(([partition, last]) => `${partition}:${last}`).join()}`;
        const expected = new Map(entries.map(([partition, last]) => [partition, last + 1]));
        expect(parseOffsets(text)).toEqual(expected);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const [partition, position] of parseOffsets(`v1=${text}`) ?? []) {
          expect(Number.isSafeInteger(partition) && Number.isSafeInteger(position)).toBe(true);
        }
      }),
    );
  });
});
