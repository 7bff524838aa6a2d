// The head store port on the `rocksdb` package (RocksDB 6.17, leveldown's interface): one database per
// partition, opened and used in one thread. Batches go through the thread pool and are atomic; the write
// buffer is small because a partition's checkpoint is, and the block cache because hot chunks are the
// head's own memory. The package has no range delete, no column families and no checkpoints.
import { mkdir } from 'node:fs/promises';
import { WeirError } from '@weir/errors';
import rocksdb, { type ChainedBatch, type Database, type Iterator } from 'rocksdb';
import type { HeadStore, StoreBatch } from '../head.ts';
import { failure, fromDisk } from './failure.ts';
import { createJournalFiles, type OpenJournalFiles } from './journal-files.ts';
import { checkLogs, readCurrentManifest } from './log-checks.ts';
import { type OpenSlabFiles, openSlabFiles } from './slab-files.ts';
import { checkTables, type TableChecks } from './table-checks.ts';

export interface RocksdbHeadStoreSettings {
  /** Directory of the database; made when missing. */
  readonly path: string;
}

const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
const CACHE_BYTES = 8 * 1024 * 1024;
const BLOCK_BYTES = 16 * 1024;
const OPEN_FILES_MAX = 256;
const SPARE_BATCHES_MAX = 2;
/** Rows and bytes of one batch of a scan. */
const SCAN_ROWS = 256;
const SCAN_BYTES = 1024 * 1024;

/** Opens or makes the database. A damaged one is `corrupt`, a failure of the disk `unavailable`. */
export async function openRocksdbHeadStore(settings: RocksdbHeadStoreSettings): Promise<HeadStore> {
  const { path } = settings;
  const tables = await fromDisk(checkFiles(path));
  const slabs = await openSlabFiles(path);
  const database = rocksdb(path);
  try {
    await open(database);
  } catch (error) {
    await slabs.close();
    throw error;
  }
  return createStore(database, tables, slabs, createJournalFiles(path));
}

async function checkFiles(path: string): Promise<TableChecks> {
  await mkdir(path, { recursive: true });
  const manifest = await readCurrentManifest(path);
  if (manifest) await checkLogs(path, manifest);
  return checkTables(path, manifest);
}

function open(database: Database): Promise<void> {
  return done((callback) =>
    database.open(
      {
        createIfMissing: true,
        compression: false,
        writeBufferSize: WRITE_BUFFER_BYTES,
        cacheSize: CACHE_BYTES,
        blockSize: BLOCK_BYTES,
        maxOpenFiles: OPEN_FILES_MAX,
        infoLogLevel: 'error',
      },
      callback,
    ),
  );
}

function createStore(
  database: Database,
  tables: TableChecks,
  slabs: OpenSlabFiles,
  journal: OpenJournalFiles,
): HeadStore {
  let closing: Promise<void> | undefined;
  // A closed database must not be called: the package would end the process.
  const isOpen = (): boolean => closing === undefined;
  // Reused, so that a batch's memory is taken once and not grown each time. The public methods refuse
  // a second write; these are the ones that they call.
  const batches: ChainedBatch[] = [];
  const getMany = async (keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> => {
    assertOpen(isOpen);
    return new Promise((resolve, reject) => {
      database.getMany(keys.map(buffer), (error, values) => {
        if (error) reject(failure(error));
        else resolve(values.map((value) => value ?? undefined));
      });
    });
  };
  return {
    slabs,
    journal,
    getMany,
    get: async (key) => (await getMany([key]))[0],
    scan: (from, to) => {
      assertOpen(isOpen);
      return scan(database, tables, isOpen, from, to);
    },
    async write({ puts, deletes }: StoreBatch, sync: boolean) {
      assertOpen(isOpen);
      const batch = batches.pop() ?? database.batch();
      try {
        for (const [key, value] of puts) batch._put(buffer(key), buffer(value));
        for (const key of deletes) batch._del(buffer(key));
        await done((callback) => batch._write({ sync }, callback));
      } finally {
        batch._clear();
        if (batches.length < SPARE_BATCHES_MAX) batches.push(batch);
      }
    },
    /** Running writes and reads of keys are awaited; running scans end with `closed`. */
    close() {
      closing ??= Promise.all([
        done((callback) => database.close(callback)),
        slabs.close(),
        journal.close(),
      ]).then(() => undefined);
      return closing;
    },
  };
}

function assertOpen(isOpen: () => boolean): void {
  if (!isOpen()) throw new WeirError('closed', 'head store is closed');
}

async function* scan(
  database: Database,
  tables: TableChecks,
  isOpen: () => boolean,
  from: Uint8Array,
  to: Uint8Array,
): AsyncGenerator<readonly [Uint8Array, Uint8Array][]> {
  assertOpen(isOpen);
  const iterator = database.iterator({
    gte: buffer(from),
    lt: buffer(to),
    keyAsBuffer: true,
    valueAsBuffer: true,
    highWaterMark: SCAN_BYTES,
    fillCache: false,
  });
  // The iterator comes first: its view of the database is that of now, and keeps its tables on disk.
  let next = fromDisk(tables.check(from, to)).then(() => nextRows(iterator));
  try {
    for (;;) {
      const rows = await next.finally(() => assertOpen(isOpen));
      // Before they are handed out: who takes them may change them.
      const isLast = rows.length < SCAN_ROWS && !isFull(rows);
      // Read ahead: the next rows come from the disk while these are worked on.
      if (!isLast) {
        next = nextRows(iterator);
        // Thrown where it is awaited; it may fail before that.
        next.catch(() => {});
      }
      if (rows.length > 0) yield rows;
      if (isLast) return;
    }
  } finally {
    // Where the reader stopped early; a failure then concerns nobody, or was thrown above. A database
    // that closes ends its iterators itself, and would never answer.
    await next.catch(() => {});
    if (isOpen()) await done((callback) => iterator.end(callback));
  }
}

function isFull(rows: readonly [Uint8Array, Uint8Array][]): boolean {
  return rows.reduce((size, [, value]) => size + value.length, 0) >= SCAN_BYTES;
}

/** Up to SCAN_ROWS rows or SCAN_BYTES; fewer of both only at the end. */
function nextRows(iterator: Iterator): Promise<[Uint8Array, Uint8Array][]> {
  return new Promise((resolve, reject) => {
    const rows: [Uint8Array, Uint8Array][] = [];
    let sizeBytes = 0;
    const step = (): void => {
      iterator.next((error, key, value) => {
        if (error) {
          reject(failure(error));
          return;
        }
        if (key === undefined || value === undefined) {
          resolve(rows);
          return;
        }
        rows.push([key, value]);
        sizeBytes += value.length;
        // What the same call has read is taken at once: next() would answer each row in a turn of its own.
        const { cache } = iterator;
        while (cache && cache.length > 1 && rows.length < SCAN_ROWS && sizeBytes < SCAN_BYTES) {
          const row: [Uint8Array, Uint8Array] = [cache.pop()!, cache.pop()!];
          rows.push(row);
          sizeBytes += row[1].length;
        }
        if (rows.length >= SCAN_ROWS || sizeBytes >= SCAN_BYTES) resolve(rows);
        else step();
      });
    };
    step();
  });
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function done(start: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error) reject(failure(error));
      else resolve();
    });
  });
}
