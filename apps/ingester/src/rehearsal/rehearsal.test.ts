// Made-up partitions over the real head: what they hold, and that nothing of them is left, wherever they end.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import { openPartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { decodeChunkedSeries } from '@weir/query';
import { seededRandom, systemClock } from '@weir/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createUlids } from '../worker/ulids.ts';
import { createInlineWorkers } from '../workers/inline-workers.ts';
import type { PartitionWorkers } from '../workers/partition-host.ts';
import { createRehearsal, type Rehearsal } from './rehearsal.ts';

const signal = new AbortController().signal;

let root: string;
let dir: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-rehearsal-'));
  dir = join(root, 'rehearsal');
});
afterEach(() => rm(root, { recursive: true, force: true }));

function inlineWorkers(openStore = async () => createMemoryHeadStore()): PartitionWorkers {
  return createInlineWorkers({
    openStore,
    openHead: (partition, store) => openPartitionHead({ partition }, { store }),
    clock: systemClock,
    nextUlid: createUlids(systemClock, seededRandom(1)),
  });
}

/** Two threads, of which each has a host of its own. */
function twoWorkers(second: PartitionWorkers): PartitionWorkers {
  const [one, other] = [inlineWorkers(), second];
  const of = (partition: number) => (partition % 2 === 0 ? one : other);
  return {
    hostOf: (partition) => of(partition).hostOf(partition),
    threadOf: () => undefined,
    pinned: (first) => [first, first + 1],
    close: async () => {},
  };
}

/** Fills it up to `steps` and ends it. */
async function take(rehearsal: Rehearsal, steps: number): Promise<void> {
  let taken = 0;
  const filling = rehearsal.fill();
  while (taken < steps && !(await filling.next()).done) taken++;
  await filling.return(undefined);
}

async function expectNothingLeft(workers: PartitionWorkers): Promise<void> {
  expect(await readdir(root)).toEqual([]);
  for (const partition of workers.pinned(2 ** 30)) {
    const left = workers.hostOf(partition).stats({ partition });
    await expect(left).rejects.toMatchObject({ kind: 'unavailable' });
  }
}

async function seriesOf(rehearsal: Rehearsal, maxT: number): Promise<number> {
  let series = 0;
  for (const { port, partitions } of rehearsal.owners) {
    const times = { minT: 0, maxT };
    const request = { tenant: rehearsal.tenant, matchers: [], partitions, ...times };
    let isHeader = true;
    for await (const bytes of port.read({ kind: 'select', ...request }, signal)) {
      if (!isHeader) series += decodeChunkedSeries(bytes).length;
      isHeader = false;
    }
  }
  return series;
}

it('fills a partition of each thread with series in a block and in the head', async () => {
  const workers = twoWorkers(inlineWorkers());
  const rehearsal = createRehearsal(workers, dir);
  await take(rehearsal, Number.POSITIVE_INFINITY);
  expect(rehearsal.owners.map(({ partitions }) => partitions)).toEqual([[2 ** 30], [2 ** 30 + 1]]);
  for (const { partitions } of rehearsal.owners) {
    const partition = partitions[0]!;
    const stats = await workers.hostOf(partition).stats({ partition });
    expect(stats).toMatchObject({ seriesCount: 360, damage: undefined });
    expect(stats.blocks).toHaveLength(1);
  }
  expect(await seriesOf(rehearsal, rehearsal.oldestMs)).toBe(720);
  expect(await seriesOf(rehearsal, rehearsal.oldestMs - 1)).toBe(0);
  await rehearsal.end();
  await expectNothingLeft(workers);
});

it.each([0, 1, 59, 61, 170])('leaves nothing behind after %i steps', async (steps) => {
  const workers = twoWorkers(inlineWorkers());
  const rehearsal = createRehearsal(workers, dir);
  await take(rehearsal, steps);
  expect(existsSync(dir)).toBe(steps > 0);
  await rehearsal.end();
  await expectNothingLeft(workers);
});

it('leaves nothing behind when a disk is full', async () => {
  const full = async () => Promise.reject(new WeirError('unavailable', 'ENOSPC'));
  const workers = twoWorkers(inlineWorkers(full));
  const rehearsal = createRehearsal(workers, dir);
  await expect(take(rehearsal, 1000)).rejects.toThrow('ENOSPC');
  await rehearsal.end();
  await expectNothingLeft(workers);
});

it('closes all partitions though one thread does not answer any more', async () => {
  const second = inlineWorkers();
  const workers = twoWorkers(second);
  const rehearsal = createRehearsal(workers, dir);
  await take(rehearsal, 170);
  const { hostOf } = second;
  const died = async () => Promise.reject(new WeirError('unavailable', 'worker died'));
  second.hostOf = (partition) => ({ ...hostOf(partition), close: died });
  await expect(rehearsal.end()).rejects.toThrow('worker died');
  expect(await readdir(root)).toEqual([]);
  const partition = 2 ** 30;
  await expect(workers.hostOf(partition).stats({ partition })).rejects.toThrow('not owned');
});

it('begins anew where a process was killed', async () => {
  const killed = join(dir, String(2 ** 30));
  await mkdir(killed, { recursive: true });
  await writeFile(join(killed, 'partition.json'), 'half of i');
  const workers = inlineWorkers();
  const rehearsal = createRehearsal(workers, dir);
  await take(rehearsal, 2);
  expect(await readdir(dir)).toEqual([String(2 ** 30)]);
  await rehearsal.end();
  await expectNothingLeft(workers);
});
