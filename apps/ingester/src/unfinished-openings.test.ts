// Openings of heads that do not end, as the ingester sees them: who was asked to stop meanwhile has not
// failed, and heads that may end the process are opened one after the other.
import { join } from 'node:path';
import { systemClock } from '@weir/runtime';
import { afterEach, expect, it } from 'vitest';
import { createWorld, type Process, START_MS, until, type World } from './testing/world.ts';
import { createOpeningMark } from './worker/opening-mark.ts';

const PARTITIONS = 3;

let world: World;
/** Paths of heads whose opening waits, with what lets it go on. */
const waiting = new Map<string, () => void>();
let holdsOpenings = false;

afterEach(async () => {
  holdsOpenings = false;
  for (const go of waiting.values()) go();
  waiting.clear();
  await world.destroy();
});

/** Every partition has a head on disk, and a process that opens them waits in the middle of that. */
async function startWorld(): Promise<void> {
  world = await createWorld({
    partitions: PARTITIONS,
    realHead: true,
    beforeOpen(path) {
      if (!holdsOpenings) return Promise.resolve();
      return new Promise((resolve) => waiting.set(path, resolve));
    },
  });
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await world.push([{ labels: { __name__: 'up' }, t: START_MS, v: 1 }], partition);
  }
  const first = await world.begin();
  await ready(first);
  await first.ingester.flush({ wait: true });
  await first.kill();
  holdsOpenings = true;
}

const ready = ({ ingester }: Process) =>
  until(
    () => ingester.readiness().ready,
    () => ingester.readiness().reason,
  );

const marks = () =>
  Promise.all(
    Array.from({ length: PARTITIONS }, (_, partition) =>
      createOpeningMark(join(world.dir, 'tsdb', String(partition))).unfinished(),
    ),
  );

/** All that can happen without time going on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) await systemClock.yield();
}

it('takes the mark away when it is asked to stop, however long the opening takes', async () => {
  await startWorld();
  const second = await world.begin();
  await until(
    () => waiting.size === PARTITIONS,
    () => 'all openings',
  );
  expect(await marks()).toEqual([1, 1, 1]);
  void second.ingester.stop();
  await settle();
  expect(waiting.size).toBe(PARTITIONS);
  expect(await marks()).toEqual([0, 0, 0]);
});

it('opens heads with a mark one after the other, after a process that died while it opened many', async () => {
  await startWorld();
  const second = await world.begin();
  await until(
    () => waiting.size === PARTITIONS,
    () => 'all openings',
  );
  await second.kill();
  waiting.clear();
  const third = await world.begin();
  for (let opened = 0; opened < PARTITIONS; opened++) {
    await until(
      () => waiting.size > 0,
      () => `opening ${opened}`,
    );
    await settle();
    expect(waiting.size).toBe(1);
    expect((await marks()).filter((count) => count === 2)).toHaveLength(1);
    for (const go of waiting.values()) go();
    waiting.clear();
  }
  await ready(third);
  expect(await marks()).toEqual([0, 0, 0]);
});
