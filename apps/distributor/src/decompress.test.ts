// Compressed bodies under the bound of what is in flight: bombs are counted as they grow, before and not after.
import { gzipSync } from 'node:zlib';
import { WeirError } from '@weir/errors';
import { systemClock } from '@weir/runtime';
import { compressFrameSync } from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { decompressInto } from './decompress.ts';

const SIZE = 8 << 20;
const ZEROS = Buffer.alloc(SIZE);

/** A frame of blocks of one repeated byte. */
function zstdOf(size: number): Buffer {
  const blocks: number[] = [];
  for (let rest = size; rest > 0; rest -= 131_072) {
    const length = Math.min(rest, 131_072);
    const header = (length << 3) | 2 | (rest <= 131_072 ? 1 : 0);
    blocks.push(header & 255, (header >> 8) & 255, header >> 16, 0);
  }
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x60, ...blocks]);
}

const BODIES = [
  ['gzip', gzipSync(ZEROS)],
  ['x-gzip', gzipSync(ZEROS)],
  ['lz4', compressFrameSync(ZEROS)],
  ['zstd', zstdOf(SIZE)],
] as const;

function setUp(roomBytes: number) {
  let taken = 0;
  const share = {
    add(sizeBytes: number) {
      if (taken + sizeBytes > roomBytes) throw new WeirError('unavailable', 'no room');
      taken += sizeBytes;
    },
    expect: () => {},
    release: () => {},
  };
  const into = (body: Uint8Array, compression: string, sizeMaxBytes = 1e9, factor = 2) =>
    decompressInto(share, factor, body, {
      ...{ compression, sizeMaxBytes, clock: systemClock },
      tooLarge: () => new WeirError('invalid', 'too large', { status: 413 }),
    });
  return { into, taken: () => taken };
}

describe.each(BODIES)('%s', (compression, body) => {
  it('is counted with what it becomes', async () => {
    const { into, taken } = setUp(1e9);
    expect((await into(body, compression)).length).toBe(SIZE);
    // Memory grows in steps of two.
    expect(taken()).toBeGreaterThanOrEqual(2 * SIZE);
    expect(taken()).toBeLessThanOrEqual(2 * SIZE + 65_536);
  });

  it('is refused while it grows, when there is no more room', async () => {
    const { into, taken } = setUp(SIZE / 4);
    await expect(into(body, compression)).rejects.toThrow('no room');
    expect(taken()).toBeLessThanOrEqual(SIZE / 4);
  });

  it('is refused beyond its limit, and taken at it', async () => {
    const { into } = setUp(1e9);
    expect((await into(body, compression, SIZE)).length).toBe(SIZE);
    await expect(into(body, compression, SIZE - 1)).rejects.toThrow('too large');
  });

  it('is refused when it is cut off', async () => {
    const { into } = setUp(1e9);
    const name = compression.replace('x-', '');
    await expect(into(body.subarray(0, body.length - 5), compression)).rejects.toMatchObject({
      kind: 'invalid',
      message: `${name}: corrupt input`,
    });
  });
});

it('what is not compressed is counted alike', async () => {
  const { into, taken } = setUp(1e9);
  expect(await into(ZEROS, 'identity', SIZE, 3)).toBe(ZEROS);
  expect(taken()).toBe(3 * SIZE);
});
