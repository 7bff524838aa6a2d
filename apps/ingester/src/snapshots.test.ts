// The ingester over the real head: snapshots and starts from them, damage that is put aside and rebuilt, and
// zones of which one ships.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest, snapshotPrefix } from '@weir/catalog';
import { WeirError } from '@weir/errors';
import type { SlabFile } from '@weir/head';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FakeSample } from './testing/fake-head.ts';
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

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const GROUP = 'weir-default';

let world: World;
beforeEach(async () => {
  world = await createWorld({ realHead: true });
});
afterEach(() => world.destroy());

let pushed = 0;
beforeEach(() => {
  pushed = 0;
});

async function push(process: Process, ...samples: FakeSample[]): Promise<void> {
  await world.push(samples);
  await process.ingester.waitApplied(new Map([[0, ++pushed]]));
}

/** Records of a sample each, a minute apart. */
async function pushMinutes(process: Process, from: number, to: number): Promise<string[]> {
  const expected: string[] = [];
  for (let minute = from; minute < to; minute++) {
    await push(process, sample('up', minute * MINUTE_MS, minute));
    expected.push(printed('up', minute * MINUTE_MS, minute));
  }
  return expected;
}

async function manifest() {
  return (await readManifest(world.bucket, world.log.topicId, 0))?.manifest;
}

async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (let turn = 0; turn < 3000; turn++) {
    const answer = await ask();
    if (holds(answer)) return answer;
    await world.clock.yield();
  }
  throw new Error(`never happened; last: ${JSON.stringify(await ask())}`);
}

/** The next round of upkeep; checkpoints are taken when they are old. */
async function snapshotAt(offset: number): Promise<void> {
  world.clock.advance(5 * MINUTE_MS);
  for (let turn = 0; turn < 4; turn++) {
    world.clock.advance(5 * MINUTE_MS);
    for (let pause = 0; pause < 300; pause++) await world.clock.yield();
  }
  await eventually(manifest, (found) => found?.snapshots?.[0]?.offset === offset);
}

async function snapshotKeys(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { objects } of world.bucket.list(snapshotPrefix(world.log.topicId, 0))) {
    keys.push(...objects.map(({ key }) => key));
  }
  return keys;
}

async function readsOf(process: Process): Promise<readonly string[]> {
  return (await readAll(process.ingester)).samples;
}

const byTime = (a: string, b: string) => Number(a.split(/[@=]/)[1]) - Number(b.split(/[@=]/)[1]);

describe('snapshots', () => {
  it('are taken when the position moved, and the newest two are kept', async () => {
    const process = await world.begin();
    await ready(process);
    await pushMinutes(process, 0, 3);
    await snapshotAt(3);
    await pushMinutes(process, 3, 4);
    await snapshotAt(4);
    // One record: the next snapshot may be due at once.
    await pushMinutes(process, 4, 5);
    await snapshotAt(5);
    const found = await manifest();
    expect(found?.snapshots?.map(({ offset }) => offset)).toEqual([5, 4]);
    const keys = await eventually(snapshotKeys, (keys) => keys.length === 2);
    expect(keys.sort()).toEqual(found?.snapshots?.map(({ key }) => key).sort());
    await snapshotAt(5);
    expect((await manifest())?.snapshots).toEqual(found?.snapshots);
  });

  it('bring an empty disk back, without the log below them', async () => {
    const first = await world.begin();
    await ready(first);
    const expected = await pushMinutes(first, 0, 5);
    await snapshotAt(5);
    expected.push(...(await pushMinutes(first, 5, 7)));
    await first.kill();
    await world.loseDisk();
    const consumed: number[] = [];
    const { consume } = world.log;
    world.log.consume = (partition, from) => {
      consumed.push(from);
      return consume(partition, from);
    };
    const second = await world.begin();
    await ready(second);
    expect((await readsOf(second)).toSorted(byTime)).toEqual(expected);
    // Orphaned blocks are looked for from the start; records are replayed from the snapshot on.
    expect(consumed.at(-1)).toBe(5);
  });

  it('hold the group offset back to the newest one', async () => {
    const process = await world.begin();
    await ready(process);
    await pushMinutes(process, 0, 2);
    await snapshotAt(2);
    await pushMinutes(process, 2, 4);
    await process.ingester.flush({ wait: true });
    expect((await world.log.committed(GROUP, 0))?.nextOffset).toBe(2);
    await snapshotAt(4);
    await eventually(
      async () => (await world.log.committed(GROUP, 0))?.nextOffset,
      (offset) => {
        world.clock.advance(MINUTE_MS);
        return offset === 4;
      },
    );
  });

  it('that were taken before they were turned off count for nothing', async () => {
    const first = await world.begin();
    await ready(first);
    const expected = await pushMinutes(first, 0, 2);
    await snapshotAt(2);
    await first.ingester.stop();
    const off = { flags: { snapshotIntervalMs: 0 } };
    const second = await world.beginWith(off);
    await ready(second);
    expected.push(...(await pushMinutes(second, 2, 4)));
    await second.ingester.flush({ wait: true });
    expect((await world.log.committed(GROUP, 0))?.nextOffset).toBe(4);
    expected.push(...(await pushMinutes(second, 4, 5)));
    await second.kill();

    await world.loseDisk();
    const third = await world.beginWith(off);
    await ready(third);
    expect(await readsOf(third)).toEqual(expected.slice(4));
    expect([...(await readBucket(world.bucket)).values()].flat().toSorted(byTime)).toEqual(
      expected.slice(0, 4),
    );
    expect((await manifest())?.snapshots?.map(({ offset }) => offset)).toEqual([2]);
    await third.kill();

    // Turned on again, with the old snapshot behind the offset: the offset doesn't go back.
    const fourth = await world.begin();
    await ready(fourth);
    expect((await world.log.committed(GROUP, 0))?.nextOffset).toBe(4);
    await snapshotAt(5);
    expect(await readsOf(fourth)).toEqual(expected.slice(4));
  });

  it('that are damaged, gone or foreign are passed, and the next one or the log is taken', async () => {
    const first = await world.begin();
    await ready(first);
    const expected = await pushMinutes(first, 0, 3);
    await snapshotAt(3);
    expected.push(...(await pushMinutes(first, 3, 5)));
    await snapshotAt(5);
    await first.kill();
    const snapshots = (await manifest())!.snapshots!;
    for (const damaged of snapshots) {
      const { body } = await world.bucket.get(damaged.key);
      body[body.length >> 1]! ^= 4;
      await world.bucket.put(damaged.key, body);
      await world.loseDisk();
      const process = await world.begin();
      await ready(process);
      expect((await readsOf(process)).toSorted(byTime)).toEqual(expected);
      await process.kill();
    }
    await world.bucket.delete(snapshots[0]!.key);
    await world.loseDisk();
    const last = await world.begin();
    await ready(last);
    expect((await readsOf(last)).toSorted(byTime)).toEqual(expected);
  });

  it('with shipped windows add nothing twice', async () => {
    const first = await world.begin();
    await ready(first);
    const expected = await pushMinutes(first, 0, 4);
    await snapshotAt(4);
    expected.push(...(await pushMinutes(first, 4, 6)));
    await first.ingester.flush({ wait: true });
    await first.kill();
    world.clock.advance(HOUR_MS);
    await world.loseDisk();
    const second = await world.begin();
    await ready(second);
    const { samples, heldBlocks } = await readAll(second.ingester);
    expect(heldBlocks).toEqual([]);
    expect(samples).toEqual([]);
    expect([...(await readBucket(world.bucket)).values()].flat().toSorted(byTime)).toEqual(
      expected,
    );
    await second.ingester.flush({ wait: true });
    expect([...(await readBucket(world.bucket)).values()].flat()).toHaveLength(6);
  });

  it('that fail delay nothing else', async () => {
    const bucket = {
      ...world.bucket,
      putStream: () => Promise.reject(new WeirError('unavailable', 'down')),
    };
    const process = await world.begin(createFate(), bucket);
    await ready(process);
    const expected = await pushMinutes(process, 0, 4);
    world.clock.advance(20 * MINUTE_MS);
    await process.ingester.flush({ wait: true });
    expect((await manifest())?.snapshots).toBeUndefined();
    expect((await readsOf(process)).toSorted(byTime)).toEqual(expected);
    expect((await world.log.committed(GROUP, 0))?.nextOffset).toBe(4);
  });
});

describe('damage', () => {
  const headPath = () => join(world.dir, 'tsdb/0/head');
  const aside = async () =>
    (await readdir(join(world.dir, 'tsdb'))).filter((name) => name.includes('.quarantined-'));

  /** Changes a byte of every row that the filter wants. */
  async function damageRows(wanted: (key: Uint8Array) => boolean): Promise<number> {
    const { store } = world.rows.get(headPath())!;
    const puts: [Uint8Array, Uint8Array][] = [];
    for await (const rows of store.scan(Uint8Array.of(0), Uint8Array.of(255))) {
      for (const [key, value] of rows) {
        if (!wanted(key)) continue;
        const changed = value.slice();
        changed[changed.length >> 1]! ^= 1;
        puts.push([key, changed]);
      }
    }
    await store.write({ puts, deletes: [] }, true);
    return puts.length;
  }

  it.each(['A', 'B', 'N', 'P', 'S', 'T'])(
    'of a row %s found at the start: rebuilt',
    async (kind) => {
      const first = await world.begin();
      await ready(first);
      const expected = await pushMinutes(first, 0, 5);
      await first.ingester.stop();
      expect(await damageRows((key) => key[0] === kind.charCodeAt(0))).toBeGreaterThan(0);
      const second = await world.begin();
      await ready(second);
      expect((await readsOf(second)).toSorted(byTime)).toEqual(expected);
      expect(await aside()).toHaveLength(1);
      expect(second.ingester.readiness().notes?.join()).toContain('put aside');
    },
  );

  /** Changes a byte in the middle of every extent of the file, or lets the file end at once. */
  async function damageSlabs(file: SlabFile, isGone: boolean): Promise<void> {
    const { slabs } = world.rows.get(headPath())!.store;
    expect(slabs.extents(file)).toBeGreaterThan(0);
    for (let extent = 0; extent < slabs.extents(file); extent++) {
      const changed = slabs.extent(file, extent)!.slice();
      changed[changed.length >> 1]! ^= 1;
      await slabs.write(file, extent, changed);
    }
    if (isGone) await slabs.truncate(file, 0);
  }

  it.each([
    ['groups', false],
    ['groups', true],
    ['arenas', false],
    ['arenas', true],
  ] as const)('of the slabs in %s found at the start (gone: %s): rebuilt', async (file, isGone) => {
    const first = await world.begin();
    await ready(first);
    const expected = await pushMinutes(first, 0, 5);
    await first.ingester.stop();
    await damageSlabs(file, isGone);
    const second = await world.begin();
    await ready(second);
    expect((await readsOf(second)).toSorted(byTime)).toEqual(expected);
    expect(await aside()).toHaveLength(1);
  });

  it('of a slab found by a snapshot: not in the bucket, and rebuilt', async () => {
    const process = await world.begin();
    await ready(process);
    const expected = await pushMinutes(process, 0, 5);
    const { slabs } = world.rows.get(headPath())!.store;
    const write = slabs.write.bind(slabs);
    vi.spyOn(slabs, 'write').mockImplementation((file, extent, bytes) => {
      const changed = bytes.slice();
      changed[changed.length >> 1]! ^= 1;
      return write(file, extent, changed);
    });
    const [, keys] = await eventually(
      async () => {
        world.clock.advance(MINUTE_MS);
        for (let pause = 0; pause < 50; pause++) await world.clock.yield();
        return [await aside(), await snapshotKeys()] as const;
      },
      ([folders]) => folders.length > 0,
    );
    expect(keys).toEqual([]);
    await until(
      () => {
        world.clock.advance(1_000);
        return process.ingester.readiness().ready;
      },
      () => process.ingester.readiness().reason,
    );
    await process.ingester.waitApplied(new Map([[0, 5]]));
    expect((await readsOf(process)).toSorted(byTime)).toEqual(expected);
  });

  it('found by a read while running: never a wrong answer, then rebuilt', async () => {
    const process = await world.begin();
    await ready(process);
    // More than a chunk holds, so that closed chunks lie in the store.
    const expected = await pushMinutes(process, 0, 170);
    for (let turn = 0; turn < 5; turn++) {
      world.clock.advance(5 * MINUTE_MS);
      for (let pause = 0; pause < 200; pause++) await world.clock.yield();
    }
    await push(process, sample('up', 170 * MINUTE_MS, 170));
    expected.push(printed('up', 170 * MINUTE_MS, 170));
    expect(await damageRows((key) => key[0] === 0x43)).toBeGreaterThan(0);
    await expect(readsOf(process)).rejects.toMatchObject({ kind: 'corrupt' });
    // Neither a record nor a round of upkeep is waited for.
    await until(
      () => !process.ingester.readiness().ready,
      () => 'the session ends',
    );
    await until(
      () => {
        world.clock.advance(1_000);
        return process.ingester.readiness().ready;
      },
      () => process.ingester.readiness().reason,
    );
    await process.ingester.waitApplied(new Map([[0, 171]]));
    expect((await readsOf(process)).toSorted(byTime)).toEqual(expected);
    expect(await aside()).toHaveLength(1);
  });

  it('of a local block: put aside, read from the bucket or cut again', async () => {
    const first = await world.begin();
    await ready(first);
    await pushMinutes(first, 0, 5);
    await first.ingester.flush({ wait: true });
    const { heldBlocks } = await readAll(first.ingester);
    expect(heldBlocks).toHaveLength(1);
    await first.ingester.stop();
    await rm(join(world.dir, 'tsdb/0/blocks/tenant-a', heldBlocks[0]!, 'index'));
    const second = await world.begin();
    await ready(second);
    await expect(readsOf(second)).rejects.toThrow();
    expect((await readAll(second.ingester)).heldBlocks).toEqual([]);
    await second.ingester.flush({ wait: true });
    expect((await readBucket(world.bucket)).size).toBe(1);
    expect(await aside()).toHaveLength(1);
  });

  it('leaves only the newest few folders aside', async () => {
    for (let turn = 0; turn < 6; turn++) {
      const process = await world.begin();
      await ready(process);
      await push(process, sample('up', turn * MINUTE_MS, turn));
      await process.ingester.stop();
      await damageRows((key) => key[0] === 0x41);
      world.clock.advance(MINUTE_MS);
    }
    const last = await world.begin();
    await ready(last);
    expect(await readsOf(last)).toHaveLength(6);
    expect(await aside()).toHaveLength(3);
  });
});
