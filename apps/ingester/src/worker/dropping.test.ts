// A checkpoint waits for a drop under way: it would take what the drop's steps have left at once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPartitionHead, type PartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { type Clock, systemClock } from '@weir/runtime';
import { afterEach, expect, it } from 'vitest';
import { createPartitionHost } from './host.ts';

let dir = '';
afterEach(() => rm(dir, { recursive: true, force: true }));

it('makes checkpoints wait for the steps of a drop', async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-dropping-'));
  const events: string[] = [];
  let checkpointed: Promise<unknown> | undefined;
  let nowMs = 0;
  // Each look at the clock is two milliseconds later, so every step yields.
  const steadyMs = () => {
    nowMs += 2;
    return nowMs;
  };
  const clock: Clock = Object.create(systemClock, { steadyMs: { value: steadyMs } });
  const host = createPartitionHost({
    clock,
    nextUlid: () => '01JZZZZZZZZZZZZZZZZZZZZZZZ',
    openStore: async () => createMemoryHeadStore(),
    openHead: async (partition, store) => {
      const head = await openPartitionHead({ partition }, { store });
      const dropSteps: PartitionHead['dropSteps'] = function* () {
        for (let step = 0; step < 5; step++) {
          if (step === 1) checkpointed = host.checkpoint({ partition: 0, force: true });
          events.push('step');
          yield;
        }
      };
      const checkpoint = () => {
        events.push('checkpoint');
        return head.checkpoint();
      };
      return Object.create(head, {
        dropSteps: { value: dropSteps },
        checkpoint: { value: checkpoint },
      });
    },
  });
  await host.open({ partition: 0, dir, topicId: 'topic' });
  await host.start({ partition: 0, position: 0, shipped: [] });
  const record = { offset: 0, timestampMs: 0, tenant: 'one', value: new Uint8Array(0), version: 1 };
  await host.apply({ partition: 0, fromOffset: 0, records: [record], nextOffset: 1, settings: [] });
  const window = { tenant: 'one', minT: 0, maxT: 7_200_000, firstOffset: 0, lastOffset: 0 };
  await host.drop({ partition: 0, windows: [window] });
  await checkpointed;
  expect(events).toEqual([...Array(5).fill('step'), 'checkpoint']);
  await host.close({ partition: 0, checkpoint: false });
});
