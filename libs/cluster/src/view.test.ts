// Questions about a view.
import { describe, expect, it } from 'vitest';
import type { OwnerEntry, PartitionEntry } from './cluster.ts';
import { viewOf } from './fold.ts';
import { activePartitions, answererOf, countShares, readPartitions } from './view.ts';

const partition = (number: number, state: PartitionEntry['state']): PartitionEntry => ({
  ...{ kind: 'partition', partition: number, state, sinceMs: 0, version: 1 },
});

describe('a view', () => {
  it('tells which partitions are written, read and counted', () => {
    const states = ['ACTIVE', 'PENDING', 'INACTIVE', 'DELETED', 'ACTIVE'] as const;
    const view = viewOf(states.map((state, number) => partition(number, state)).reverse());
    expect([activePartitions(view), readPartitions(view)]).toEqual([
      [0, 4],
      [0, 2, 4],
    ]);
    expect(countShares(view)).toBe(3);
  });

  it('leaves out partitions that who writes does not know yet', () => {
    const view = viewOf([0, 1, 2].map((number) => partition(number, 'ACTIVE')));
    expect([3, 2, 0].map((count) => activePartitions(view, count))).toEqual([
      ...[[0, 1, 2], [0, 1], []],
    ]);
  });

  it('names who answers: the owner, or until it serves who hands over', () => {
    const owner: OwnerEntry = {
      ...{ kind: 'owner', partition: 0, zone: '', instance: 'a', serving: true, claim: 1 },
    };
    expect(answererOf(owner)).toBe('a');
    expect(answererOf({ ...owner, handedBy: 'b' })).toBe('a');
    expect(answererOf({ ...owner, handedBy: 'b', serving: false })).toBe('b');
    expect(answererOf({ ...owner, serving: false })).toBe(undefined);
  });
});
