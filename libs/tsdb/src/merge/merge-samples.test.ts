// Merging equals the obvious model: a map from time to value, filled from the last chunk to the first.
import { isStaleNaN, SampleColumns, STALE_NAN } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkOf } from '../block/memory-block.ts';
import type { Chunk } from '../chunk/index.ts';
import { mergeSamples } from './merge-samples.ts';

type Samples = readonly (readonly [number, number])[];

const samples: fc.Arbitrary<Samples> = fc
  .uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 30 })
  .chain((times) =>
    fc.tuple(
      ...times
        .sort((a, b) => a - b)
        .map((time) => fc.tuple(fc.constant(time), fc.oneof(fc.integer(), fc.constant(STALE_NAN)))),
    ),
  );

function merged(chunks: readonly Chunk[], minT: number, maxT: number): [number, string][] {
  const out = new SampleColumns(1);
  out.push(-1, -1);
  mergeSamples(chunks, out, minT, maxT);
  expect(out.t[0]).toBe(-1);
  return Array.from({ length: out.count - 1 }, (_, at) => [out.t[at + 1]!, print(out.v[at + 1]!)]);
}

function print(value: number): string {
  return isStaleNaN(value) ? 'stale' : String(value);
}

describe('mergeSamples()', () => {
  it('lets the earlier chunk win and never repeats a timestamp', () => {
    fc.assert(
      fc.property(
        fc.array(samples, { maxLength: 8 }),
        fc.integer({ min: -10, max: 210 }),
        fc.integer({ min: -10, max: 210 }),
        (lists, minT, maxT) => {
          const model = new Map<number, string>();
          for (const list of [...lists].reverse()) {
            for (const [time, value] of list) model.set(time, print(value));
          }
          const wanted = [...model]
            .filter(([time]) => time >= minT && time <= maxT)
            .sort((a, b) => a[0] - b[0]);
          expect(merged(lists.map(chunkOf), minT, maxT)).toEqual(wanted);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuses encodings it cannot decode', () => {
    const chunk = { minT: 0, maxT: 1, encoding: 2, bytes: new Uint8Array(4) };
    expect(() => mergeSamples([chunk], new SampleColumns(), 0, 9)).toThrow('encoding 2');
  });
});
