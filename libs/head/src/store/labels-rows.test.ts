// Labels rows: what was written comes back, whatever series share; anything else is corrupt, never an
// error of another kind.
import { isKind } from '@weir/errors';
import { encodeLabels, type Label } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pages } from '../pages/pages.ts';
import { hashView } from '../series/hash-view.ts';
import { SeriesStore } from '../series/series-store.ts';
import { encodeLabelsRow, LabelsRow } from './labels-rows.ts';

const TENANT = 3;

interface Told {
  readonly slot: number;
  readonly hash: number;
  readonly labels: string;
}

/** A row of series in the slots that are not undefined; and what it must tell. */
function rowOf(slots: readonly (readonly Label[] | undefined)[]): {
  row: Uint8Array;
  told: Told[];
} {
  const store = new SeriesStore();
  const pages = new Pages();
  const page = pages.addPage(pages.metric(TENANT, 'm'));
  const told: Told[] = [];
  for (const [slot, labels] of slots.entries()) {
    if (labels === undefined) continue;
    const bytes = encodeLabels(labels);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const hash = store.hash(view, 0, bytes.length, TENANT);
    pages.set(page, slot, store.add(view, 0, bytes.length, hash));
    told.push({ slot, hash, labels: Buffer.from(bytes).toString('hex') });
  }
  return { row: encodeLabelsRow(store, page, 7).slice(), told };
}

function read(row: Uint8Array): Told[] {
  const told: Told[] = [];
  const cursor = new LabelsRow().reset(row);
  while (cursor.next()) {
    const { slot, hash, bytes, view, length, labels, lengths } = cursor;
    let from = 0;
    for (let label = 0; label < labels; label++) {
      if (cursor.same[label] === 0) {
        expect(cursor.hashes[label]).toBe(hashView(view, from, from + lengths[label], TENANT));
      }
      from += lengths[label];
    }
    expect(from).toBe(length);
    told.push({ slot, hash, labels: Buffer.from(bytes.subarray(0, length)).toString('hex') });
  }
  return told;
}

const text = fc.oneof(
  fc.constantFrom('a', 'job', 'instance', 'x'.repeat(200)),
  fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
);
const labelSet = fc
  .uniqueArray(fc.record({ name: text, value: text }), {
    selector: ({ name }) => name,
    minLength: 1,
    maxLength: 12,
  })
  .map((labels) => [{ name: '__name__', value: 'm' }, ...labels]);
const slots = fc.array(fc.option(labelSet, { nil: undefined }), { minLength: 1, maxLength: 64 });

describe('a labels row', () => {
  it('tells what was written', () => {
    fc.assert(
      fc.property(slots, (all) => {
        const { row, told } = rowOf(all);
        expect(read(row)).toEqual(told);
      }),
      { numRuns: 200 },
    );
  });

  it('writes what series share once', () => {
    const series = Array.from({ length: 64 }, (_, at) => [
      { name: '__name__', value: 'requests_total' },
      { name: 'cluster', value: 'production-europe-west-1' },
      { name: 'instance', value: `10.40.0.${at}:8080` },
    ]);
    const whole = series.reduce((sum, labels) => sum + encodeLabels(labels).length, 0);
    expect(rowOf(series).row.length).toBeLessThan(whole / 1.8);
  });

  it('is corrupt when cut or changed, or tells something, but fails in no other way', () => {
    fc.assert(
      fc.property(slots, fc.nat(), fc.nat(), fc.nat(255), (all, cut, at, by) => {
        const { row } = rowOf(all);
        const damaged = row.slice(0, 12 + (cut % (row.length - 11)));
        if (damaged.length > 12) damaged[12 + (at % (damaged.length - 12))] ^= by;
        try {
          const cursor = new LabelsRow().reset(damaged);
          while (cursor.next()) expect(cursor.slot).toBeLessThan(64);
        } catch (error) {
          if (!isKind(error, 'corrupt')) throw error;
        }
      }),
      { numRuns: 500 },
    );
    for (const size of [0, 11]) {
      expect(() => new LabelsRow().reset(new Uint8Array(size))).toThrow('damaged');
    }
  });
});
