// What changes and what is refused, without a cluster.
import { describe, expect, it } from 'vitest';
import type { ClusterState, PartitionStatus } from './cluster-state.ts';
import { planDrain, planLock, planScale } from './plans.ts';
import { healthy, ingester, owner, partition } from './testing.ts';

const withPartition = (id: number, more: Partial<PartitionStatus>): ClusterState => {
  const state = healthy();
  const partitions = state.partitions.map((one) => (one.id === id ? { ...one, ...more } : one));
  return { ...state, partitions };
};

describe('scaling', () => {
  it('writes the first partitions and no others', () => {
    expect(planScale(healthy(), 4)).toEqual({ activate: [], deactivate: [], refusals: [] });
    expect(planScale(healthy(), 1)).toEqual({ activate: [], deactivate: [1, 2, 3], refusals: [] });
    const less = withPartition(0, { state: 'INACTIVE' });
    expect(planScale(less, 3)).toEqual({ activate: [0], deactivate: [3], refusals: [] });
  });

  it('is refused below one partition, and above what there is', () => {
    expect(planScale(healthy(), 0).refusals[0]).toContain('at least one');
    expect(planScale(healthy(), 4).refusals).toEqual([]);
    expect(planScale(healthy(), 5).refusals[0]).toContain('the cluster has 4 partitions');
  });

  it('is refused by a lock where the state would change, and only there', () => {
    const locked = withPartition(3, { locked: true });
    expect(planScale(locked, 4).refusals).toEqual([]);
    expect(planScale(locked, 3).refusals).toEqual([
      'partition 3 is locked: unlock it first, if who locked it agrees',
    ]);
  });

  it('is refused where nobody ships what a partition holds', () => {
    const nobody = withPartition(3, { owners: [owner('b', { serving: false })] });
    expect(planScale(nobody, 3).refusals[0]).toContain('nobody ships what it holds');
    expect(planScale(nobody, 4).refusals).toEqual([]);
  });

  it('is refused where what is pushed could not be queried', () => {
    const nobody = withPartition(3, { state: 'INACTIVE', owners: [] });
    expect(planScale(nobody, 4).refusals[0]).toContain('could not be queried');
    const pending = withPartition(3, { state: 'PENDING', owners: [] });
    expect(planScale(pending, 4)).toMatchObject({ activate: [3], refusals: [] });
    const drained = withPartition(3, { state: 'INACTIVE', drainedFor: 'b' });
    expect(planScale(drained, 4).refusals[0]).toContain('by itself');
  });
});

describe('draining', () => {
  it('is fine where another ingester of the zone is there', () => {
    expect(planDrain(healthy(), 'a')).toEqual([]);
  });

  it('is refused for an ingester that is not there, or not heard of', () => {
    expect(planDrain(healthy(), 'c')).toEqual(['there is no ingester c; there are: a, b']);
    const gone = { ...healthy(), ingesters: [ingester('a', { healthy: false }), ingester('b')] };
    expect(planDrain(gone, 'a')[0]).toContain('has not been heard of');
  });

  it('is refused where nobody could take over', () => {
    for (const other of [
      [],
      [ingester('b', { healthy: false })],
      [ingester('b', { draining: true })],
      [ingester('b', { zone: 'z' })],
    ]) {
      const alone = { ...healthy(), ingesters: [ingester('a'), ...other] };
      expect(planDrain(alone, 'a')[0]).toContain('start another ingester first');
    }
    const all = {
      ingesters: [ingester('a')],
      partitions: [partition(0, [owner('a')])],
    };
    expect(planDrain(all, 'a')[0]).toContain('no push would be taken');
  });

  it('is fine where another zone has caught up with all of it', () => {
    const zones = (serving: boolean) => ({
      ingesters: [ingester('a', { zone: 'x' }), ingester('b', { zone: 'y' })],
      partitions: [partition(0, [owner('a', { zone: 'x' }), owner('b', { zone: 'y', serving })])],
    });
    expect(planDrain(zones(true), 'a')).toEqual([]);
    expect(planDrain(zones(false), 'a')).toHaveLength(1);
  });

  it('is refused while a partition of it is locked or PENDING', () => {
    expect(planDrain(withPartition(2, { locked: true }), 'a')[0]).toContain('is locked');
    expect(planDrain(withPartition(2, { state: 'PENDING' }), 'a')[0]).toContain('is PENDING');
    expect(planDrain(withPartition(2, { locked: true }), 'b')).toEqual([]);
  });
});

it('locks only what is there', () => {
  expect(planLock(healthy(), [0, 3])).toEqual([]);
  expect(planLock(healthy(), [3, 4])).toEqual(['there is no partition 4']);
});
