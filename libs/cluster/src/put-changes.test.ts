// Two that change the same partition at once: the order decides, and the second works it out anew.
import { describe, expect, it } from 'vitest';
import type { Cluster, PartitionEntry } from './cluster.ts';
import { createMemoryCluster } from './memory/index.ts';
import { putChanges } from './put-changes.ts';
import { changeOf, scaleChanges } from './scaling.ts';

async function clusterOf(count: number): Promise<Cluster> {
  const cluster = createMemoryCluster();
  for (let partition = 0; partition < count; partition++) {
    await cluster.put({ kind: 'partition', partition, state: 'ACTIVE', sinceMs: 0, version: 1 });
  }
  return cluster;
}

/** Somebody else's change comes first, so many times. */
function outrun(cluster: Cluster, times: number): Cluster {
  let left = times;
  return {
    ...cluster,
    view: cluster.view,
    async put(entry) {
      if (left-- > 0) {
        const partition = (entry as PartitionEntry).partition;
        const present = cluster.view.partitions.get(partition)!;
        await cluster.put({ ...present, version: present.version + 1 });
      }
      await cluster.put(entry);
    },
  };
}

describe('changes of partitions', () => {
  it('are made anew after another came first (I2)', async () => {
    const cluster = await clusterOf(3);
    await putChanges(outrun(cluster, 2), (view) => scaleChanges(view, 1, 9));
    expect([...cluster.view.partitions.values()].map(({ state }) => state)).toEqual([
      'ACTIVE',
      'INACTIVE',
      'INACTIVE',
    ]);
  });

  it('are refused when others change it again and again', async () => {
    const cluster = await clusterOf(1);
    const change = putChanges(outrun(cluster, 99), (view) =>
      changeOf(view, 0, { kind: 'deactivate' }, 9),
    );
    await expect(change).rejects.toMatchObject({ kind: 'unavailable' });
    expect(cluster.view.partitions.get(0)!.state).toBe('ACTIVE');
  });

  it('of which one is refused are not made at all', async () => {
    const cluster = await clusterOf(3);
    await putChanges(cluster, (view) => changeOf(view, 2, { kind: 'lock' }, 9));
    const scaled = putChanges(cluster, (view) => scaleChanges(view, 1, 9));
    await expect(scaled).rejects.toMatchObject({ kind: 'invalid', status: 409 });
    expect(cluster.view.partitions.get(1)!.state).toBe('ACTIVE');
  });
});
