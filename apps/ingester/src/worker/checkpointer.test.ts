// When a checkpoint is due: at so many samples, bytes of records, or closed chunks in memory.
import type { PartitionHead } from '@weir/head';
import { systemClock } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { openFakeHead } from '../testing/fake-head.ts';
import { createCheckpointer } from './checkpointer.ts';

const MIB = 1024 * 1024;

function headWith(figures: Partial<PartitionHead>): PartitionHead {
  return Object.defineProperties(
    openFakeHead(0, 'path', new Map()),
    Object.getOwnPropertyDescriptors({ position: 1, ...figures }),
  );
}

describe('a checkpoint', () => {
  it.each([
    ['few samples', { samplesSinceCheckpoint: 199_999, seriesCount: 10 }, false],
    ['200,000 samples', { samplesSinceCheckpoint: 200_000, seriesCount: 10 }, true],
    [
      'less than 8 samples a series',
      { samplesSinceCheckpoint: 799_999, seriesCount: 100_000 },
      false,
    ],
    ['8 samples a series', { samplesSinceCheckpoint: 800_000, seriesCount: 100_000 }, true],
    ['closed chunks of less than 16 MiB', { closedBytes: 16 * MIB - 1, seriesCount: 10 }, false],
    ['closed chunks of 16 MiB', { closedBytes: 16 * MIB, seriesCount: 10 }, true],
    ['less than 48 bytes a series', { closedBytes: 47_999_999, seriesCount: 1e6 }, false],
    ['48 bytes a series', { closedBytes: 48_000_000, seriesCount: 1e6 }, true],
  ])('at %s: due is %s', async (_, figures, due) => {
    const head = headWith({ samplesSinceCheckpoint: 0, closedBytes: 0, ...figures });
    const checkpointer = createCheckpointer(systemClock);
    expect(checkpointer.isDue(head)).toBe(due);
    await checkpointer.runDue(head);
    expect(checkpointer.takeResults().checkpointsMs).toHaveLength(due ? 1 : 0);
  });

  it('is due at 256 MiB of records', () => {
    const head = headWith({ samplesSinceCheckpoint: 1, seriesCount: 1e9 });
    const checkpointer = createCheckpointer(systemClock);
    checkpointer.noteBytes(256 * MIB - 1);
    expect(checkpointer.isDue(head)).toBe(false);
    checkpointer.noteBytes(1);
    expect(checkpointer.isDue(head)).toBe(true);
  });
});
