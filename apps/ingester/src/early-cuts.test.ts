// Early cuts over the real head: series that are no longer active leave a partition that has too many, and
// what stays is not cut again and again.
import { afterEach, expect, it } from 'vitest';
import { printed, ready, sample } from './testing/samples.ts';
import { createWorld, type Process, readAll, readBucket, type World } from './testing/world.ts';

const MINUTE_MS = 60_000;

let world: World;
afterEach(() => world.destroy());

/** A minute later, when what is due by then is done: a flush of nobody comes behind it. */
async function nextMinute({ ingester }: Process): Promise<void> {
  world.clock.advance(MINUTE_MS);
  for (let turn = 0; turn < 20; turn++) await world.clock.yield();
  let done = false;
  const flushed = ingester.flush({ tenants: ['nobody'], wait: true }).finally(() => {
    done = true;
  });
  while (!done) {
    // A cut rests now and then.
    world.clock.advance(1);
    await world.clock.yield();
  }
  await flushed;
}

async function seriesOf({ ingester }: Process): Promise<number> {
  return (await ingester.stats()).reduce((sum, { seriesCount }) => sum + seriesCount, 0);
}

it.each([5, 30])('are made once, by an idle time-out of %i minutes', async (idle) => {
  world = await createWorld({ realHead: true });
  const expected: string[] = [];
  let pushed = 0;
  const push = async (process: Process, atMs: number, ...names: string[]) => {
    await world.push(names.map((name) => sample(name, atMs, 1)));
    expected.push(...names.map((name) => printed(name, atMs, 1)));
    await process.ingester.waitApplied(new Map([[0, ++pushed]]));
  };
  let minute = 0;
  const bucket = {
    ...world.bucket,
    /** Samples go on coming while a block is on its way, so that its window lives on. */
    async putFile(...args: Parameters<typeof world.bucket.putFile>) {
      await push(process, minute * MINUTE_MS + pushed, 'up');
      return world.bucket.putFile(...args);
    },
  };
  const flags = { earlySeriesMin: 1, activeSeriesIdleMs: idle * MINUTE_MS };
  const process = await world.beginWith({ flags, bucket });
  await ready(process);
  await push(process, 0, 'gone', 'up');
  for (minute = 1; minute <= idle + 4; minute++) {
    await push(process, minute * MINUTE_MS, 'up');
    await nextMinute(process);
    // Of log time one minute less has gone by.
    expect(await seriesOf(process)).toBe(minute - 1 <= idle ? 2 : 1);
  }
  const blocks = [...(await readBucket(world.bucket)).values()];
  expect(blocks).toHaveLength(1);
  expect([...blocks.flat(), ...(await readAll(process.ingester)).samples]).toEqual(
    expect.arrayContaining(expected),
  );
});
