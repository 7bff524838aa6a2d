// Owners of one partition in two zones, over the real head: one ships, both answer, either takes over.
import { readManifest } from '@weir/catalog';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeSample } from './testing/fake-head.ts';
import { ready, sample } from './testing/samples.ts';
import {
  createWorld,
  type Process,
  readAll,
  readBucket,
  START_MS,
  type World,
} from './testing/world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const up = (atMs: number, v: number): FakeSample => sample('up', atMs, v);

let world: World;
let first: Process;
let second: Process;
let pushed = 0;

beforeEach(async () => {
  world = await createWorld({ realHead: true });
  pushed = 0;
  first = await world.beginWith({ hostName: 'host-a', zone: 'zone-a' });
  await ready(first);
  second = await world.beginWith({ hostName: 'host-b', zone: 'zone-b' });
  await ready(second);
});
afterEach(() => world.destroy());

async function push(...samples: FakeSample[]): Promise<void> {
  await world.push(samples);
  pushed++;
}

async function applied(...processes: Process[]): Promise<void> {
  for (const { ingester } of processes) await ingester.waitApplied(new Map([[0, pushed]]));
}

/** Rounds of heartbeats and upkeep. */
async function minutes(count: number): Promise<void> {
  for (let minute = 0; minute < count; minute++) {
    for (let part = 0; part < 12; part++) {
      world.clock.advance(MINUTE_MS / 12);
      for (let pause = 0; pause < 30; pause++) await world.clock.yield();
    }
    for (let pause = 0; pause < 150; pause++) await world.clock.yield();
  }
}

/** Rounds until it holds; disks take their time. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (let minute = 0; minute < 60; minute++) {
    await minutes(1);
    for (let turn = 0; turn < 2000; turn++) await world.clock.yield();
    if (await holds()) return;
  }
  throw new Error('never happened');
}

async function shipped(windows: number): Promise<void> {
  await eventually(async () => (await manifest())?.windows.length === windows);
}

/** Oldest sample in the head. */
async function headBegins(process: Process): Promise<number | undefined> {
  return (await process.ingester.stats())[0]?.tenants[0]?.minTimeMs;
}

const manifest = async () => (await readManifest(world.bucket, world.log.topicId, 0))?.manifest;
const inBucket = async () => [...(await readBucket(world.bucket)).values()];
const committed = async (zone: string) =>
  (await world.log.committed(`weir-${zone}`, 0))?.nextOffset;

describe('two zones', () => {
  it('ship each window once; both drop it and answer on', async () => {
    await push(up(0, 1), up(15_000, 2));
    await push(up(3 * HOUR_MS + 1, 3));
    await applied(first, second);
    await shipped(1);
    const droppedBy = async (process: Process) =>
      ((await headBegins(process)) ?? 0) >= START_MS + 2 * HOUR_MS;
    await eventually(async () => (await droppedBy(first)) && (await droppedBy(second)));
    expect((await inBucket()).flat()).toEqual(['__name__up@0=1', '__name__up@15000=2']);
    expect((await manifest())?.windows[0]?.blocks).toHaveLength(1);
    for (const process of [first, second]) {
      const { samples, heldBlocks } = await readAll(process.ingester);
      expect(samples).toHaveLength(3);
      expect(heldBlocks).toHaveLength(1);
    }
    // Each zone's own block; what the shipper's holds is in the bucket under its name.
    const held = [first, second].map(async ({ ingester }) => (await readAll(ingester)).heldBlocks);
    const [ulid] = [...(await readBucket(world.bucket)).keys()];
    expect((await held[0])?.[0]).toBe(ulid);
    expect((await held[1])?.[0]).not.toBe(ulid);
    await eventually(
      async () => (await committed('zone-a')) === 1 && (await committed('zone-b')) === 1,
    );
  });

  it('go on when the one that shipped is gone, and nothing is shipped twice', async () => {
    await push(up(0, 1));
    await push(up(3 * HOUR_MS + 1, 2));
    await applied(first, second);
    await shipped(1);
    expect(await inBucket()).toHaveLength(1);
    const before = (await manifest())!;
    await first.kill();
    await push(up(6 * HOUR_MS + 1, 3));
    await applied(second);
    await shipped(2);
    const after = (await manifest())!;
    expect(after.epoch).toBeGreaterThan(before.epoch!);
    expect(after.windows.map(({ blocks }) => blocks.length)).toEqual([1, 1]);
    expect((await inBucket()).flat().sort()).toEqual([
      '__name__up@0=1',
      `__name__up@${3 * HOUR_MS + 1}=2`,
    ]);
    // The first zone comes back and takes it again, as the lowest.
    const third = await world.beginWith({ hostName: 'host-a', zone: 'zone-a' });
    await ready(third);
    await push(up(9 * HOUR_MS + 1, 4));
    await applied(second, third);
    await shipped(3);
    const last = (await manifest())!;
    expect(last.epoch).toBeGreaterThan(after.epoch!);
    expect(last.windows.map(({ blocks }) => blocks.length)).toEqual([1, 1, 1]);
    expect((await inBucket()).flat()).toHaveLength(3);
    for (const { ingester } of [second, third]) {
      // As queriers do: with the blocks of the bucket that are not held here; equal samples are one.
      const { samples, heldBlocks } = await readAll(ingester);
      const others = [...(await readBucket(world.bucket))].filter(
        ([ulid]) => !heldBlocks.includes(ulid),
      );
      expect(new Set([...samples, ...others.flatMap(([, found]) => found)]).size).toBe(4);
    }
  });

  it('adopt what the one that died had uploaded but not told of', async () => {
    await first.kill();
    await minutes(2);
    // The second has a window to ship, as the first had: uploaded, the manifest not yet replaced.
    const dying = await world.beginWith({
      hostName: 'host-a',
      zone: 'zone-a',
      bucket: {
        ...world.bucket,
        put: (key, body, condition) =>
          key.endsWith('manifest.json')
            ? new Promise(() => undefined)
            : world.bucket.put(key, body, condition),
      },
    });
    await ready(dying);
    await push(up(0, 1));
    await push(up(3 * HOUR_MS + 1, 2));
    await applied(dying, second);
    await eventually(async () => (await inBucket()).length === 1);
    expect(await manifest()).toBeUndefined();
    await dying.kill();
    await shipped(1);
    expect((await manifest())?.windows[0]?.blocks).toHaveLength(1);
    expect(await inBucket()).toHaveLength(1);
    expect((await readAll(second.ingester)).samples).toHaveLength(2);
  });

  it('forget what the other has flushed, once every querier knows of its block', async () => {
    await push(up(0, 1));
    await applied(first, second);
    await first.ingester.flush({ wait: true });
    // Once the window is in the bucket for long; it was never due here.
    await eventually(async () => (await readAll(second.ingester)).samples.length === 0);
    expect((await readAll(first.ingester)).samples).toHaveLength(1);
    await eventually(async () => (await committed('zone-b')) === 1);
  });
});
