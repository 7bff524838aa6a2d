// An ingester and the life of its partitions: made and activated at the start, deleted once they hold nothing.
import { afterEach, describe, expect, it } from 'vitest';
import { createWorld, START_MS, until, type World } from './testing/world.ts';

const HOUR_MS = 3_600_000;
let world: World;
afterEach(() => world.destroy());

const stateOf = (partition: number) => world.cluster.view.partitions.get(partition)?.state;

describe('partitions of an ingester', () => {
  it('are made for all that the log has, and written once they are served', async () => {
    world = await createWorld({ partitions: 3 });
    const { ingester } = await world.begin();
    await until(
      () => ingester.readiness().ready,
      () => ingester.readiness().reason,
    );
    expect([0, 1, 2, 3].map(stateOf)).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE', undefined]);
    expect(world.cluster.view.partitions.get(2)!.version).toBe(2);
  });

  it('stay as they are when another ingester starts', async () => {
    world = await createWorld();
    const inactive = { kind: 'partition', partition: 0, state: 'INACTIVE', version: 4 } as const;
    await world.cluster.put({ ...inactive, sinceMs: START_MS });
    const { ingester } = await world.begin();
    await until(
      () => ingester.readiness().ready,
      () => ingester.readiness().reason,
    );
    expect(world.cluster.view.partitions.get(0)).toEqual({ ...inactive, sinceMs: START_MS });
  });

  it('are not ready while they are not written, but for locks and people who wait for zones', async () => {
    world = await createWorld();
    const pending = { kind: 'partition', partition: 0, state: 'PENDING', version: 1 } as const;
    await world.cluster.put({ ...pending, sinceMs: 0 });
    const flags = { ownersMinMs: 1 };
    const { ingester } = await world.beginWith({ flags });
    const reason = 'partition 0 is not written yet';
    await until(
      () => ingester.readiness().reason === reason,
      () => ingester.readiness().reason,
    );
    expect(ingester.readiness().ready).toBe(false);
    await world.cluster.put({ ...pending, sinceMs: 0, version: 2, lockedSinceMs: 0 });
    expect(ingester.readiness().ready).toBe(true);
  });

  it.each([true, false])('are deleted after their time only when empty (%s)', async (empty) => {
    world = await createWorld();
    const { ingester } = await world.begin();
    await until(
      () => ingester.readiness().ready,
      () => ingester.readiness().reason,
    );
    if (!empty) {
      await world.push([{ labels: { __name__: 'up' }, t: START_MS, v: 1 }]);
      await ingester.waitApplied(new Map([[0, 1]]));
    }
    const { version } = world.cluster.view.partitions.get(0)!;
    const inactive = { kind: 'partition', partition: 0, state: 'INACTIVE' } as const;
    await world.cluster.put({
      ...inactive,
      sinceMs: START_MS - 13 * HOUR_MS,
      version: version + 1,
    });
    let looks = 0;
    world.clock.advance(5_000);
    await until(
      () => stateOf(0) === undefined || ++looks > 2_000,
      () => 'deleted',
    );
    expect(stateOf(0)).toBe(empty ? undefined : 'INACTIVE');
    expect(world.cluster.view.deleted.has(0)).toBe(empty);
  });
});
