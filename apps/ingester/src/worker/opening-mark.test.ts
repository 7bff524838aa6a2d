// Openings that end the process: native code may abort at a damaged store, at every start. A process that
// dies is one whose opening never settles.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import { openPartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { systemClock } from '@weir/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PartitionHost } from '../workers/partition-host.ts';
import { createPartitionHost } from './host.ts';
import { createOpeningMark, OPENINGS_MAX } from './opening-mark.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-opening-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const OPEN = () => ({ partition: 0, dir, topicId: 'topic' });
const partitionDir = () => join(dir, '0');
const markOf = () => createOpeningMark(partitionDir());

describe('a head whose opening ends the process', () => {
  const store = createMemoryHeadStore();
  let opened = 0;

  /** A new process; `reached` resolves where the process would die. */
  function startProcess(opening: 'works' | 'dies' | 'fails') {
    let reach = () => {};
    const reached = new Promise<void>((resolve) => {
      reach = resolve;
    });
    const host = createPartitionHost({
      clock: systemClock,
      nextUlid: () => '01JZZZZZZZZZZZZZZZZZZZZZZZ',
      openStore: async () => {
        opened++;
        if (opening === 'fails') throw new WeirError('unavailable', 'the disk is away');
        reach();
        return opening === 'dies' ? new Promise<never>(() => {}) : store.copy();
      },
      openHead: (partition, from) => openPartitionHead({ partition }, { store: from }),
    });
    return { host, reached };
  }

  async function die(): Promise<void> {
    const { host, reached } = startProcess('dies');
    void host.open(OPEN());
    await reached;
  }

  async function work(): Promise<Awaited<ReturnType<PartitionHost['open']>>> {
    const { host } = startProcess('works');
    const found = await host.open(OPEN());
    await host.close({ partition: 0, checkpoint: false });
    return found;
  }

  /** A partition with a head. */
  beforeEach(async () => {
    const { host } = startProcess('works');
    await host.open(OPEN());
    await host.start({ partition: 0, position: 0, shipped: [] });
    const record = {
      offset: 0,
      timestampMs: 0,
      tenant: 'one',
      value: new Uint8Array(0),
      version: 1,
    };
    const settings: [] = [];
    await host.apply({ partition: 0, fromOffset: 0, records: [record], nextOffset: 1, settings });
    await host.close({ partition: 0, checkpoint: true });
    opened = 0;
  });

  it('is opened again below so many in a row, and then they are forgotten', async () => {
    for (let round = 0; round < 2; round++) {
      for (let count = 1; count < OPENINGS_MAX; count++) await die();
      expect(await markOf().unfinished()).toBe(OPENINGS_MAX - 1);
      expect((await work()).aside).toBeUndefined();
      expect(await markOf().unfinished()).toBe(0);
    }
  });

  it('is put aside at so many in a row, without being opened, and the partition begins anew', async () => {
    for (let count = 1; count <= OPENINGS_MAX; count++) await die();
    opened = 0;
    const { position, aside } = await work();
    expect(opened).toBe(0);
    expect(position).toBeUndefined();
    expect(aside?.why).toContain(`${OPENINGS_MAX} times in a row`);
    expect(await readdir(aside!.where)).toEqual(['partition.json']);
    expect(await markOf().unfinished()).toBe(0);
    expect((await work()).aside).toBeUndefined();
  });

  it('is not counted where opening fails with an error', async () => {
    for (let count = 0; count <= OPENINGS_MAX; count++) {
      await expect(startProcess('fails').host.open(OPEN())).rejects.toThrow('away');
    }
    expect((await work()).aside).toBeUndefined();
  });

  it('is not counted where the end was asked for', async () => {
    for (let count = 0; count <= OPENINGS_MAX; count++) {
      await die();
      await markOf().end();
    }
    expect((await work()).aside).toBeUndefined();
  });

  it('counts once for a mark that a loss of power has emptied', async () => {
    await writeFile(join(partitionDir(), 'head.opening'), '');
    expect(await markOf().unfinished()).toBe(1);
    expect((await work()).aside).toBeUndefined();
  });
});
