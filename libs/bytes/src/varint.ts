// Protobuf base-128 varints (Protocol Buffers encoding guide, "Base 128 Varints"). Unsigned values up
// to 2^53 - 1 and signed 64-bit integers within ±2^53 are numbers; that covers every length and every
// millisecond timestamp. Readers are cursors over one buffer and allocate nothing.
import { WeirError } from '@weir/errors';

/** Bytes needed to write `value`, an integer ≥ 0. */
export function uvarintSize(value: number): number {
  let size = 1;
  while (value >= 128) {
    value = Math.floor(value / 128);
    size++;
  }
  return size;
}

/** Writes an integer ≥ 0 and returns the position behind it. */
export function writeUvarint(out: Uint8Array, at: number, value: number): number {
  while (value >= 128) {
    out[at++] = (value % 128) | 128;
    value = Math.floor(value / 128);
  }
  out[at++] = value;
  return at;
}

/** A position in a buffer that varint readers advance. */
export interface Cursor {
  at: number;
}

/** Reads a varint below 2^53; more than ten bytes, or a larger value, is corrupt input. */
export function readUvarint(bytes: Uint8Array, cursor: Cursor, end: number): number {
  let at = cursor.at;
  let value = 0;
  let scale = 1;
  for (let count = 0; count < 10; count++) {
    if (at >= end) throw new WeirError('invalid', 'unexpected end of input in a varint');
    const byte = bytes[at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) {
      cursor.at = at;
      return value;
    }
    scale *= 128;
  }
  throw new WeirError('invalid', 'varint is longer than ten bytes');
}
