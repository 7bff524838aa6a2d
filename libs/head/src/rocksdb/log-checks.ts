// Keeps RocksDB from leaving a damaged record of its write-ahead logs out and going on behind it, as it
// does with the `rocksdb` package's settings: a later commit row would then stand for rows that are gone.
// The writes in the logs are numbered without a gap, from where the tables end (sequence numbers; each
// record begins with its first, u64, and how many it takes, u32): a gap before a record that can be read is
// damage. Damage at the very end leaves a state that was committed, as a crash does.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';
import { readRecords } from './log-format.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { readU32 } from './table-format.ts';

const LOG = /^\d+\.log$/;
const BATCH_HEADER_BYTES = 12;

/** The manifest of the database in the folder; undefined when there is none. Rejects with `corrupt`. */
export async function readCurrentManifest(dir: string): Promise<Manifest | undefined> {
  let current: string;
  try {
    current = await readFile(join(dir, 'CURRENT'), 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (!/^MANIFEST-\d+\n$/.test(current)) {
    throw new WeirError('corrupt', 'head store: CURRENT names no manifest');
  }
  return readManifest(await readFile(join(dir, current.trimEnd())));
}

/** Reads the write-ahead logs that RocksDB will, whole: some 16 MiB. Rejects with `corrupt`. */
export async function checkLogs(dir: string, manifest: Manifest): Promise<void> {
  const logs = (await readdir(dir))
    .filter((name) => LOG.test(name))
    .map((name) => ({ name, number: Number.parseInt(name, 10) }))
    .filter(({ number }) => number >= manifest.firstLog)
    .sort((a, b) => a.number - b.number);
  let nextMax = manifest.sequence + 1;
  let isFirst = true;
  for (const { name } of logs) {
    for (const record of readRecords(await readFile(join(dir, name)))) {
      if (record === undefined || record.length < BATCH_HEADER_BYTES) continue;
      const sequence = readU32(record, 0) + readU32(record, 4) * 2 ** 32;
      // The first log may begin with writes that a table has, too.
      if (isFirst ? sequence > nextMax : sequence !== nextMax) {
        throw new WeirError('corrupt', `head store: ${name}: writes before ${sequence} are gone`);
      }
      isFirst = false;
      nextMax = sequence + readU32(record, 8);
    }
  }
}
