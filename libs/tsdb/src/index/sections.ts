// Reading framed sections of the index: a length, content, checksum. What a section says about itself is
// checked against the file before anything is believed.
import { crc32c } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { BlockSource } from './files.ts';
import { CRC_SIZE, corruptAt, INDEX_FILE } from './format.ts';

const LENGTH_SIZE = 4;

/** The content of the section at `offset` that must end at or before `limit`; its checksum holds. */
export async function readSection(
  source: BlockSource,
  offset: number,
  limit: number,
): Promise<Uint8Array> {
  if (offset + LENGTH_SIZE + CRC_SIZE > limit) {
    throw corruptAt(INDEX_FILE, offset, 'a section lies past its limit');
  }
  // Sections follow one another, so the space up to the limit is (nearly) the section.
  const bytes = await source.read(INDEX_FILE, offset, limit - offset);
  return sectionIn(bytes, 0, offset);
}

/** The content of the section that starts at `at` in bytes that were read from `fileOffset`. */
export function sectionIn(bytes: Uint8Array, at: number, fileOffset: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const from = at + LENGTH_SIZE;
  const to = from > bytes.length ? -1 : from + view.getUint32(at);
  if (to < 0 || to + CRC_SIZE > bytes.length) {
    throw corruptAt(INDEX_FILE, fileOffset + at, 'a section is longer than its place');
  }
  if (view.getUint32(to) !== crc32c(bytes, from, to)) {
    throw corruptAt(INDEX_FILE, fileOffset + at, 'checksum of a section differs');
  }
  return bytes.subarray(from, to);
}

/** Runs a decoder; whatever it throws about the bytes becomes `corrupt` at this place. */
export function decoding<T>(file: string, offset: number, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WeirError && error.kind === 'corrupt') throw error;
    if (error instanceof WeirError || error instanceof RangeError) {
      throw corruptAt(file, offset, error.message);
    }
    throw error;
  }
}
