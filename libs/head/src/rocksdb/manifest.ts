// What a RocksDB database consists of, by its manifest. Source: the page "MANIFEST" of RocksDB's wiki,
// with the tags of db/version_edit.h of 6.17. Pure. Reads what the package writes: one column family, no
// blob files; any other content is `corrupt`.
//
// A record is a version edit: tags with fields, numbers as uvarints.
import { readUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { readRecords } from './log-format.ts';

/** From here on a tag's field begins with its length. */
const SKIPPABLE_FROM = 8192;
const LOG_NUMBER = 2;
const LAST_SEQUENCE = 4;
const DELETED_FILE = 6;
const NEW_FILE = 103;
const NEW_FILE_END = 1;
/** Fields of the other tags: numbers, or bytes with their length. */
const FIELDS = new Map<number, readonly ('number' | 'bytes')[]>([
  [1, ['bytes']], // comparator
  [3, ['number']], // next file number
  [5, ['number', 'bytes']], // compaction pointer
  [9, ['number']], // previous log number
  [10, ['number']], // oldest log to keep
  [200, ['number']], // column family
  [203, ['number']], // largest column family
]);

export interface Manifest {
  /** Numbers of the tables that belong to the database. */
  readonly tables: ReadonlySet<number>;
  /** Write-ahead logs from this number on hold what is in no table. */
  readonly firstLog: number;
  /** At least the sequence number before the first of those logs; the exact one while no log was lost. */
  readonly sequence: number;
}

interface Edited {
  readonly tables: Set<number>;
  firstLog: number;
  sequence: number;
}

/** Throws `corrupt`. */
export function readManifest(bytes: Uint8Array): Manifest {
  const edited: Edited = { tables: new Set(), firstLog: 0, sequence: 0 };
  let openedAt: number | undefined;
  try {
    for (const record of readRecords(bytes)) {
      if (record === undefined) throw damaged('record');
      const lastSequence = applyEdit(record, edited);
      // Later ones count what is in the logs.
      openedAt ??= lastSequence;
    }
  } catch (cause) {
    throw new WeirError('corrupt', 'head store: manifest is damaged', { cause });
  }
  return { ...edited, sequence: Math.max(edited.sequence, openedAt ?? 0) };
}

/** Returns the last sequence number that the edit tells. */
function applyEdit(record: Uint8Array, edited: Edited): number | undefined {
  const cursor = { at: 0 };
  const end = record.length;
  const number = (): number => readUvarint(record, cursor, end);
  const skipBytes = (): void => {
    const length = number();
    cursor.at += length;
    if (cursor.at > end) throw damaged('length');
  };
  let lastSequence: number | undefined;
  const added: number[] = [];
  while (cursor.at < end) {
    const tag = number();
    if (tag === LOG_NUMBER) edited.firstLog = number();
    else if (tag === LAST_SEQUENCE) lastSequence = number();
    else if (tag === DELETED_FILE) {
      number();
      edited.tables.delete(number());
    } else if (tag === NEW_FILE) {
      // Level, number, size, smallest and largest key, smallest and largest sequence number.
      number();
      added.push(number());
      number();
      skipBytes();
      skipBytes();
      number();
      edited.sequence = Math.max(edited.sequence, number());
      while (number() !== NEW_FILE_END) skipBytes();
    } else if (tag >= SKIPPABLE_FROM) skipBytes();
    else {
      const fields = FIELDS.get(tag);
      if (fields === undefined) throw damaged(`tag ${tag}`);
      for (const field of fields) field === 'number' ? number() : skipBytes();
    }
  }
  // A table that moves to another level is deleted and added in one edit.
  for (const file of added) edited.tables.add(file);
  return lastSequence;
}

function damaged(what: string): WeirError {
  return new WeirError('corrupt', `manifest: damaged ${what}`);
}
