// A group whose series are all gone gives its memory back; a checkpoint that wants its image then hears of it
// before the group begins anew.
import { describe, expect, it } from 'vitest';
import { SeriesStore, SLAB_BITS } from './series-store.ts';
import { DIRTY, PENDING } from './slab-flags.ts';

const NO_PAIRS = new Int32Array(0);

describe('SeriesStore', () => {
  it('tells of a released group before it is used again', () => {
    const store = new SeriesStore();
    const view = new DataView(new ArrayBuffer(8));
    const refs = Array.from({ length: 1 << SLAB_BITS }, (_, hash) => {
      const ref = store.takeRef();
      store.add(ref, view, 0, 8, hash + 1, NO_PAIRS, 0);
      return ref;
    });
    for (const ref of refs) store.remove(ref);
    store.reuse(refs);
    expect(store.hasGroup(0)).toBe(false);
    const told: boolean[] = [];
    store.watcher = {
      beforeGroup: (group, flags) => {
        expect(flags).toBe(PENDING);
        told.push(store.hasGroup(group));
      },
      beforeBlocks: () => {},
      beforePairs: () => {},
    };
    store.groupFlags[0] = PENDING;
    expect(store.takeRef()).toBe(0);
    expect(told).toEqual([false]);
    expect(store.groupFlags[0]).toBe(DIRTY);
  });

  it('knows nothing of series by numbers that are given away again', () => {
    const store = new SeriesStore();
    store.memo.prints(3)[6] = 77;
    store.memo.leaders('by job').set(3, 2);
    expect(store.memo.prints(3)[6]).toBe(77);
    expect(store.memo.leaders('by job').of(3)).toBe(2);
    store.reuse([3]);
    expect(store.memo.prints(3)[6]).toBe(0);
    expect(store.memo.leaders('by job').of(3)).toBe(-1);
  });
});
