// How much partitions read ahead, alone and together; and a client that brings nothing of what is there.
import { EventEmitter } from 'node:events';
import { defaultsOf } from '@weir/config';
import { type Clock, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { expect, it } from 'vitest';
import type { Driver } from './driver.ts';
import { kafkaFlags } from './flags.ts';
import { openReader, shareOf } from './reader.ts';
import type { Trouble } from './trouble.ts';

const MIB = 1 << 20;

it('is what one may, until all together would have more than they may', () => {
  const limits = { partitionBufferBytes: 4 * MIB, bufferBytesMax: 128 * MIB };
  expect(shareOf(limits, 0)).toBe(4 * MIB);
  expect(shareOf(limits, 32)).toBe(4 * MIB);
  expect(shareOf(limits, 33)).toBeLessThan(4 * MIB);
  expect(shareOf(limits, 1000) * 1000).toBeLessThanOrEqual(128 * MIB);
  expect(shareOf(limits, 1_000_000)).toBe(64 * 1024);
  expect(shareOf({ ...limits, bufferBytesMax: 0 }, 1000)).toBe(4 * MIB);
  // A smaller limit of one stays.
  expect(shareOf({ ...limits, partitionBufferBytes: 1000 }, 1)).toBe(1000);
});

class FakeClient extends EventEmitter {
  readonly assigned = new Map<number, number>();
  readonly brings: boolean;

  constructor(brings: boolean) {
    super();
    this.brings = brings;
  }

  setDefaultIsTimeoutOnlyForFirstMessage(): void {}
  setDefaultConsumeTimeout(): void {}
  isConnected(): boolean {
    return false;
  }

  incrementalAssign([one]: [{ partition: number; offset: number }]): void {
    this.assigned.set(one.partition, one.offset);
  }

  incrementalUnassign([one]: [{ partition: number }]): void {
    this.assigned.delete(one.partition);
  }

  consume(_max: number, done: (error: undefined, messages: readonly unknown[]) => void): void {
    for (const [partition, offset] of this.brings ? [...this.assigned] : []) {
      const value = Buffer.from('v');
      this.emit('data', { partition, offset, value, key: 't', timestamp: 1, size: 1 });
      this.assigned.set(partition, offset + 1);
    }
    void systemClock.sleep(1).then(() => done(undefined, []));
  }
}

it('another client takes over from one that brings nothing of what is there, and only then', async () => {
  const clients: FakeClient[] = [];
  const due: (() => void)[] = [];
  const clock = {
    ...systemClock,
    after: (_ms: number, look: () => void) => {
      due.push(look);
      return { cancel() {} };
    },
  } as Clock;
  const driver = {
    // biome-ignore lint/complexity/useArrowFunction: the driver's classes are called with new
    KafkaConsumer: function () {
      const client = new FakeClient(clients.length > 0);
      clients.push(client);
      return client;
    },
  };
  let end = 5;
  const looks = async (times: number) => {
    for (let time = 0; time < times; time++) {
      due.shift()?.();
      await systemClock.sleep(5);
    }
  };
  const reader = await openReader(
    // Of the driver only what a reader needs.
    driver as unknown as Driver,
    { ...defaultsOf(kafkaFlags), topic: 't' },
    {
      ...{ clock, log: silentTelemetry().log },
      offsets: { watermarks: async () => ({ start: 0, end }) },
      trouble: { watch() {}, connect: async () => {} } as Partial<Trouble> as Trouble,
    },
  );
  const consumer = await reader.consume(3, 5);
  // Nothing is there: silence is right.
  await looks(20);
  expect(clients.length).toBe(1);
  end = 7;
  await looks(4);
  expect(clients.length).toBe(1);
  const next = consumer.next(1);
  await looks(1);
  expect(clients.length).toBe(2);
  expect((await next).records.map(({ offset }) => offset)).toEqual([5]);
  // What the silent one says after all counts no more.
  clients[0]!.emit('data', { partition: 3, offset: 1000, value: Buffer.from('x'), size: 1 });
  expect((await consumer.next(1)).records[0]!.offset).toBe(6);
  await reader.close();
});
