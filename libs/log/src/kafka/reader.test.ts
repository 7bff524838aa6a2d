// How much partitions read ahead, alone and together.
import { expect, it } from 'vitest';
import { shareOf } from './reader.ts';

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
