// The RocksDB store: order, atomicity of what a caller sees, and a head that comes back from disk.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPartitionHead } from '../open.ts';
import { record, series, writeRequest } from '../records/record-fixture.ts';
import { openRocksdbHeadStore } from './rocksdb-store.ts';

let path = '';
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'weir-head-'));
});
afterEach(async () => {
  await rm(path, { recursive: true });
});

describe('RocksDB head store', () => {
  it('scans ranges in key order, in batches', async () => {
    const store = await openRocksdbHeadStore({ path });
    const puts = Array.from({ length: 1000 }, (_, index): [Uint8Array, Uint8Array] => [
      Uint8Array.of(index >>> 8, index & 255),
      new Uint8Array(5000).fill(index & 255),
    ]);
    await store.write({ puts: puts.toReversed(), deletes: [] }, true);
    await store.write({ puts: [], deletes: [Uint8Array.of(0, 7)] }, false);
    const found: number[] = [];
    for await (const rows of store.scan(Uint8Array.of(0, 5), Uint8Array.of(3, 0))) {
      for (const row of rows) {
        found.push(row[0][0] * 256 + row[0][1]);
        // Who takes the rows may change them, as the checksums' reader does.
        row[1] = row[1].subarray(0, 0);
      }
    }
    expect(found).toEqual([5, 6, ...Array.from({ length: 760 }, (_, index) => index + 8)]);
    expect((await store.get(Uint8Array.of(1, 1)))?.length).toBe(5000);
    expect(await store.getMany([Uint8Array.of(0, 7), Uint8Array.of(9)])).toEqual([
      undefined,
      undefined,
    ]);
    await store.close();
    await expect(store.get(Uint8Array.of(1))).rejects.toThrow('closed');
  });

  it('brings a head back', async () => {
    let head = await openPartitionHead(
      { partition: 0 },
      { store: await openRocksdbHeadStore({ path }) },
    );
    for (let step = 0; step < 300; step++) {
      const all = Array.from({ length: 80 }, (_, i) =>
        series({ __name__: 'm', i: String(i) }, [step * 15_000, Math.sin(step * i)]),
      );
      head.apply([record(step, writeRequest(...all))], step + 1);
      if (step % 40 === 39) await head.checkpoint();
    }
    await head.checkpoint();
    const digest = head.digest();
    const before = await sampleCount(head);
    await head.close();
    head = await openPartitionHead(
      { partition: 0 },
      { store: await openRocksdbHeadStore({ path }) },
    );
    expect(head.position).toBe(300);
    expect(head.digest()).toBe(digest);
    expect(before).toBe(80 * 300);
    expect(await sampleCount(head)).toBe(before);
    await head.close();
  });
});

async function sampleCount(head: Awaited<ReturnType<typeof openPartitionHead>>): Promise<number> {
  let count = 0;
  for await (const batch of head.select({ tenant: 'one', matchers: [], minT: 0, maxT: 1e15 })) {
    for (const { chunks } of batch) {
      for (const { bytes } of chunks) count += bytes[0] * 256 + bytes[1];
    }
  }
  return count;
}
