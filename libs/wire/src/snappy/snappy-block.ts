// Snappy's block format (google/snappy, format_description.txt), decoded into a buffer that the caller
// keeps: per-request output buffers of a native decoder are freed only after the event loop turns and
// pile up meanwhile. The declared length is checked before anything is allocated: against the caller's
// maximum, and against what so many compressed bytes can expand to (64 bytes from each 3-byte copy).
import { type Cursor, readUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';

const EXPANSION_MAX = 24;
const EXPANSION_SLACK = 64;
const INLINE_COPY_MAX = 32;

/** The declared uncompressed size; corrupt headers and impossible sizes are `invalid` errors. */
export function snappyUncompressedSize(compressed: Uint8Array): number {
  const cursor: Cursor = { at: 0 };
  const size = readUvarint(compressed, cursor, Math.min(compressed.length, 5));
  if (size > 0xffffffff) throw corrupt('the declared size is larger than the format allows');
  if (size > compressed.length * EXPANSION_MAX + EXPANSION_SLACK) {
    throw corrupt('the declared size is larger than the input can hold');
  }
  return size;
}

/** Decodes into out[0, size), where size is the declared one; `out` must have room. */
export function snappyDecode(compressed: Uint8Array, out: Uint8Array, size: number): void {
  const end = compressed.length;
  let at = 0;
  while (at < end && compressed[at]! >= 128) at++;
  at++;
  let to = 0;
  while (at < end) {
    const tag = compressed[at++]!;
    if ((tag & 3) === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const extra = length - 60;
        if (at + extra > end) throw corrupt('literal length is cut off');
        length = 0;
        for (let index = extra - 1; index >= 0; index--)
          length = length * 256 + compressed[at + index]!;
        length++;
        at += extra;
      }
      if (at + length > end) throw corrupt('literal reaches past the input');
      if (to + length > size) throw corrupt('output is longer than declared');
      if (length <= INLINE_COPY_MAX) {
        for (let index = 0; index < length; index++) out[to + index] = compressed[at + index]!;
      } else out.set(compressed.subarray(at, at + length), to);
      at += length;
      to += length;
      continue;
    }
    let length: number;
    let offset: number;
    if ((tag & 3) === 1) {
      if (at + 1 > end) throw corrupt('copy is cut off');
      length = ((tag >>> 2) & 7) + 4;
      offset = ((tag >>> 5) << 8) | compressed[at]!;
      at += 1;
    } else if ((tag & 3) === 2) {
      if (at + 2 > end) throw corrupt('copy is cut off');
      length = (tag >>> 2) + 1;
      offset = compressed[at]! | (compressed[at + 1]! << 8);
      at += 2;
    } else {
      if (at + 4 > end) throw corrupt('copy is cut off');
      length = (tag >>> 2) + 1;
      offset =
        (compressed[at]! | (compressed[at + 1]! << 8) | (compressed[at + 2]! << 16)) +
        compressed[at + 3]! * 16777216;
      at += 4;
    }
    if (offset === 0 || offset > to) throw corrupt('copy refers to before the output');
    if (to + length > size) throw corrupt('output is longer than declared');
    const source = to - offset;
    for (let index = 0; index < length; index++) out[to + index] = out[source + index]!;
    to += length;
  }
  if (to !== size) throw corrupt('output is shorter than declared');
}

function corrupt(reason: string): WeirError {
  return new WeirError('invalid', `snappy: corrupt input: ${reason}`);
}
