// A damaged database folder: a flipped byte or a missing file anywhere gives a state that was committed
// once, or `corrupt`, which has the folder put aside; never another state, another answer, or an error
// that would be tried again for ever.
import { cp, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { isKind } from '@weir/errors';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PartitionHead } from '../head.ts';
import { openPartitionHead } from '../open.ts';
import { message, record, series, writeRequest } from '../records/record-fixture.ts';
import { EXTENT_BYTES } from '../slabs/extents.ts';
import { openRocksdbHeadStore } from './rocksdb-store.ts';
import { FOOTER_BYTES } from './table-format.ts';

let root = '';
/** What the head was at its checkpoints, by position. */
const committed = new Map<number, { digest: string; samples: string[] }>();

async function openHead(path: string): Promise<PartitionHead> {
  const store = await openRocksdbHeadStore({ path });
  try {
    return await openPartitionHead({ partition: 0 }, { store });
  } catch (error) {
    await store.close();
    throw error;
  }
}

function applyTo(head: PartitionHead, upTo: number): void {
  for (let step = head.position; step < upTo; step++) {
    const all = Array.from({ length: 30 }, (_, i) =>
      series({ __name__: 'm', i: String(i) }, [step * 15_000, Math.sin(step * i)]),
    );
    head.apply([record(step, writeRequest(...all))], step + 1);
  }
}

/** Metadata that makes the log longer than one of its blocks. */
function applyMetadata(head: PartitionHead): void {
  const all = Array.from({ length: 600 }, (_, i) =>
    message(0x1a, message(0x12, Buffer.from(`m${i}`)), message(0x22, Buffer.alloc(50, 'help'))),
  );
  head.apply([record(head.position, Buffer.concat(all))], head.position + 1);
}

async function samplesOf(head: PartitionHead): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of head.select({ tenant: 'one', matchers: [], minT: 0, maxT: 1e15 })) {
    for (const { labels, chunks } of batch) {
      for (const { bytes } of chunks) {
        found.push(`${Buffer.from(labels).toString('hex')} ${Buffer.from(bytes).toString('hex')}`);
      }
    }
  }
  return found;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-damage-'));
  const path = join(root, 'sound');
  for (const upTo of [130, 300]) {
    const head = await openHead(path);
    applyTo(head, upTo);
    await head.checkpoint();
    await head.close();
    const reopened = await openHead(path);
    committed.set(upTo, { digest: reopened.digest(), samples: await samplesOf(reopened) });
    // Closing and opening turns the log of the database into a table.
    await reopened.close();
  }
  // What comes now stays in the log.
  const head = await openHead(path);
  for (const upTo of [310, 320]) {
    applyMetadata(head);
    applyTo(head, upTo);
    await head.checkpoint();
    const copy = join(root, `at-${upTo}`);
    await cp(path, copy, { recursive: true });
    const reopened = await openHead(copy);
    committed.set(upTo, { digest: reopened.digest(), samples: await samplesOf(reopened) });
    await reopened.close();
  }
  await head.close();
  const empty = await openHead(join(root, 'empty'));
  committed.set(0, { digest: empty.digest(), samples: [] });
  await empty.close();
});
afterAll(() => rm(root, { recursive: true }));

let copies = 0;

/** All that RocksDB reads, and the slabs. */
async function filesOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter(
    (entry) => entry.isFile() && !/^(LOG|LOCK|IDENTITY)/.test(entry.name),
  );
  return files.map(({ parentPath, name }) => relative(path, join(parentPath, name))).sort();
}

/** Damages a copy of the folder; what comes of it. */
async function outcome(damage: (path: string, files: string[]) => Promise<void>): Promise<string> {
  const path = join(root, `copy-${copies++}`);
  await cp(join(root, 'sound'), path, { recursive: true });
  await damage(path, await filesOf(path));
  let head: PartitionHead | undefined;
  try {
    head = await openHead(path);
    const expected = committed.get(head.position);
    expect(expected?.digest).toBe(head.digest());
    expect(await samplesOf(head)).toEqual(expected?.samples);
    return `at ${head.position}`;
  } catch (error) {
    if (!isKind(error, 'corrupt')) throw error;
    if (head !== undefined) expect(head.damage).toBeDefined();
    return 'corrupt';
  } finally {
    await head?.close();
    await rm(path, { recursive: true });
  }
}

describe('a damaged database', () => {
  it('with a flipped byte is the committed state, or corrupt', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (file, at, by) => {
          const found = await outcome(async (path, files) => {
            const name = join(path, files[file % files.length]);
            const bytes = await readFile(name);
            if (bytes.length === 0) return;
            bytes[at % bytes.length] ^= by;
            await writeFile(name, bytes);
          });
          seen.set(found, (seen.get(found) ?? 0) + 1);
        },
      ),
      { numRuns: 40 },
    );
    expect(seen.get('corrupt')).toBeGreaterThan(5);
  }, 60_000);

  // RocksDB ends the process where some of these are wrong: it must not get to see them.
  it('with a byte flipped behind the data of a table is corrupt, whichever byte it is', async () => {
    const path = join(root, `copy-${copies++}`);
    await cp(join(root, 'sound'), path, { recursive: true });
    const tables = (await readdir(path)).filter((name) => name.endsWith('.sst'));
    expect(tables.length).toBeGreaterThan(1);
    for (const table of tables) {
      const file = await open(join(path, table), 'r+');
      const { size } = await file.stat();
      const flipped = async (at: number, by: number): Promise<void> => {
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, at);
        await file.write(Buffer.of(byte[0] ^ by), 0, 1, at);
        const opened = openRocksdbHeadStore({ path });
        await expect(opened, `${table} ${at} ^ ${by}`).rejects.toMatchObject({ kind: 'corrupt' });
        await file.write(byte, 0, 1, at);
      };
      for (let back = 1; back <= FOOTER_BYTES; back++) {
        for (const by of [1, 2, 128, 255]) await flipped(size - back, by);
      }
      // Metaindex, properties, index and the end of the filter.
      for (let back = FOOTER_BYTES + 1; back <= 1000; back += 4) {
        await flipped(size - back, 1 << (back % 8));
      }
      await file.close();
    }
    const head = await openHead(path);
    expect(head.position).toBe(320);
    await head.close();
  }, 60_000);

  // RocksDB leaves out what it can't read, and goes on.
  it('with a byte flipped in the log is the commit before, or corrupt', async () => {
    const log = (await readdir(join(root, 'sound'))).find((name) => name.endsWith('.log'))!;
    const { length } = await readFile(join(root, 'sound', log));
    expect(length).toBeGreaterThan(32 * 1024);
    const found: string[] = [];
    for (let at = 0; at < length; at += Math.ceil(length / 50)) {
      const flipped = async (path: string): Promise<void> => {
        const bytes = await readFile(join(path, log));
        bytes[at] ^= 1 << (at % 8);
        await writeFile(join(path, log), bytes);
      };
      found.push(await outcome(flipped));
    }
    expect(new Set(found)).toEqual(new Set(['corrupt', 'at 310']));
    // Before the last checkpoint's rows nothing may be missing.
    expect(found.indexOf('at 310')).toBeGreaterThan(found.lastIndexOf('corrupt'));
  }, 60_000);

  it('with a missing or cut file is a committed state, or corrupt', async () => {
    for (const name of await filesOf(join(root, 'sound'))) {
      await outcome((path) => rm(join(path, name)));
      await outcome(async (path) => {
        const bytes = await readFile(join(path, name));
        await writeFile(join(path, name), bytes.subarray(0, bytes.length >> 1));
      });
    }
  }, 60_000);

  it.each(['groups', 'blocks', 'arenas'] as const)(
    'with slabs in %s that are flipped, cut or gone is corrupt',
    async (file) => {
      const name = join('slabs', file);
      const { length } = await readFile(join(root, 'sound', name));
      const found: string[] = [];
      // Extents without a slab don't matter.
      for (let at = 64; at < length; at += EXTENT_BYTES[file]) {
        const flipped = async (path: string): Promise<void> => {
          const bytes = await readFile(join(path, name));
          bytes[at] ^= 1 << (at % 8);
          await writeFile(join(path, name), bytes);
        };
        found.push(await outcome(flipped));
      }
      expect(found).toContain('corrupt');
      expect(found.filter((one) => one !== 'corrupt' && one !== 'at 320')).toEqual([]);
      expect(await outcome((path) => rm(join(path, name)))).toBe('corrupt');
      expect(await outcome((path) => truncate(join(path, name), 64))).toBe('corrupt');
      const folder = (path: string) => rm(join(path, 'slabs'), { recursive: true });
      expect(await outcome(folder)).toBe('corrupt');
    },
    60_000,
  );
});
