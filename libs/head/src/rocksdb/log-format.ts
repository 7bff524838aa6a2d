// RocksDB's log files: its manifest and its write-ahead logs. Source: the page "Write Ahead Log File
// Format" of RocksDB's wiki, with db/log_format.h and db/log_reader.cc of 6.17. Pure.
//
// File: blocks of 32 KiB of fragments: masked CRC-32C of type and payload (u32), length (u16), type (u8:
// full, first, middle, last), payload; fewer than seven bytes at a block's end are filling.
import { maskedCrc, readU32 } from './table-format.ts';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/**
 * The records that RocksDB would read: after a damaged fragment it goes on with the next block, and with
 * the next start of a record. Undefined stands for damage. A record that the end of the file cuts short is none, as the writer's death leaves it.
 */
export function* readRecords(bytes: Uint8Array): Generator<Uint8Array | undefined> {
  let parts: Uint8Array[] = [];
  for (let block = 0; block < bytes.length; block += BLOCK_BYTES) {
    const blockEnd = Math.min(block + BLOCK_BYTES, bytes.length);
    for (let at = block; at + HEADER_BYTES <= blockEnd; ) {
      const end = at + HEADER_BYTES + bytes[at + 4] + bytes[at + 5] * 256;
      if (end > blockEnd && blockEnd === bytes.length) return;
      if (!isSound(bytes, at, end, blockEnd)) {
        parts = [];
        yield undefined;
        break;
      }
      const type = bytes[at + 6];
      const from = at;
      at = end;
      const isStart = type <= FIRST;
      if (isStart !== (parts.length === 0)) {
        parts = [];
        yield undefined;
        if (!isStart) continue;
      }
      parts.push(bytes.subarray(from + HEADER_BYTES, end));
      if (type === FULL || type === LAST) {
        yield parts.length === 1 ? parts[0] : Buffer.concat(parts);
        parts = [];
      }
    }
  }
}

function isSound(bytes: Uint8Array, at: number, end: number, blockEnd: number): boolean {
  const type = bytes[at + 6];
  if (end > blockEnd || type < FULL || type > LAST) return false;
  return readU32(bytes, at) === maskedCrc(bytes, at + 6, end);
}
