// The ingester over its fakes: what it reads back, what survives which loss, and that a death at any
// point of shipping neither loses nor doubles a sample.
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest, writeManifest } from '@weir/catalog';
import type { InstanceEntry } from '@weir/cluster';
import { WeirError } from '@weir/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { printed, ready, sample } from './testing/samples.ts';
import {
  createFate,
  createWorld,
  type Process,
  readAll,
  readBucket,
  until,
  type World,
} from './testing/world.ts';

const HOUR_MS = 3_600_000;
const GROUP = 'weir-default';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.destroy());

describe('a running ingester', () => {
  it('answers what was pushed, before and after it was ready', async () => {
    await world.push([sample('up', 0, 1)]);
    const process = await world.begin();
    expect(process.ingester.readiness().ready).toBe(false);
    await ready(process);
    await world.push([sample('up', 15_000, 2), sample('down', 15_000, 3)]);
    await process.ingester.waitApplied(new Map([[0, 2]]));
    const { samples, heldBlocks } = await readAll(process.ingester);
    expect(samples).toEqual([
      printed('down', 15_000, 3),
      printed('up', 0, 1),
      printed('up', 15_000, 2),
    ]);
    expect(heldBlocks).toEqual([]);
  });

  it('tells series and rates of all tenants, or of one', async () => {
    const process = await world.begin();
    await ready(process);
    await world.push([sample('up', 0, 1), sample('down', 0, 1)]);
    await process.ingester.waitApplied(new Map([[0, 1]]));
    const stats = async (tenant: string) => {
      const ask = { kind: 'tenantStats', tenant, matchers: [], minT: 0, maxT: 0 } as const;
      const { signal } = new AbortController();
      for await (const message of process.ingester.read.read({ ...ask, partitions: [0] }, signal)) {
        return JSON.parse(Buffer.from(message).toString());
      }
    };
    const all = await stats('');
    expect(all).toMatchObject([{ partition: 0, apiRate: 0, ruleRate: 0 }]);
    expect(await stats(all[0].tenant)).toEqual(all);
    expect(await stats('nobody')).toEqual([]);
  });

  it('creates nothing on disk for a partition without records', async () => {
    const process = await world.begin();
    await ready(process);
    await expect(access(join(world.dir, 'tsdb'))).rejects.toThrow('ENOENT');
    expect((await readAll(process.ingester)).samples).toEqual([]);
  });

  it('registers again at once when somebody took it for gone, and stays away once it stops', async () => {
    const process = await world.begin();
    await ready(process);
    const [[id, entry]] = [...world.cluster.view.instances] as [[string, InstanceEntry]];
    await world.cluster.remove(entry);
    await until(
      () => world.cluster.view.instances.has(id),
      () => 'not registered',
    );
    await process.ingester.stop();
    expect(world.cluster.view.instances.has(id)).toBe(false);
  });

  it('refuses to read a partition it does not own', async () => {
    const process = await world.begin();
    await ready(process);
    await expect(readAll(process.ingester, [0, 7])).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('passes records whose key is no tenant', async () => {
    await world.log.produce([
      { partition: 0, key: new TextEncoder().encode('../x'), value: new Uint8Array(1), version: 1 },
    ]);
    await world.push([sample('up', 0, 1)]);
    const process = await world.begin();
    await ready(process);
    expect((await readAll(process.ingester)).samples).toEqual([printed('up', 0, 1)]);
  });

  it('ends a wait for a position with the reason of its signal', async () => {
    const process = await world.begin();
    await ready(process);
    const abort = new AbortController();
    const waiting = process.ingester.waitApplied(new Map([[0, 99]]), abort.signal);
    abort.abort(new WeirError('timeout', 'too long'));
    await expect(waiting).rejects.toMatchObject({ kind: 'timeout' });
  });
});

describe('shipping', () => {
  it('flush puts a block into the bucket, commits, and reads on without a seam', async () => {
    const process = await world.begin();
    await ready(process);
    await world.push([sample('up', 0, 1)]);
    await world.push([sample('up', 15_000, 2)]);
    await process.ingester.waitApplied(new Map([[0, 2]]));
    await process.ingester.flush({ wait: true });
    await world.push([sample('up', 30_000, 3)]);
    await process.ingester.waitApplied(new Map([[0, 3]]));

    const { samples, heldBlocks } = await readAll(process.ingester);
    expect(samples).toEqual([
      printed('up', 0, 1),
      printed('up', 15_000, 2),
      printed('up', 30_000, 3),
    ]);
    const blocks = await readBucket(world.bucket);
    expect([...blocks.keys()]).toEqual(heldBlocks);
    expect([...blocks.values()].flat()).toEqual([printed('up', 0, 1), printed('up', 15_000, 2)]);
    expect((await world.log.committed(GROUP, 0))?.nextOffset).toBe(2);
  });

  it('cuts by event time, without being asked', async () => {
    const process = await world.begin();
    await ready(process);
    await world.push([sample('up', 0, 1), sample('up', 3 * HOUR_MS, 2)]);
    await process.ingester.waitApplied(new Map([[0, 1]]));
    world.clock.advance(60_000);
    await until(
      () => process.ingester.readiness().ready,
      () => 'still ready',
    );
    await shipped(1);
    expect([...(await readBucket(world.bucket)).values()].flat()).toEqual([printed('up', 0, 1)]);
    // The record also holds a sample that is not shipped.
    expect(await world.log.committed(GROUP, 0)).toBeUndefined();
  });

  it('loses nothing while the bucket fails, and ships when it works again', async () => {
    let failing = true;
    const bucket = {
      ...world.bucket,
      put: (...args: Parameters<typeof world.bucket.put>) =>
        failing ? Promise.reject(new WeirError('unavailable', 'down')) : world.bucket.put(...args),
      putFile: (...args: Parameters<typeof world.bucket.putFile>) =>
        failing
          ? Promise.reject(new WeirError('unavailable', 'down'))
          : world.bucket.putFile(...args),
    };
    const process = await world.begin(createFate(), bucket);
    await ready(process);
    await world.push([sample('up', 0, 1)]);
    await process.ingester.waitApplied(new Map([[0, 1]]));
    await expect(process.ingester.flush({ wait: true })).rejects.toMatchObject({
      kind: 'unavailable',
    });
    expect((await readAll(process.ingester)).samples).toContain(printed('up', 0, 1));
    expect(await world.log.committed(GROUP, 0)).toBeUndefined();
    failing = false;
    await process.ingester.flush({ wait: true });
    expect([...(await readBucket(world.bucket)).values()]).toEqual([[printed('up', 0, 1)]]);
    expect((await world.log.committed(GROUP, 0))?.nextOffset).toBe(1);
  });

  it('merges with the manifest of a former owner, and stops at that of a later one', async () => {
    const process = await world.begin();
    await ready(process);
    await world.push([sample('up', 0, 1)]);
    await process.ingester.waitApplied(new Map([[0, 1]]));
    const { topicId } = world.log;
    const other = { tenant: 'tenant-b', minT: 0, maxT: 7_200_000, throughOffset: 0, blocks: [] };
    const former = { topicId, partition: 0, epoch: 0, windows: [other] };
    await writeManifest(world.bucket, former, undefined);
    await process.ingester.flush({ wait: true });
    const merged = (await readManifest(world.bucket, topicId, 0))!;
    expect(merged.manifest.windows.map(({ tenant }) => tenant)).toEqual(['tenant-b', 'tenant-a']);

    const later = { ...merged.manifest, epoch: 99 };
    const etag = await writeManifest(world.bucket, later, merged.etag);
    await world.push([sample('up', 15_000, 2)]);
    await process.ingester.waitApplied(new Map([[0, 2]]));
    await expect(process.ingester.flush({ wait: true })).rejects.toMatchObject({ kind: 'fenced' });
    expect((await readManifest(world.bucket, topicId, 0))?.etag).toBe(etag);
    expect((await world.log.committed(GROUP, 0))?.nextOffset).toBe(1);
    expect((await readAll(process.ingester)).samples).toContain(printed('up', 15_000, 2));
  });

  it('claims its partition again when somebody outbid it whom the group does not give it to', async () => {
    const process = await world.begin();
    await ready(process);
    const ownerNow = () => world.cluster.view.owners.get('0/');
    const other = { kind: 'owner', partition: 0, zone: '', instance: 'host-2' } as const;
    await world.cluster.put({ ...other, serving: false, claim: 50 });
    expect(ownerNow()?.instance).toBe('host-2');
    await until(
      () => {
        world.clock.advance(1_000);
        return ownerNow()?.instance === 'host-1' && ownerNow()!.serving;
      },
      () => `owner: ${JSON.stringify(ownerNow())}`,
    );
    await world.push([sample('up', 0, 1)]);
    await process.ingester.waitApplied(new Map([[0, 1]]));
    expect((await readAll(process.ingester)).samples).toEqual([printed('up', 0, 1)]);
  });

  it('serves on when an entry of its own former life arrives late', async () => {
    const process = await world.begin();
    await ready(process);
    const ownerNow = () => world.cluster.view.owners.get('0/')!;
    const announced = ownerNow();
    expect(announced.serving).toBe(true);
    await world.cluster.put({ ...announced, serving: false });
    await until(
      () => ownerNow().serving,
      () => `owner: ${JSON.stringify(ownerNow())}`,
    );
    expect(process.ingester.readiness().ready).toBe(true);
  });

  it('deletes local blocks only after the retention period, and an hour after the upload', async () => {
    const process = await world.begin();
    await ready(process);
    await world.push([sample('up', 0, 1)]);
    await process.ingester.waitApplied(new Map([[0, 1]]));
    await process.ingester.flush({ wait: true });
    world.clock.advance(14 * HOUR_MS);
    await process.ingester.flush({ wait: true });
    expect((await readAll(process.ingester)).heldBlocks).toHaveLength(1);
    world.clock.advance(2 * HOUR_MS);
    await process.ingester.flush({ wait: true });
    expect((await readAll(process.ingester)).heldBlocks).toEqual([]);
    expect(await readdir(join(world.dir, 'tsdb/0/blocks/tenant-a'))).toEqual([]);
  });

  async function shipped(count: number): Promise<void> {
    for (let turn = 0; turn < 1_000_000; turn++) {
      if ((await readBucket(world.bucket)).size >= count) return;
      // A cut rests now and then.
      world.clock.advance(1);
      await world.clock.yield();
    }
    throw new Error('no block was shipped');
  }
});

describe('stopping', () => {
  it('closes the workers though the cluster can not be written, and says so', async () => {
    let failing = false;
    const refuse = async () => {
      if (failing) throw new WeirError('unavailable', 'the cluster is down');
    };
    const cluster = {
      ...world.cluster,
      view: world.cluster.view,
      put: async (...args: Parameters<typeof world.cluster.put>) => {
        await refuse();
        await world.cluster.put(...args);
      },
      remove: async (...args: Parameters<typeof world.cluster.remove>) => {
        await refuse();
        await world.cluster.remove(...args);
      },
    };
    const process = await world.beginWith({ cluster });
    await ready(process);
    await world.push([sample('up', 0, 1)]);
    await process.ingester.waitApplied(new Map([[0, 1]]));
    failing = true;
    await expect(process.ingester.stop()).rejects.toThrow('the cluster is down');
    expect(process.workersClosed).toBe(true);
    expect([...world.disk.values()].map(({ position }) => position)).toEqual([1]);
  });
});

describe('two ingesters', () => {
  it('share the partitions, and each goes on where the other stood', async () => {
    await world.destroy();
    world = await createWorld({ partitions: 2 });
    const first = await world.begin();
    await ready(first);
    await world.push([sample('up', 0, 1)], 1);
    await first.ingester.waitApplied(new Map([[1, 1]]));
    const second = await world.begin(createFate(), world.bucket, 'host-2');
    await ready(second);
    await until(
      () => second.ingester.readiness().ready && first.ingester.readiness().ready,
      () => 'both ready',
    );
    // Both answer for a moment: who asks may not know yet.
    expect((await readAll(first.ingester, [1])).samples).toEqual([printed('up', 0, 1)]);
    expect((await readAll(second.ingester, [1])).samples).toEqual([printed('up', 0, 1)]);
    world.clock.advance(2000);
    await expect(readAll(first.ingester, [1])).rejects.toMatchObject({ kind: 'unavailable' });
    expect((await readAll(first.ingester, [0])).samples).toEqual([]);
  });
});

describe('a restart', () => {
  it('goes on from the checkpoint that stopping took', async () => {
    const first = await world.begin();
    await ready(first);
    await world.push([sample('up', 0, 1)]);
    await first.ingester.waitApplied(new Map([[0, 1]]));
    await first.ingester.stop();
    expect([...world.disk.values()].map(({ position }) => position)).toEqual([1]);
    await world.push([sample('up', 15_000, 2)]);
    const second = await world.begin();
    await ready(second);
    expect((await readAll(second.ingester)).samples).toEqual([
      printed('up', 0, 1),
      printed('up', 15_000, 2),
    ]);
  });

  it('puts a head aside that is ahead of the log, and starts over', async () => {
    const first = await world.begin();
    await ready(first);
    await world.push([sample('up', 0, 1)]);
    await first.ingester.waitApplied(new Map([[0, 1]]));
    await first.ingester.stop();
    for (const path of world.disk.keys()) {
      world.disk.set(path, { position: 50, samples: [], shipped: [] });
    }
    const second = await world.begin();
    await ready(second);
    expect((await readAll(second.ingester)).samples).toEqual([printed('up', 0, 1)]);
    const kept = await readdir(join(world.dir, 'tsdb'));
    expect(kept.some((name) => name.startsWith('0.quarantined-'))).toBe(true);
  });
});

describe('a death at any point of shipping', () => {
  const expected = [printed('up', 0, 1), printed('up', 15_000, 2), printed('up', 30_000, 3)];

  /** Pushes, flushes, and dies at the given call; returns how many calls a whole life has. */
  async function live(dieAt: number): Promise<{ process: Process; calls: number }> {
    const process = await world.begin(createFate(dieAt));
    const over = () => process.fate.dead;
    await until(
      () => over() || process.ingester.readiness().ready,
      () => 'ready or dead',
    );
    await world.push([sample('up', 0, 1), sample('up', 15_000, 2)]);
    let applied = false;
    void process.ingester.waitApplied(new Map([[0, 1]])).then(() => {
      applied = true;
    });
    await until(
      () => over() || applied,
      () => 'applied or dead',
    );
    let flushed = false;
    if (!over()) {
      void process.ingester.flush({ wait: true }).then(() => {
        flushed = true;
      });
    }
    await until(
      () => over() || flushed,
      () => 'flushed or dead',
    );
    return { process, calls: process.fate.calls };
  }

  async function everyDeath(recover: (world: World) => Promise<void>): Promise<void> {
    const { process, calls } = await live(0);
    await process.kill();
    await world.destroy();
    expect(calls).toBeGreaterThan(20);
    for (let dieAt = 1; dieAt <= calls; dieAt++) {
      world = await createWorld();
      const { process } = await live(dieAt);
      await process.kill();
      await recover(world);
      const second = await world.begin();
      await ready(second);
      await world.push([sample('up', 30_000, 3)]);
      await second.ingester.waitApplied(new Map([[0, 2]]));
      const { samples, heldBlocks } = await readAll(second.ingester);
      const blocks = await readBucket(world.bucket);
      const others = [...blocks].filter(([ulid]) => !heldBlocks.includes(ulid));
      // A block that waits for the shipper overlaps the head: answers merge by series and time.
      const all = [...new Set([...samples, ...others.flatMap(([, samples]) => samples)].sort())];
      expect({ dieAt, all }).toEqual({ dieAt, all: expected });
      await second.ingester.flush({ wait: true });
      const inBucket = [...(await readBucket(world.bucket)).values()].flat().sort();
      expect({ dieAt, inBucket }).toEqual({ dieAt, inBucket: expected });
      expect((await world.log.committed(GROUP, 0))?.nextOffset).toBe(2);
      await second.kill();
      await world.destroy();
    }
  }

  it('keeps each sample exactly once when the disk survives', () => everyDeath(async () => {}));

  it('keeps each sample exactly once when the disk is lost', () =>
    everyDeath((lost) => lost.loseDisk()));
});
