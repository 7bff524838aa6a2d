// What is read of RocksDB's files, on files that the package wrote, and bytes that nobody wrote.
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isKind } from '@weir/errors';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HeadStore } from '../head.ts';
import { readCurrentManifest } from './log-checks.ts';
import { readManifest } from './manifest.ts';
import { openRocksdbHeadStore } from './rocksdb-store.ts';
import { checkTables } from './table-checks.ts';
import {
  FOOTER_BYTES,
  openBlock,
  readFooter,
  readIndex,
  readMetaindex,
  readProperties,
} from './table-format.ts';

let path = '';
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'weir-tables-'));
});
afterEach(() => rm(path, { recursive: true }));

const ROWS = 400;
const START: Uint8Array = Uint8Array.of(0);
const END: Uint8Array = Uint8Array.of(255);

function rowKey(index: number): Uint8Array {
  return Uint8Array.of(1, index >>> 8, index & 255);
}

async function open(): Promise<HeadStore> {
  return openRocksdbHeadStore({ path });
}

/** One table of 400 rows of 1000 bytes, some 27 blocks. */
async function writeTable(): Promise<string> {
  const store = await open();
  const puts = Array.from({ length: ROWS }, (_, index): [Uint8Array, Uint8Array] => [
    rowKey(index),
    new Uint8Array(1000).fill(index),
  ]);
  await store.write({ puts, deletes: [] }, true);
  await store.close();
  // Opening turns the log into a table.
  await (await open()).close();
  return (await tables())[0];
}

async function tables(): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.endsWith('.sst'));
}

async function flip(name: string, at: number, by = 1): Promise<void> {
  const bytes = await readFile(join(path, name));
  bytes[at] ^= by;
  await writeFile(join(path, name), bytes);
}

async function count(store: HeadStore, from = START, to = END): Promise<number> {
  let rows = 0;
  for await (const batch of store.scan(from, to)) rows += batch.length;
  return rows;
}

function blocksOf(bytes: Uint8Array) {
  const footer = readFooter(bytes.subarray(bytes.length - FOOTER_BYTES), bytes.length);
  const block = ({ offset, sizeBytes }: { offset: number; sizeBytes: number }) =>
    openBlock(bytes, offset, offset + sizeBytes + 5);
  const handles = readMetaindex(block(footer.metaindex));
  const properties = block(handles.get('rocksdb.properties')!);
  return { footer, handles, properties, index: block(footer.index) };
}

describe('the format of tables', () => {
  it('is what the package writes', async () => {
    const bytes = await readFile(join(path, await writeTable()));
    const { properties, index } = blocksOf(bytes);
    const { offsets, firstBlock } = readIndex(index, readProperties(properties));
    expect(offsets.length - 1).toBeGreaterThan(20);
    expect(firstBlock(START)).toBe(0);
    expect(firstBlock(END)).toBe(offsets.length - 1);
    // Rows of a block: its separator is at or above them, the one before is below them.
    let previous = 0;
    for (let row = 0; row < ROWS; row++) {
      const block = firstBlock(rowKey(row));
      expect(block === previous || block === previous + 1).toBe(true);
      const data = openBlock(bytes, offsets[block], offsets[block + 1]);
      expect(Buffer.from(data).includes(Buffer.alloc(1000, row))).toBe(true);
      previous = block;
    }
  });

  it('no bytes give anything but `corrupt` or `invalid`', async () => {
    const bytes = await readFile(join(path, await writeTable()));
    const { properties, index } = blocksOf(bytes);
    const layout = readProperties(properties);
    const readers = [
      (block: Uint8Array) => readFooter(block, 1000),
      readMetaindex,
      readProperties,
      (block: Uint8Array) => readIndex(block, layout),
      readManifest,
    ];
    const damagedBlock = fc
      .tuple(
        fc.constantFrom(properties, index),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      )
      .map(([block, changes]): Uint8Array => {
        const copy = Uint8Array.from(block);
        for (const [at, value] of changes) copy[at % copy.length] = value;
        return copy;
      });
    fc.assert(
      fc.property(
        fc.oneof<fc.Arbitrary<Uint8Array>[]>(fc.uint8Array({ maxLength: 200 }), damagedBlock),
        fc.constantFrom(...readers),
        (block, reader) => {
          try {
            reader(block);
          } catch (error) {
            if (!isKind(error, 'corrupt') && !isKind(error, 'invalid')) throw error;
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('checks of tables', () => {
  it('take a database of several tables, and only its live ones', async () => {
    await writeTable();
    const store = await open();
    await store.write({ puts: [[rowKey(ROWS), END]], deletes: [rowKey(1)] }, true);
    await store.close();
    await (await open()).close();
    const names = await tables();
    expect(names.length).toBe(2);
    const live = (await readCurrentManifest(path))!.tables;
    expect([...live].sort()).toEqual(names.map((name) => Number.parseInt(name, 10)).sort());
    const again = await open();
    expect(await count(again)).toBe(ROWS);
    await again.close();
  });

  it('a table that a crash left half-written is no damage, one that is needed is', async () => {
    const name = await writeTable();
    for (const half of [Buffer.alloc(0), Buffer.alloc(100), Buffer.alloc(100_000, 7)]) {
      await writeFile(join(path, '000999.sst'), half);
      const store = await open();
      expect(await count(store)).toBe(ROWS);
      await store.close();
      expect(await tables()).toEqual([name]);
    }
    await truncate(join(path, name), 50_000);
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('finds damage in a data block when, and only when, a scan may read it', async () => {
    const name = await writeTable();
    // In the middle of the table.
    await flip(name, 205_000);
    const store = await open();
    expect(await count(store, START, rowKey(100))).toBe(100);
    expect(await count(store, rowKey(300))).toBe(100);
    await expect(count(store)).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(count(store, rowKey(190), rowKey(210))).rejects.toMatchObject({ kind: 'corrupt' });
    await store.close();
  });

  it('checks the block behind the range, too', async () => {
    const name = await writeTable();
    const bytes = await readFile(join(path, name));
    const { properties, index } = blocksOf(bytes);
    const { offsets, firstBlock } = readIndex(index, readProperties(properties));
    const at = firstBlock(rowKey(50));
    const checks = async (): Promise<boolean> => {
      const { check } = await checkTables(path);
      return check(rowKey(50), rowKey(50)).then(
        () => true,
        () => false,
      );
    };
    for (const [block, isSound] of [
      [at - 1, true],
      [at, false],
      [at + 1, false],
      [at + 2, true],
    ] as const) {
      await flip(name, offsets[block]);
      expect(await checks()).toBe(isSound);
      await flip(name, offsets[block]);
    }
  });

  it('a table that was compacted away is not missed', async () => {
    const name = await writeTable();
    const { check } = await checkTables(path);
    await rm(join(path, name));
    await check(START, END);
  });
});
