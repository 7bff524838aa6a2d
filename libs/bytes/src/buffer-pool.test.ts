// What a pool hands out again, and what it does not keep.
import { describe, expect, it } from 'vitest';
import { createBufferPool } from './buffer-pool.ts';

const KIB = 1024;

describe('a buffer pool', () => {
  it('hands out what was given back, also for a somewhat different size', () => {
    const pool = createBufferPool(1024 * KIB);
    const first = pool.take(100 * KIB);
    expect(first.length).toBe(100 * KIB);
    pool.give(first);
    const second = pool.take(105 * KIB);
    expect(second.buffer).toBe(first.buffer);
    expect(second.length).toBe(105 * KIB);
    expect(pool.freeBytes).toBe(0);
    expect(pool.take(105 * KIB).buffer).not.toBe(first.buffer);
  });

  it('does not spend a large buffer on a small value', () => {
    const pool = createBufferPool(1024 * KIB);
    const large = pool.take(500 * KIB);
    pool.give(large);
    expect(pool.take(100 * KIB).buffer).not.toBe(large.buffer);
    expect(pool.take(400 * KIB).buffer).toBe(large.buffer);
  });

  it('is bounded: the oldest goes', () => {
    const pool = createBufferPool(300 * KIB);
    const taken = [1, 2, 3].map(() => pool.take(100 * KIB));
    for (const bytes of taken) pool.give(bytes);
    expect(pool.freeBytes).toBeLessThanOrEqual(300 * KIB);
    expect(pool.take(100 * KIB).buffer).toBe(taken[2]!.buffer);
    expect(pool.take(100 * KIB).buffer).toBe(taken[1]!.buffer);
    expect(pool.take(100 * KIB).buffer).not.toBe(taken[0]!.buffer);
    pool.give(pool.take(400 * KIB));
    expect(pool.freeBytes).toBe(0);
  });

  it('ignores what is not its own, and does not share small values', () => {
    const pool = createBufferPool(1024 * KIB);
    pool.give(new Uint8Array(100 * KIB));
    expect(pool.freeBytes).toBe(0);
    const small = pool.take(100);
    expect(small.buffer).toBeInstanceOf(ArrayBuffer);
    expect(small.buffer.byteLength).toBe(100);
  });
});
