// A record that can't be applied: the first time the partition is reopened and tries again, the second time
// its tenant is parked, and the others go on.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { systemClock } from '@weir/runtime';
import { afterEach, expect, it } from 'vitest';
import { createPartitionHost } from './host.ts';

let dir = '';
afterEach(() => rm(dir, { recursive: true, force: true }));

const BAD = 2;

it('parks the tenant of a record that fails twice', async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-parking-'));
  let store = createMemoryHeadStore();
  const host = createPartitionHost({
    clock: systemClock,
    nextUlid: () => '01JZZZZZZZZZZZZZZZZZZZZZZZ',
    openStore: async () => {
      store = store.copy();
      return store;
    },
    openHead: async (partition, opened) => {
      const head = await openPartitionHead({ partition }, { store: opened });
      const apply: typeof head.apply = (records, nextOffset) => {
        const isParked = head.parked().length > 0;
        if (!isParked && records.some(({ offset }) => offset === BAD)) throw new Error('bug');
        head.apply(records, nextOffset);
      };
      return Object.create(head, { apply: { value: apply } });
    },
  });
  const records = ['good', 'bad', 'bad', 'good'].map((tenant, offset) => {
    return { offset, timestampMs: 0, tenant, value: new Uint8Array(0), version: 1 };
  });
  const batch = { partition: 0, fromOffset: 0, records, nextOffset: 4, settings: [] };
  for (let attempt = 0; attempt < 2; attempt++) {
    await host.open({ partition: 0, dir, topicId: 'topic' });
    await host.start({ partition: 0, position: 0, shipped: [] });
    await expect(host.apply(batch)).rejects.toThrow('bug');
    await host.close({ partition: 0, checkpoint: false });
  }
  await host.open({ partition: 0, dir, topicId: 'topic' });
  await host.start({ partition: 0, position: 0, shipped: [] });
  expect((await host.apply(batch)).position).toBe(4);
  const durable = await host.checkpoint({ partition: 0, force: true });
  expect(durable).toMatchObject({
    safeOffset: BAD,
    parked: [{ tenant: 'bad', fromOffset: BAD, records: 1 }],
  });
  await host.close({ partition: 0, checkpoint: false });
});
