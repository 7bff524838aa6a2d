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

  it('closes under running scans, reads and writes', async () => {
    const puts = Array.from({ length: 2000 }, (_, index): [Uint8Array, Uint8Array] => [
      Uint8Array.of(index >>> 8, index & 255),
      new Uint8Array(4000).fill(index & 255),
    ]);
    const keys = puts.slice(0, 100).map(([key]) => key);
    const all = [Uint8Array.of(0), Uint8Array.of(255)] as const;
    const first = await openRocksdbHeadStore({ path });
    await first.write({ puts, deletes: [] }, true);
    await first.close();
    // Before a scan begins, while its tables are checked, while rows are read ahead, after its end.
    for (const steps of [0, 1, 2, 3, 100]) {
      const store = await openRocksdbHeadStore({ path });
      const scan = store.scan(...all)[Symbol.asyncIterator]();
      const paused = store.scan(...all)[Symbol.asyncIterator]();
      if (steps > 1) await paused.next();
      let isDone = false;
      for (let step = 1; step < steps && !isDone; step++)
        isDone = (await scan.next()).done === true;
      const next = steps === 0 ? undefined : scan.next();
      const write = store.write({ puts: puts.slice(0, 500), deletes: [] }, true);
      const read = store.getMany(keys);
      const closed = [store.close(), store.close()];
      expect(closed[0]).toBe(closed[1]);
      if (isDone) expect((await next)?.done).toBe(true);
      else await expect(next ?? scan.next()).rejects.toMatchObject({ kind: 'closed' });
      await write;
      expect((await read).length).toBe(keys.length);
      await Promise.all(closed);
      await expect(paused.next()).rejects.toMatchObject({ kind: 'closed' });
    }
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
