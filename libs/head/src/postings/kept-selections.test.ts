// What matchers select is told again without looking, until a series comes or goes.
import { createMatcher, labelsOf, type Matcher } from '@weir/model';
import { describe, expect, it } from 'vitest';
import { KeptSelections } from './kept-selections.ts';
import { LabelIndex } from './label-index.ts';

function world(bytesMax = 1e6) {
  const index = new LabelIndex();
  const kept = new KeptSelections(index, () => bytesMax);
  let looked = 0;
  const watched = (matcher: Matcher): Matcher => ({
    ...matcher,
    // A getter, as a list of values is looked up without a call.
    get values() {
      looked++;
      return matcher.values;
    },
    matches: (value) => {
      looked++;
      return matcher.matches(value);
    },
  });
  return {
    index,
    kept,
    add(ref: number, pod: string, tenant = 0) {
      const bytes = labelsOf({ __name__: 'up', pod });
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      index.addSeries(tenant, ref, bytes, view, 0, bytes.length);
    },
    forget(tenant = 0) {
      const pairs = index.lastPairs.slice(0, index.lastPairCount);
      index.forgetSeries(tenant, pairs, pairs.length);
    },
    select(value: string, op: Matcher['op'] = '=~', tenant = 0) {
      const before = looked;
      const refs = kept.select(tenant, [watched(createMatcher({ name: 'pod', op, value }))]);
      return { refs: [...refs], looked: looked > before };
    },
  };
}

describe('kept selections', () => {
  it('are told again until a series comes or goes', () => {
    const { add, forget, select } = world();
    add(1, 'a1');
    add(2, 'b1');
    expect(select('a.+')).toEqual({ refs: [1], looked: true });
    expect(select('a.+')).toEqual({ refs: [1], looked: false });
    add(3, 'a2', 1);
    expect(select('a.+')).toEqual({ refs: [1], looked: false });
    add(4, 'a4');
    expect(select('a.+')).toEqual({ refs: [1, 4], looked: true });
    forget();
    expect(select('a.+').looked).toBe(true);
  });

  it('are of their tenant, name, operator and value', () => {
    const { add, select } = world();
    add(1, 'a1');
    add(2, 'b1');
    add(3, 'a1', 1);
    expect(select('a1', '=').refs).toEqual([1]);
    expect(select('a1', '!=').refs).toEqual([2]);
    expect(select('a1', '=', 1).refs).toEqual([3]);
    expect(select('a1', '=~').refs).toEqual([1]);
    expect(select('b1', '=').refs).toEqual([2]);
  });

  it('are the caller’s own, and bounded', () => {
    const { add, kept } = world(4_000);
    for (let ref = 0; ref < 400; ref++) add(ref, `p${ref % 20}`);
    const one = (pod: number) => [createMatcher({ name: 'pod', op: '=', value: `p${pod}` })];
    kept.select(0, one(1)).fill(9);
    expect(kept.select(0, one(1))[0]).toBe(1);
    kept.select(0, one(1)).fill(9);
    expect(kept.select(0, one(1))[0]).toBe(1);
    for (let pod = 0; pod < 20; pod++) kept.select(0, one(pod));
    expect(kept.sizeBytes).toBeGreaterThan(0);
    expect(kept.sizeBytes).toBeLessThanOrEqual(4_000);
    kept.select(0, [createMatcher({ name: 'pod', op: '=~', value: 'p.*' })]);
    expect(kept.sizeBytes).toBeLessThanOrEqual(4_000);
  });
});
