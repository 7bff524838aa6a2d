// Write-ahead logs with and without gaps, written here by the format's description.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkLogs } from './log-checks.ts';
import { maskedCrc } from './table-format.ts';

const BLOCK_BYTES = 32 * 1024;
const manifest = { tables: new Set<number>(), firstLog: 10, sequence: 99 };

let path = '';
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'weir-logs-'));
});
afterEach(() => rm(path, { recursive: true }));

/** Records by the number of their first write and how many they hold, each of `sizeBytes`. */
function logOf(records: readonly [sequence: number, count: number][], sizeBytes: number): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  const push = (part: Buffer): void => {
    parts.push(part);
    length += part.length;
  };
  for (const [sequence, count] of records) {
    const record = Buffer.alloc(sizeBytes, 7);
    record.writeBigUInt64LE(BigInt(sequence));
    record.writeUInt32LE(count, 8);
    for (let at = 0; at < sizeBytes; ) {
      const left = BLOCK_BYTES - (length % BLOCK_BYTES);
      if (left < 7) {
        push(Buffer.alloc(left));
        continue;
      }
      const end = Math.min(sizeBytes, at + left - 7);
      const type = at === 0 ? (end === sizeBytes ? 1 : 2) : end === sizeBytes ? 4 : 3;
      const fragment = Buffer.concat([Buffer.alloc(7), record.subarray(at, end)]);
      fragment.writeUInt16LE(end - at, 4);
      fragment[6] = type;
      fragment.writeUInt32LE(maskedCrc(fragment, 6, fragment.length));
      push(fragment);
      at = end;
    }
  }
  return Buffer.concat(parts);
}

async function check(...logs: readonly [number: number, bytes: Uint8Array][]): Promise<string> {
  for (const [number, bytes] of logs) await writeFile(join(path, `0000${number}.log`), bytes);
  return checkLogs(path, manifest).then(
    () => 'sound',
    (error) => error.kind,
  );
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] ^= 1;
  return copy;
}

const first = logOf(
  [
    [100, 3],
    [103, 1],
    [104, 10],
  ],
  40_000,
);
const second = logOf(
  [
    [114, 1],
    [115, 2],
  ],
  100,
);

describe('checks of write-ahead logs', () => {
  it('take writes without a gap, over blocks and logs', async () => {
    expect(await check([10, first], [11, second])).toBe('sound');
  });

  it('take a log that begins with what a table has, and none that begins later', async () => {
    expect(await check([10, logOf([[50, 50]], 100)])).toBe('sound');
    expect(await check([10, logOf([[100, 1]], 100)])).toBe('sound');
    expect(await check([10, logOf([[101, 1]], 100)])).toBe('corrupt');
  });

  it('take damage and a cut only where no record follows', async () => {
    // The last of the three records begins in the block at 65,536.
    const lastAt = 2 * 40_000 + 100;
    expect(await check([10, flipped(first, lastAt)])).toBe('sound');
    expect(await check([10, first.subarray(0, lastAt)])).toBe('sound');
    expect(await check([10, flipped(first, lastAt)], [11, second])).toBe('corrupt');
    expect(await check([10, first.subarray(0, lastAt)], [11, second])).toBe('corrupt');
    for (const at of [0, 4, 5, 6, 10, 20_000, 33_000, 39_000]) {
      expect(await check([10, flipped(first, at)], [11, Buffer.alloc(0)]), `${at}`).toBe('corrupt');
    }
  });

  it('leave logs alone whose writes are in tables', async () => {
    expect(await check([9, flipped(second, 20)], [10, first])).toBe('sound');
  });

  it('notice a log that is missing', async () => {
    expect(await check([11, second])).toBe('corrupt');
  });
});
