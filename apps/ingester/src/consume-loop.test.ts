// When the loop lets go of record memory: after the apply, and never without one.
import { WeirError } from '@weir/errors';
import type { PartitionLog, RecordBatch } from '@weir/log';
import { describe, expect, it } from 'vitest';
import { batchBytesOf, startConsumeLoop } from './consume-loop.ts';
import type { PartitionHost } from './workers/partition-host.ts';

const VALUES = [Uint8Array.of(1), Uint8Array.of(2)];

/** A log of one batch; then nothing comes until the consumer is closed. */
function logOfOneBatch(): PartitionLog {
  const records = VALUES.map((value, offset) => ({
    ...{ offset, timestampMs: 0, key: Uint8Array.of(116), value, version: 1 },
  }));
  const batches: RecordBatch[] = [{ partition: 0, records, nextOffset: 2 }];
  let close = () => {};
  const log: Partial<PartitionLog> = {
    startOffset: async () => 0,
    consume: async () => ({
      partition: 0,
      position: 0,
      next: async () =>
        batches.shift() ??
        (await new Promise<RecordBatch>((_resolve, reject) => {
          close = () => reject(new WeirError('closed', 'closed'));
        })),
      close: async () => close(),
    }),
  };
  return log as PartitionLog;
}

function start(apply: () => Promise<unknown>) {
  const events: unknown[] = [];
  const loop = startConsumeLoop(
    { partition: 0, fromOffset: 0 },
    {
      log: logOfOneBatch(),
      // The loop only applies.
      host: { apply } as unknown as PartitionHost,
      intake: {
        take: (batch, fromOffset) => ({ ...batch, fromOffset, records: [], settings: [] }),
      },
      batchBytes: () => 1 << 20,
      received: () => events.push('received'),
      applied: () => events.push('applied'),
      release: (value) => events.push(value),
      missed: () => events.push('missed'),
    },
  );
  return { loop, events };
}

describe('the consume loop', () => {
  it('gives the memory of every record back once the batch is applied', async () => {
    let finish = () => {};
    const applying = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { loop, events } = start(() => {
      asked();
      return applying;
    });
    await isAsked;
    expect(events).toEqual(['received']);
    finish();
    loop.stop();
    await loop.ended;
    expect(events).toEqual(['received', 'applied', ...VALUES]);
  });

  it('keeps the memory of a batch that failed: the worker may still read it', async () => {
    const { loop, events } = start(async () => {
      throw new WeirError('internal', 'head failed');
    });
    await expect(loop.ended).rejects.toThrow('head failed');
    expect(events).toEqual(['received']);
  });
});

describe('what partitions take at once', () => {
  const MIB = 1 << 20;

  it('is what one may, until all together would have more than they may', () => {
    const limits = { consumeBytesMax: 4 * MIB, consumeBytesAllMax: 256 * MIB };
    expect(batchBytesOf(limits, 0)).toBe(4 * MIB);
    expect(batchBytesOf(limits, 31)).toBe(4 * MIB);
    expect(batchBytesOf(limits, 32)).toBe(4 * MIB);
    expect(batchBytesOf(limits, 33)).toBeLessThan(4 * MIB);
    for (const partitions of [33, 100, 1000]) {
      expect(2 * partitions * batchBytesOf(limits, partitions)).toBeLessThanOrEqual(256 * MIB);
    }
    expect(batchBytesOf(limits, 1_000_000)).toBe(64 * 1024);
    expect(batchBytesOf({ ...limits, consumeBytesAllMax: 0 }, 1000)).toBe(4 * MIB);
  });
});
