// A tenant that is parked stays so, whatever its partition goes through: reopened after another failure,
// with a checkpoint or without, in a new process, or on an empty disk. The others get every sample.
import { afterEach, expect, it } from 'vitest';
import type { FakeSample } from './testing/fake-head.ts';
import {
  createWorld,
  type Process,
  readAll,
  START_MS,
  TENANT,
  until,
  type World,
} from './testing/world.ts';

const MINUTE_MS = 60_000;
const BAD_TENANT = 'tenant-b';
/** Of the record that can't be applied. */
const BAD_OFFSET = 2;

let world: World;
afterEach(() => world.destroy());

const sample = (at: number): FakeSample => {
  return { labels: { __name__: 'up' }, t: START_MS + at, v: at };
};

const PARKED = `tenants parked: ${BAD_TENANT} from ${BAD_OFFSET}`;

/** Lets time go on in steps until it holds: partitions are reopened after a while. */
async function eventually(process: Process, holds: () => boolean): Promise<void> {
  for (let step = 0; step < 5_000; step++) {
    if (holds()) return;
    world.clock.advance(250);
    for (let turn = 0; turn < 300; turn++) await world.clock.yield();
  }
  throw new Error(`never happened: ${JSON.stringify(process.ingester.readiness())}`);
}

/** Another failure at this record, which does not come again. */
let failOnceAt = -1;
let failures = 0;
/** The program can apply the record now. */
let isFixed = false;

async function startWorld(): Promise<void> {
  failOnceAt = -1;
  failures = 0;
  isFixed = false;
  world = await createWorld({
    realHead: true,
    beforeApply(head, records) {
      for (const { offset } of records) {
        if (!isFixed && offset === BAD_OFFSET && head.parked().length === 0) {
          failures++;
          throw new Error('a bug in this tenant');
        }
        if (offset !== failOnceAt) continue;
        failOnceAt = -1;
        failures++;
        throw new Error('a failure that passes');
      }
    },
  });
}

async function pushBoth(from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) {
    await world.push([sample(at)], 0, at % 2 === 0 ? BAD_TENANT : TENANT);
  }
}

const ready = ({ ingester }: Process) => ingester.readiness().ready;
const notes = ({ ingester }: Process) => ingester.readiness().notes?.join() ?? '';

/** Everything below this offset is applied, or passed over, and the readiness page tells why. */
async function parkedAt(process: Process, upTo: number): Promise<void> {
  let applied = false;
  const given = new AbortController();
  process.ingester.waitApplied(new Map([[0, upTo]]), given.signal).then(
    () => {
      applied = true;
    },
    () => undefined,
  );
  try {
    await eventually(process, () => applied && ready(process) && notes(process).includes(PARKED));
  } finally {
    given.abort();
  }
}

async function parkedProcess(): Promise<Process> {
  const process = await world.begin();
  await until(
    () => ready(process),
    () => process.ingester.readiness().reason,
  );
  await pushBoth(0, 6);
  await parkedAt(process, 6);
  expect(failures).toBe(2);
  return process;
}

async function expectParked(process: Process, upTo: number): Promise<void> {
  await parkedAt(process, upTo);
  const expected: string[] = [];
  for (let at = 1; at < upTo; at += 2) expected.push(`__name__up@${at}=${at}`);
  expect([...(await readAll(process.ingester)).samples].sort()).toEqual(expected.sort());
  const stats = await process.ingester.stats();
  const newest = stats[0]!.tenants.find(({ tenant }) => tenant === BAD_TENANT)!.eventTimeMs;
  // What it had before stays, and nothing of it came later.
  expect(newest).toBe(START_MS);
}

it('survives a reopening before and after a checkpoint holds it', async () => {
  await startWorld();
  const process = await parkedProcess();
  failOnceAt = 7;
  await pushBoth(6, 8);
  await expectParked(process, 8);
  expect(failures).toBe(3);
  // Old enough for a checkpoint.
  for (let minute = 0; minute < 6; minute++) {
    world.clock.advance(MINUTE_MS);
    for (let turn = 0; turn < 100; turn++) await world.clock.yield();
  }
  failOnceAt = 9;
  await pushBoth(8, 10);
  await expectParked(process, 10);
  expect(failures).toBe(4);
});

it('survives the end of its process, with its disk and without', async () => {
  await startWorld();
  const first = await parkedProcess();
  await first.kill();
  // A new process finds out again, where no checkpoint knows it yet: after two attempts.
  const second = await world.begin();
  await pushBoth(6, 8);
  await expectParked(second, 8);
  await second.ingester.stop();
  const before = failures;
  const third = await world.begin();
  await expectParked(third, 8);
  expect(failures).toBe(before);
  await third.kill();
  await world.loseDisk();
  const fourth = await world.begin();
  await pushBoth(8, 10);
  await expectParked(fourth, 10);
});

it('ends with an empty disk and a program that can apply the record', async () => {
  await startWorld();
  const first = await parkedProcess();
  // Time for snapshots, of which one would keep the tenant parked.
  for (let minute = 0; minute < 40; minute += 5) {
    world.clock.advance(5 * MINUTE_MS);
    for (let turn = 0; turn < 300; turn++) await world.clock.yield();
  }
  await first.ingester.stop();
  isFixed = true;
  await world.loseDisk();
  const second = await world.begin();
  await pushBoth(6, 8);
  await eventually(second, () => ready(second));
  await second.ingester.waitApplied(new Map([[0, 8]]));
  expect(notes(second)).toBe('');
  const [{ tenants }] = await second.ingester.stats();
  expect(tenants.find(({ tenant }) => tenant === BAD_TENANT)!.eventTimeMs).toBe(START_MS + 6);
  expect(failures).toBe(2);
});

it('keeps its records in the log: the group is not committed past the first of them', async () => {
  await startWorld();
  const process = await parkedProcess();
  await process.ingester.flush({ wait: true });
  await process.ingester.stop();
  const committed = await world.log.committed('weir-default', 0);
  expect(committed?.nextOffset).toBe(BAD_OFFSET);
});
