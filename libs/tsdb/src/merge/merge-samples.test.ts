// Merging equals the obvious model: a map from time to value (and start timestamp), filled from the last
// chunk to the first.
import { isStaleNaN, SampleColumns, STALE_NAN } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chunk, encodeFloatChunk } from '../chunk/index.ts';
import { mergeSamples } from './merge-samples.ts';

/** Time, value, start. */
type Samples = readonly (readonly [number, number, number])[];

const samples: fc.Arbitrary<Samples> = fc
  .uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 30 })
  .chain((times) =>
    fc.tuple(
      ...times
        .sort((a, b) => a - b)
        .map((time) =>
          fc.tuple(
            fc.constant(time),
            fc.oneof(fc.integer(), fc.constant(STALE_NAN)),
            fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constantFrom(time - 5, 3)),
          ),
        ),
    ),
  );

function chunkOf(list: Samples): Chunk {
  const columns = new SampleColumns(1, true);
  for (const [t, v, st] of list) columns.push(t, v, st);
  return encodeFloatChunk(columns, 0, list.length);
}

function merged(
  chunks: readonly Chunk[],
  minT: number,
  maxT: number,
  withStarts: boolean,
): [number, string][] {
  const out = new SampleColumns(1, withStarts);
  out.push(-1, -1);
  mergeSamples(chunks, out, minT, maxT);
  expect(out.t[0]).toBe(-1);
  return Array.from({ length: out.count - 1 }, (_, index) => {
    const at = index + 1;
    return [out.t[at]!, print(out.v[at]!, out.st === undefined ? -1 : out.st[at]!)];
  });
}

function print(value: number, start: number): string {
  return `${isStaleNaN(value) ? 'stale' : value} since ${start}`;
}

describe('mergeSamples()', () => {
  it('lets the earlier chunk win and never repeats a timestamp', () => {
    fc.assert(
      fc.property(
        fc.array(samples, { maxLength: 8 }),
        fc.integer({ min: -10, max: 210 }),
        fc.integer({ min: -10, max: 210 }),
        fc.boolean(),
        (lists, minT, maxT, withStarts) => {
          const model = new Map<number, string>();
          for (const list of [...lists].reverse()) {
            for (const [time, value, start] of list) {
              model.set(time, print(value, withStarts ? start : -1));
            }
          }
          const wanted = [...model]
            .filter(([time]) => time >= minT && time <= maxT)
            .sort((a, b) => a[0] - b[0]);
          expect(merged(lists.map(chunkOf), minT, maxT, withStarts)).toEqual(wanted);
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
