// Cuts label bytes to a size without cutting a label in two.
import { type Cursor, readUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';

const LABEL = 0x0a;
const NAME = 0x0a;
const VALUE = 0x12;

/**
 * The length of the longest run of whole, well-formed labels at the start of bytes[from, from + length)
 * that is at most `max`. The bytes may be anybody's; damage ends the run.
 */
export function wholeLabelsLength(
  bytes: Uint8Array,
  from: number,
  length: number,
  max: number,
): number {
  const cursor: Cursor = { at: from };
  const end = from + length;
  let whole = 0;
  try {
    while (cursor.at < end && isLabel(bytes, cursor, end) && cursor.at - from <= max) {
      whole = cursor.at - from;
    }
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
  }
  return whole;
}

/** Moves behind one label, name before value as the canonical form has it. */
function isLabel(bytes: Uint8Array, cursor: Cursor, end: number): boolean {
  if (bytes[cursor.at++] !== LABEL) return false;
  const to = readUvarint(bytes, cursor, end) + cursor.at;
  if (to > end) return false;
  for (const tag of [NAME, VALUE]) {
    if (cursor.at >= to || bytes[cursor.at++] !== tag) return false;
    cursor.at = readUvarint(bytes, cursor, to) + cursor.at;
    if (cursor.at > to) return false;
  }
  return cursor.at === to;
}
