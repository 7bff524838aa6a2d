// The directory of pages tells which rows count: one of these that is gone is damage, the others are not
// missed.
import { describe, expect, it } from 'vitest';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { record, series, writeRequest } from '../records/record-fixture.ts';
import { key, LABELS, OPEN, PAGES_KEY } from './rows.ts';

async function filled() {
  const store = createMemoryHeadStore();
  const head = await openPartitionHead({ partition: 0 }, { store });
  for (let step = 0; step < 6; step++) {
    // Three pages, of which one gets another series in the middle, and one is not changed any more.
    const names = step < 2 ? ['a', 'b', 'c'] : ['a', 'b'];
    const all = names.map((name) => series({ __name__: name, x: '1' }, [step * 15_000, step]));
    if (step > 2) all.push(series({ __name__: 'b', x: '2' }, [step * 15_000, step]));
    head.apply([record(step, writeRequest(...all))], step + 1);
    await head.checkpoint();
  }
  return { store, digest: head.digest() };
}

describe('the directory of pages', () => {
  it('names one row of each pair, and one that is gone is damage', async () => {
    const { store, digest } = await filled();
    for (const kind of [LABELS, OPEN]) {
      for (const page of [0, 1, 2]) {
        const outcomes: string[] = [];
        for (const slot of [0, 1]) {
          const damaged = store.copy();
          await damaged.write({ puts: [], deletes: [key(kind, page, slot)] }, true);
          outcomes.push(
            await openPartitionHead({ partition: 0 }, { store: damaged }).then(
              (head) => (head.digest() === digest ? 'same' : 'other'),
              (error) => error.kind,
            ),
          );
        }
        expect(outcomes.sort()).toEqual(['corrupt', 'same']);
      }
    }
  });

  it('is damage where it is missing', async () => {
    const { store } = await filled();
    await store.write({ puts: [], deletes: [PAGES_KEY] }, true);
    await expect(openPartitionHead({ partition: 0 }, { store })).rejects.toThrow(
      'no directory of pages',
    );
  });
});
