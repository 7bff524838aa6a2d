// Keeps damaged table files from RocksDB, which would end the process (see table-format.ts). Before the
// database opens, all of a table but its data is checked, with a few reads near its end; a table that
// fails is damage if the manifest names it, else one that a crash left half-written. Data blocks are
// checked, once, before a scan first reads them. Tables written after the opening are not looked at: they
// are made from memory, and from blocks whose checksums RocksDB's compaction verifies. Neither is a table
// that changes while the database is open.
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isKind, WeirError } from '@weir/errors';
import type { Manifest } from './manifest.ts';
import {
  type BlockHandle,
  FOOTER_BYTES,
  openBlock,
  readFooter,
  readIndex,
  readMetaindex,
  readProperties,
  type TableIndex,
  TRAILER_BYTES,
} from './table-format.ts';

const TABLE = /^\d+\.sst$/;
/** Holds footer, metaindex, properties and, of a small table, the index. */
const TAIL_BYTES = 16 * 1024;
const READ_BYTES = 1024 * 1024;
const PROPERTIES = 'rocksdb.properties';

interface Table {
  readonly path: string;
  readonly index: TableIndex;
  /** By data block: 1 when it has been checked. */
  readonly checked: Uint8Array;
  unchecked: number;
}

export interface TableChecks {
  /** Rejects with `corrupt` when a block is damaged that a scan from `from` up to `to` may read. */
  check(from: Uint8Array, to: Uint8Array): Promise<void>;
}

/** Checks the tables in the folder of a database that isn't open. Rejects with `corrupt`. */
export async function checkTables(dir: string, manifest?: Manifest): Promise<TableChecks> {
  let tables: Table[] = [];
  for (const name of (await readdir(dir)).sort()) {
    if (!TABLE.test(name)) continue;
    const path = join(dir, name);
    try {
      const index = await readTable(path);
      const count = index.offsets.length - 1;
      tables.push({ path, index, checked: new Uint8Array(count), unchecked: count });
    } catch (error) {
      const isNeeded = manifest?.tables.has(Number.parseInt(name, 10));
      if (isNeeded || !isKind(error, 'corrupt')) throw error;
    }
  }
  return {
    async check(from, to) {
      for (const table of tables) await checkRange(table, from, to);
      if (tables.some(isChecked)) tables = tables.filter((table) => !isChecked(table));
    },
  };
}

function isChecked({ unchecked }: Table): boolean {
  return unchecked === 0;
}

/** Checks all but the data. */
async function readTable(path: string): Promise<TableIndex> {
  return withFile(path, async (file) => {
    const fileBytes = (await file.stat()).size;
    const tailFrom = Math.max(0, fileBytes - TAIL_BYTES);
    const tail = await readBytes(file, tailFrom, fileBytes);
    const block = async ({ offset, sizeBytes }: BlockHandle): Promise<Uint8Array> => {
      const end = offset + sizeBytes + TRAILER_BYTES;
      if (end > fileBytes) throw new WeirError('corrupt', 'a block lies behind the end');
      if (offset >= tailFrom) return openBlock(tail, offset - tailFrom, end - tailFrom);
      return openBlock(await readBytes(file, offset, end), 0, end - offset);
    };
    if (fileBytes < FOOTER_BYTES) throw new WeirError('corrupt', 'shorter than a footer');
    const footer = readFooter(tail.subarray(tail.length - FOOTER_BYTES), fileBytes);
    const handles = readMetaindex(await block(footer.metaindex));
    const properties = handles.get(PROPERTIES);
    if (properties === undefined) throw new WeirError('corrupt', 'no properties');
    const index = await block(footer.index);
    for (const handle of handles.values()) await block(handle);
    return readIndex(index, readProperties(await block(properties)));
  });
}

/**
 * Besides the blocks that can hold keys of the range, RocksDB reads the first key behind it: that of the
 * block after the one in which `to` would be.
 */
async function checkRange(table: Table, from: Uint8Array, to: Uint8Array): Promise<void> {
  const { path, index, checked } = table;
  const end = Math.min(checked.length, index.firstBlock(to) + 2);
  const first = checked.indexOf(0, index.firstBlock(from));
  if (first < 0 || first >= end) return;
  try {
    await withFile(path, async (file) => {
      for (let at = first; at < end; ) {
        if (checked[at] === 1) at++;
        else at = await checkRun(table, file, at, end);
      }
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Compacted away: no later scan reads it.
    checked.fill(1);
    table.unchecked = 0;
  }
}

/** Checks blocks from `from` on, up to READ_BYTES of them; returns which comes next. */
async function checkRun(
  table: Table,
  file: FileHandle,
  from: number,
  end: number,
): Promise<number> {
  const { checked } = table;
  const { offsets } = table.index;
  let to = from + 1;
  while (to < end && checked[to] === 0 && offsets[to + 1] - offsets[from] <= READ_BYTES) to++;
  const bytes = await readBytes(file, offsets[from], offsets[to]);
  for (let at = from; at < to; at++) {
    openBlock(bytes, offsets[at] - offsets[from], offsets[at + 1] - offsets[from]);
    // Another scan may have checked it meanwhile.
    if (checked[at] === 0) table.unchecked--;
    checked[at] = 1;
  }
  return to;
}

/** What a table's bytes can be blamed for is `corrupt`, and names the table. */
async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await use(file);
  } catch (error) {
    if (!isKind(error, 'corrupt') && !isKind(error, 'invalid')) throw error;
    throw new WeirError('corrupt', `head store: ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    await file.close();
  }
}

async function readBytes(file: FileHandle, from: number, to: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
    if (bytesRead === 0) throw new WeirError('corrupt', `ends before ${to}`);
    at += bytesRead;
  }
  return bytes;
}
