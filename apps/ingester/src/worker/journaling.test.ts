// What was applied is soon in the head's journal, also where nothing more comes; and a log that ends before the
// journal does counts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPartitionHead } from '@weir/head';
import { createMemoryHeadStore, type MemoryHeadStore } from '@weir/head/memory';
import { systemClock } from '@weir/runtime';
import { afterEach, expect, it } from 'vitest';
import { createManualClock } from '../testing/world.ts';
import { createPartitionHost } from './host.ts';

let dir = '';
afterEach(() => rm(dir, { recursive: true, force: true }));

function hostOn(store: MemoryHeadStore) {
  const clock = createManualClock(0);
  const host = createPartitionHost({
    clock,
    nextUlid: () => '01JZZZZZZZZZZZZZZZZZZZZZZZ',
    openStore: async () => store,
    openHead: (partition, from, pause, endOffset) =>
      openPartitionHead({ partition, endOffset }, { store: from, pause }),
  });
  return { host, clock };
}

it('writes what a batch has become to the journal, ten milliseconds later', async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-journaling-'));
  const store = createMemoryHeadStore();
  const { host, clock } = hostOn(store);
  await host.open({ partition: 0, dir, topicId: 'topic' });
  await host.start({ partition: 0, position: 0, shipped: [] });
  const apply = (offset: number) => {
    const value = new Uint8Array(0);
    const records = [{ offset, timestampMs: 0, tenant: 'one', value, version: 1 }];
    const batch = { partition: 0, fromOffset: offset, nextOffset: offset + 1 };
    return host.apply({ ...batch, records, settings: [] });
  };
  await apply(0);
  await host.checkpoint({ partition: 0, force: true });
  await apply(1);
  await apply(2);
  clock.advance(9);
  await Promise.resolve();
  expect(store.journal.files.size).toBe(0);
  clock.advance(1);
  await systemClock.yield();

  const open = async (endOffset: number) => {
    const killed = hostOn(store.copy());
    return killed.host.open({ partition: 0, dir, topicId: 'topic', endOffset });
  };
  expect(await open(3)).toMatchObject({ position: 3, journal: { records: 2 } });
  expect(await open(2)).toMatchObject({
    position: 1,
    journal: { stoppedBy: 'the log ends before' },
  });
  await host.close({ partition: 0, checkpoint: false });
});
