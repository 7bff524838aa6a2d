// Exemplars of a record. One that is damaged or has no date is passed over: it is a hint to a trace, and
// worth no refusal of its record.
import { type Cursor, readUvarint } from '@weir/bytes';
import { isKind, WeirError } from '@weir/errors';
import { canonicalLabels } from './canonical-labels.ts';

/** Prometheus allows 128 characters of labels; this leaves room for the longest of them. */
const LABEL_BYTES_MAX = 1024;
const TIME_MAX = 8.64e15;

export interface RecordExemplar {
  readonly labels: Uint8Array;
  readonly t: number;
  readonly value: number;
}

/** The Exemplar message (1 labels, 2 value, 3 timestamp) in bytes[from, to). */
export function readExemplar(
  bytes: Uint8Array,
  from: number,
  to: number,
): RecordExemplar | undefined {
  try {
    const labels = canonicalLabels(bytes, from, to);
    const { t, value } = readNumbers(bytes, from, to);
    if (labels.length > LABEL_BYTES_MAX || !(Math.abs(t) <= TIME_MAX) || t === 0) return undefined;
    return { labels, t, value };
  } catch (error) {
    if (isKind(error, 'invalid')) return undefined;
    throw error;
  }
}

function readNumbers(bytes: Uint8Array, from: number, to: number) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor: Cursor = { at: from };
  let t = 0;
  let value = 0;
  while (cursor.at < to) {
    const tag = readUvarint(bytes, cursor, to);
    if (tag === 0x0a) {
      const size = readUvarint(bytes, cursor, to);
      cursor.at += size;
    } else if (tag === 0x11 && cursor.at + 8 <= to) {
      value = view.getFloat64(cursor.at, true);
      cursor.at += 8;
    } else if (tag === 0x18) t = readUvarint(bytes, cursor, to);
    else throw new WeirError('invalid', 'damaged exemplar');
  }
  return { t, value };
}
