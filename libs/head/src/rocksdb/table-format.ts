// RocksDB's block-based table files, as far as they must be checked before RocksDB 6.17 reads them: it
// trusts what no checksum covers (the footer) or what it reads without looking at the checksum (data
// blocks under an iterator of the `rocksdb` package, a properties block whose checksum failed), and ends
// the process with an assertion where that is damaged. Source: RocksDB's wiki, "Rocksdb BlockBasedTable
// Format", with table/format.cc, block_based/block_builder.cc and util/crc32c.h of the version that the
// package ships. Pure. Reads only what the package writes with our settings (format version 4, CRC-32C,
// no compression, one plain index with restart interval 1): any other table is `corrupt`.
//
// File: data blocks from 0 on without gaps, filter, index, properties, metaindex, footer. A block is its
// bytes, then a trailer: compression type (u8, 0), masked CRC-32C of bytes and type (u32). Its entries:
// shared key bytes, own key bytes, value bytes (uvarints), own key bytes, value; then u32 restart points
// and their number. An index of delta encoded values has no "value bytes".
import { compareBytes, crc32c, readUvarint, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';

export const FOOTER_BYTES = 53;
export const TRAILER_BYTES = 5;

const FORMAT_VERSION = 4;
const CHECKSUM_CRC32C = 1;
/** Little endian at the end of the file: 0x88e241b785f4cff7. */
const MAGIC = Uint8Array.of(0xf7, 0xcf, 0xf4, 0x85, 0xb7, 0x41, 0xe2, 0x88);
const CRC_MASK = 0xa282ead8;
/** Behind the user key in an internal key: sequence number and kind. */
const SEQUENCE_BYTES = 8;

/** Where a block is, without its trailer. */
export interface BlockHandle {
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface Footer {
  readonly metaindex: BlockHandle;
  readonly index: BlockHandle;
}

/** What the properties tell of the rest. */
export interface TableProperties {
  readonly dataBytes: number;
  readonly isUserKey: boolean;
  readonly isDeltaEncoded: boolean;
}

/** Data blocks in key order; keys of a block are above the separator before it, and at most its own. */
export interface TableIndex {
  /** Offset of each block, and the end of the last, trailers included. */
  readonly offsets: Float64Array;
  /** The first block whose separator is at or above the key; the number of blocks when there is none. */
  firstBlock(key: Uint8Array): number;
}

/** The last FOOTER_BYTES of a table of `fileBytes`. Throws `corrupt` unless it is what would be written. */
export function readFooter(bytes: Uint8Array, fileBytes: number): Footer {
  const cursor = { at: 1 };
  const end = FOOTER_BYTES - MAGIC.length - 4;
  const metaindex = readHandle(bytes, cursor, end);
  const index = readHandle(bytes, cursor, end);
  const written = writeFooter({ metaindex, index });
  if (compareBytes(written, bytes) !== 0) throw damaged('footer');
  // The metaindex is the last block.
  const metaindexEnd = metaindex.offset + metaindex.sizeBytes + TRAILER_BYTES;
  if (metaindexEnd !== fileBytes - FOOTER_BYTES) throw damaged('footer');
  if (index.offset + index.sizeBytes + TRAILER_BYTES > metaindex.offset) throw damaged('footer');
  return { metaindex, index };
}

function writeFooter(footer: Footer): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  bytes[0] = CHECKSUM_CRC32C;
  let at = 1;
  for (const { offset, sizeBytes } of [footer.metaindex, footer.index]) {
    at = writeUvarint(bytes, writeUvarint(bytes, at, offset), sizeBytes);
  }
  bytes[FOOTER_BYTES - MAGIC.length - 4] = FORMAT_VERSION;
  bytes.set(MAGIC, FOOTER_BYTES - MAGIC.length);
  return bytes;
}

/** The block bytes[from, to), which end with the trailer, without it. Throws `corrupt`. */
export function openBlock(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const end = to - TRAILER_BYTES;
  if (end < from) throw damaged('block');
  if (bytes[end] !== 0 || maskedCrc(bytes, from, end + 1) !== readU32(bytes, end + 1)) {
    throw damaged('block');
  }
  return bytes.subarray(from, end);
}

/** RocksDB's checksum of bytes[from, to) as it is stored. */
export function maskedCrc(bytes: Uint8Array, from: number, to: number): number {
  const crc = crc32c(bytes, from, to);
  return (((crc >>> 15) | (crc << 17)) + CRC_MASK) >>> 0;
}

/** Names and places of the blocks that a metaindex lists. */
export function readMetaindex(block: Uint8Array): Map<string, BlockHandle> {
  const handles = new Map<string, BlockHandle>();
  readEntries(block, true, ({ key, cursor, end }) => {
    handles.set(Buffer.from(key).toString('latin1'), readHandle(block, cursor, end));
  });
  return handles;
}

export function readProperties(block: Uint8Array): TableProperties {
  const values = new Map<string, number>();
  readEntries(block, true, ({ key, cursor, end }) => {
    const name = Buffer.from(key).toString('latin1');
    if (NUMBERS.includes(name)) values.set(name, readUvarint(block, cursor, end));
    else if (name === INDEX_TYPE && end - cursor.at === 4) {
      values.set(name, readU32(block, cursor.at));
    }
  });
  const value = (name: string): number => {
    const found = values.get(name);
    if (found === undefined) throw damaged(`property ${name}`);
    return found;
  };
  if (value(INDEX_TYPE) !== 0) throw damaged(`property ${INDEX_TYPE}`);
  return {
    dataBytes: value(DATA_SIZE),
    isUserKey: value(IS_USER_KEY) !== 0,
    isDeltaEncoded: value(IS_DELTA_ENCODED) !== 0,
  };
}

const INDEX_TYPE = 'rocksdb.block.based.table.index.type';
const DATA_SIZE = 'rocksdb.data.size';
const IS_USER_KEY = 'rocksdb.index.key.is.user.key';
const IS_DELTA_ENCODED = 'rocksdb.index.value.is.delta.encoded';
const NUMBERS = [DATA_SIZE, IS_USER_KEY, IS_DELTA_ENCODED];

/** Keeps `block`. Throws `corrupt` where the data blocks don't fill the data part. */
export function readIndex(block: Uint8Array, properties: TableProperties): TableIndex {
  const offsets = [0];
  const keyEnds: number[] = [];
  const keyStarts: number[] = [];
  readEntries(block, !properties.isDeltaEncoded, ({ key, shared, cursor, end }) => {
    const { offset, sizeBytes } = readHandle(block, cursor, end);
    const keyBytes = key.length - (properties.isUserKey ? 0 : SEQUENCE_BYTES);
    if (shared !== 0 || keyBytes < 0 || offset !== offsets.at(-1)) throw damaged('index');
    const start = key.byteOffset - block.byteOffset;
    keyStarts.push(start);
    keyEnds.push(start + keyBytes);
    offsets.push(offset + sizeBytes + TRAILER_BYTES);
  });
  if (offsets.at(-1) !== properties.dataBytes) throw damaged('index');
  const starts = Uint32Array.from(keyStarts);
  const ends = Uint32Array.from(keyEnds);
  return {
    offsets: Float64Array.from(offsets),
    firstBlock(key) {
      let low = 0;
      let high = starts.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (compareBytes(block.subarray(starts[middle], ends[middle]), key) < 0) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
}

interface Entry {
  readonly key: Uint8Array;
  /** How many bytes of the key are the entry's before. */
  readonly shared: number;
  /** At the value; the reader of a value without a length moves it behind the value. */
  readonly cursor: { at: number };
  /** Of the value, where its length is known; else of all values. */
  readonly end: number;
}

function readEntries(block: Uint8Array, hasLengths: boolean, take: (entry: Entry) => void): void {
  const restarts = block.length < 4 ? 0 : readU32(block, block.length - 4);
  const end = block.length - 4 * (restarts + 1);
  if (restarts === 0 || end < 0) throw damaged('block');
  const cursor = { at: 0 };
  let key: Uint8Array = new Uint8Array(0);
  while (cursor.at < end) {
    const shared = readUvarint(block, cursor, end);
    const own = readUvarint(block, cursor, end);
    const valueBytes = hasLengths ? readUvarint(block, cursor, end) : 0;
    const from = cursor.at;
    const keyEnd = from + own;
    const valueEnd = hasLengths ? keyEnd + valueBytes : end;
    if (shared > key.length || keyEnd > end || valueEnd > end) throw damaged('block');
    const ownKey = block.subarray(from, keyEnd);
    key = shared === 0 ? ownKey : Buffer.concat([key.subarray(0, shared), ownKey]);
    cursor.at = keyEnd;
    take({ key, shared, cursor, end: valueEnd });
    if (hasLengths) cursor.at = valueEnd;
  }
}

function readHandle(bytes: Uint8Array, cursor: { at: number }, end: number): BlockHandle {
  const offset = readUvarint(bytes, cursor, end);
  const sizeBytes = readUvarint(bytes, cursor, end);
  if (!Number.isSafeInteger(offset + sizeBytes)) throw damaged('block handle');
  return { offset, sizeBytes };
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function damaged(what: string): WeirError {
  return new WeirError('corrupt', `table file: damaged ${what}`);
}
