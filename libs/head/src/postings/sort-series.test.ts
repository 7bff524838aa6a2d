// Sorting by what differs gives the order that comparing whole label sets gives.
import { compareBytes } from '@weir/bytes';
import { compareLabels, encodeLabels } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeriesStore } from '../series/series-store.ts';
import { sortSeries } from './sort-series.ts';

type Labels = { name: string; value: string }[];

/** The label sets in the order of sortSeries(). */
function sorted(sets: readonly Labels[]): Uint8Array[] {
  const store = new SeriesStore();
  const refs = sets.map((set) => {
    const bytes = encodeLabels(set);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const ref = store.takeRef();
    store.add(ref, view, 0, bytes.length, 0, new Int32Array(0), 0);
    return ref;
  });
  const order = Uint32Array.from(refs);
  for (const _ of sortSeries(store, order));
  return [...order].map((ref) => store.labelsOf(ref).slice());
}

function expectOrder(sets: readonly Labels[]): void {
  const expected = sets.map(encodeLabels).sort((a, b) => compareLabels(a, b));
  const found = sorted(sets);
  expect(found.length).toBe(expected.length);
  expect(found.every((labels, at) => compareBytes(labels, expected[at]!) === 0)).toBe(true);
}

describe('sortSeries', () => {
  it('sorts series that differ late, in values of different lengths', () => {
    const sets = Array.from({ length: 5000 }, (_, at) => [
      { name: '__name__', value: 'm' },
      { name: 'cluster', value: `eu-west-${at % 3}` },
      {
        name: 'instance',
        value: `10.${(at * 7919) % 1000}.${at}:${at % 11}`.padEnd(100 + (at % 60), 'x'),
      },
      { name: 'variant', value: `${at}` },
    ]);
    expectOrder(sets);
  });

  it('tells the end of a value from a zero byte', () => {
    const sets = Array.from({ length: 200 }, (_, at) => [
      { name: 'a', value: ['x', 'x\0', 'x\0\0'][at % 3]! },
      { name: 'b', value: `${(at * 7) % 200}` },
    ]);
    expectOrder(sets);
  });

  it('sorts any label sets', () => {
    const name = fc.constantFrom('a', 'b', 'bb', 'c');
    const value = fc.oneof(
      fc.constantFrom(
        'a',
        'aa',
        'aaaaaaa',
        'aaaaaaab',
        'a\0',
        'a\0\0',
        '\0',
        'ÿ',
        '\u{1f600}',
        'x'.repeat(130),
      ),
      fc.string({ minLength: 1, maxLength: 3 }),
    );
    const labels = fc.dictionary(name, value, { maxKeys: 4 });
    const set = fc.oneof(
      labels.map((found) => ({ a: 'a', b: 'aaaaaaa', ...found })),
      labels,
    );
    fc.assert(
      fc.property(fc.array(set, { minLength: 0, maxLength: 150 }), (dictionaries) => {
        const unique = new Map<string, Labels>();
        for (const dictionary of dictionaries) {
          const found = Object.entries(dictionary)
            .map(([name, value]) => ({ name, value }))
            .sort((a, b) => (a.name < b.name ? -1 : 1));
          if (found.length > 0) unique.set(JSON.stringify(found), found);
        }
        expectOrder([...unique.values()]);
      }),
      { numRuns: 200 },
    );
  });
});
