// Groups are those of the labels, whatever earlier queries of the same series have left in the memo.
import { type LabelBytes, labelsOf, SeriesMemo } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupNumbers, groupProjection } from './group-numbers.ts';
import { Row } from './rows.ts';

const SERIES: readonly LabelBytes[] = Array.from({ length: 60 }, (_, at) =>
  labelsOf({
    __name__: 'm',
    job: `j${at % 4}`,
    ...(at % 3 === 0 ? {} : { pod: `p${at % 7}` }),
    i: `${at}`,
  }),
);

const grouping = fc.record({
  without: fc.boolean(),
  grouping: fc.subarray(['job', 'pod', 'i', 'absent']),
});

/** Of the rows, in their order, the labels of the groups that they are in. */
function groupsOf(
  node: { readonly without: boolean; readonly grouping: string[] },
  numbers: readonly number[],
  memo: SeriesMemo,
  forgetAt = -1,
): string[] {
  const groups = new GroupNumbers(node);
  const origin = { memo, number: 0 };
  const row = new Row(1);
  row.origin = origin;
  return numbers.map((number, at) => {
    if (at === forgetAt) memo.forget();
    origin.number = number;
    row.labels = SERIES[number]!;
    row.originLabels = row.labels;
    return String(groups.labelsOf(groups.of(row)));
  });
}

describe('group numbers', () => {
  it('are those of the labels after any earlier queries', () => {
    const query = fc.tuple(
      grouping,
      fc.array(fc.nat(SERIES.length - 1), { maxLength: 40 }),
      fc.integer({ min: -1, max: 40 }),
    );
    fc.assert(
      fc.property(fc.array(query, { maxLength: 12 }), (queries) => {
        const memo = new SeriesMemo();
        for (const [node, numbers, forgetAt] of queries) {
          const projection = groupProjection(node);
          const expected = numbers.map((number) => String(projection.project(SERIES[number]!)));
          expect(groupsOf(node, numbers, memo, forgetAt)).toEqual(expected);
        }
      }),
    );
  });

  it('are of the labels that a row has now, where a function has changed them', () => {
    const memo = new SeriesMemo();
    const node = { without: false, grouping: ['job'] };
    groupsOf(node, [0, 1, 2, 3], memo);
    const groups = new GroupNumbers(node);
    const row = new Row(1);
    row.origin = { memo, number: 1 };
    row.originLabels = SERIES[1]!;
    row.labels = labelsOf({ job: 'other' });
    expect(groups.labelsOf(groups.of(row))).toEqual(labelsOf({ job: 'other' }));
  });
});
