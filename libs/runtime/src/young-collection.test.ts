// That a buffer which nobody has any more is freed by it, and that nobody else gets the means.
import { describe, expect, it } from 'vitest';
import { collectYoung, countGarbage } from './young-collection.ts';

const MEBIBYTE = 1 << 20;

describe('collecting the young generation', () => {
  it('frees buffers, and leaves no global behind', () => {
    collectYoung();
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 20; count++) new Uint8Array(MEBIBYTE).fill(1);
    expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(10 * MEBIBYTE);
    collectYoung();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5 * MEBIBYTE);
    expect('gc' in globalThis).toBe(false);
  });

  it('comes when as much was counted', () => {
    collectYoung();
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 50; count++) {
      new Uint8Array(MEBIBYTE).fill(1);
      countGarbage(MEBIBYTE);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * MEBIBYTE);
  });
});
