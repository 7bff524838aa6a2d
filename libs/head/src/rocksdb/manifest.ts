// Which tables a RocksDB database needs, by its manifest. Only read when a table is damaged, to tell
// damage from a table that a crash left half-written, which RocksDB deletes when it opens. Source: the
// pages "MANIFEST" and "Write Ahead Log File Format" of RocksDB's wiki, with the tags of
// db/version_edit.h of 6.17. Pure. Reads what the package writes: one column family, no blob files; any
// other content is `corrupt`.
//
// File: blocks of 32 KiB of fragments: masked CRC-32C of type and payload (u32), length (u16), type (u8:
// full, first, middle, last), payload; fewer than seven bytes at a block's end are filling. A record is a
// version edit: tags with fields, numbers as uvarints.
import { readUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { maskedCrc, readU32 } from './table-format.ts';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/** From here on a tag's field begins with its length. */
const SKIPPABLE_FROM = 8192;
const DELETED_FILE = 6;
const NEW_FILE = 103;
const NEW_FILE_END = 1;
/** Fields of the other tags: numbers, or bytes with their length. */
const FIELDS = new Map<number, readonly ('number' | 'bytes')[]>([
  [1, ['bytes']], // comparator
  [2, ['number']], // log number
  [3, ['number']], // next file number
  [4, ['number']], // last sequence number
  [5, ['number', 'bytes']], // compaction pointer
  [9, ['number']], // previous log number
  [10, ['number']], // oldest log to keep
  [200, ['number']], // column family
  [203, ['number']], // largest column family
]);

/** Numbers of the tables that belong to the database. Throws `corrupt`. */
export function liveTables(manifest: Uint8Array): Set<number> {
  const live = new Set<number>();
  try {
    for (const record of readRecords(manifest)) applyEdit(record, live);
  } catch (cause) {
    throw new WeirError('corrupt', 'manifest is damaged', { cause });
  }
  return live;
}

/** Up to the end, or to a record that a crash cut short. */
function* readRecords(manifest: Uint8Array): Generator<Uint8Array> {
  let parts: Uint8Array[] = [];
  for (let at = 0; at + HEADER_BYTES <= manifest.length; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const type = manifest[at + 6];
    const end = at + HEADER_BYTES + manifest[at + 4] + manifest[at + 5] * 256;
    if (end > manifest.length) return;
    if (readU32(manifest, at) !== maskedCrc(manifest, at + 6, end)) throw damaged('checksum');
    if (type < FULL || type > LAST) throw damaged('fragment');
    if ((type === FULL || type === FIRST) !== (parts.length === 0)) throw damaged('fragment');
    parts.push(manifest.subarray(at + HEADER_BYTES, end));
    if (type === FULL || type === LAST) {
      yield parts.length === 1 ? parts[0] : Buffer.concat(parts);
      parts = [];
    }
    at = end;
  }
}

function applyEdit(record: Uint8Array, live: Set<number>): void {
  const cursor = { at: 0 };
  const end = record.length;
  const number = (): number => readUvarint(record, cursor, end);
  const skipBytes = (): void => {
    const length = number();
    cursor.at += length;
    if (cursor.at > end) throw damaged('length');
  };
  const added: number[] = [];
  while (cursor.at < end) {
    const tag = number();
    if (tag === DELETED_FILE) {
      number();
      live.delete(number());
    } else if (tag === NEW_FILE) {
      // Level, number, size, smallest and largest key, smallest and largest sequence number.
      number();
      added.push(number());
      number();
      skipBytes();
      skipBytes();
      number();
      number();
      while (number() !== NEW_FILE_END) skipBytes();
    } else if (tag >= SKIPPABLE_FROM) skipBytes();
    else {
      const fields = FIELDS.get(tag);
      if (fields === undefined) throw damaged(`tag ${tag}`);
      for (const field of fields) field === 'number' ? number() : skipBytes();
    }
  }
  // A table that moves to another level is deleted and added in one edit.
  for (const file of added) live.add(file);
}

function damaged(what: string): WeirError {
  return new WeirError('corrupt', `manifest: damaged ${what}`);
}
