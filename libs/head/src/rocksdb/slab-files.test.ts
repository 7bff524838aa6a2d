// Slab files on a real disk, beside a real database.
import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRocksdbHeadStore } from './rocksdb-store.ts';

let path = '';
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'weir-slabs-'));
});
afterEach(() => rm(path, { recursive: true }));

const GROUP = 48 * 1024;

describe('slab files', () => {
  it('are made when they are first written, survive closing, and are left alone by RocksDB', async () => {
    const bytes = Uint8Array.from({ length: 2 * GROUP }, (_, at) => at % 251);
    for (let round = 0; round < 3; round++) {
      const store = await openRocksdbHeadStore({ path });
      if (round === 0) {
        expect(await readdir(path)).not.toContain('slabs');
        await Promise.all([
          store.slabs.write('groups', 5, bytes),
          store.slabs.write('groups', 2, bytes.subarray(7, 107)),
        ]);
        await store.slabs.sync();
        expect(await readdir(join(path, 'slabs'))).toEqual(['groups']);
      }
      await store.write(
        { puts: [[Uint8Array.of(1, round), new Uint8Array(9)]], deletes: [] },
        true,
      );
      const parts = [10, 0, 90, GROUP - 100, 13].map((length) => new Uint8Array(length));
      store.slabs.read('groups', 5, parts);
      expect(Buffer.concat(parts).equals(bytes.subarray(0, GROUP + 13))).toBe(true);
      const single = new Uint8Array(100);
      store.slabs.read('groups', 2, [single]);
      expect(single).toEqual(bytes.subarray(7, 107));
      await store.close();
    }
  });

  it('that end before what is read are corrupt, and so are missing ones', async () => {
    const store = await openRocksdbHeadStore({ path });
    expect(() => store.slabs.read('arenas', 0, [new Uint8Array(1)])).toThrow('no slab file');
    await store.slabs.write('arenas', 1, new Uint8Array(100));
    store.slabs.read('arenas', 1, [new Uint8Array(100)]);
    for (const [extent, length] of [
      [1, 101],
      [2, 1],
    ]) {
      const read = () => store.slabs.read('arenas', extent, [new Uint8Array(length)]);
      expect(read).toThrow(expect.objectContaining({ kind: 'corrupt' }));
    }
    await store.close();
  });

  it('end where they are truncated, and grow again', async () => {
    const store = await openRocksdbHeadStore({ path });
    const size = async () => (await stat(join(path, 'slabs', 'groups'))).size;
    await store.slabs.truncate('groups', 0);
    await store.slabs.write('groups', 0, new Uint8Array(3 * GROUP));
    await store.slabs.truncate('groups', 4);
    expect(await size()).toBe(3 * GROUP);
    await store.slabs.truncate('groups', 2);
    expect(await size()).toBe(2 * GROUP);
    await store.slabs.write('groups', 3, new Uint8Array(1));
    expect(await size()).toBe(3 * GROUP + 1);
    await store.close();
  });

  it('are closed with the store, after what is under way', async () => {
    const store = await openRocksdbHeadStore({ path });
    const writing = store.slabs.write('blocks', 0, new Uint8Array(128 * 1024).fill(3));
    await store.close();
    await writing;
    const closed = expect.objectContaining({ kind: 'closed' });
    await expect(store.slabs.write('blocks', 0, new Uint8Array(1))).rejects.toEqual(closed);
    await expect(store.slabs.sync()).rejects.toEqual(closed);
    expect(() => store.slabs.read('blocks', 0, [new Uint8Array(1)])).toThrow(closed);
    await truncate(join(path, 'slabs', 'blocks'), 10);
    const again = await openRocksdbHeadStore({ path });
    again.slabs.read('blocks', 0, [new Uint8Array(10)]);
    await again.close();
  });

  it('whose folder can not be read are not taken for missing', async () => {
    const store = await openRocksdbHeadStore({ path });
    await store.slabs.write('groups', 0, new Uint8Array(1));
    await store.close();
    await rm(join(path, 'slabs'), { recursive: true });
    await writeFile(join(path, 'slabs'), 'a file in its place');
    await expect(openRocksdbHeadStore({ path })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
