// Answers to a part of a plan as messages: columns as they lie in memory, little endian, so that one between
// threads is moved and not copied.
//
//   rows:   1, rows, steps, bytes of labels, has extra, has counts (u32 each)
//           v, extra, counts (f64 × rows × steps), ends (i32 × rows), p (u8 × rows × steps), labels
//   prints: 2, words (u32 each)
//   end:    3 (u32), JSON
//
// Those that come together go together, the read's header first: of each its bytes (u32), four zeros, itself, and
// zeros up to a multiple of eight.
import { text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { Note, PartMessage, RowBatch } from '@weir/promql';

const ROWS = 1;
const PRINTS = 2;
const END = 3;
const ROWS_HEADER_BYTES = 24;

/** A message as it lies in memory: its pieces, one behind the other. */
export type Pieces = readonly Uint8Array[];

export function sizeOfPieces(pieces: Pieces): number {
  return pieces.reduce((size, { length }) => size + length, 0);
}

/** In a buffer of its own. */
export function packMessages(messages: readonly Pieces[]): Uint8Array {
  let size = 0;
  for (const pieces of messages) size += 8 + paddedSize(sizeOfPieces(pieces));
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const pieces of messages) {
    const length = sizeOfPieces(pieces);
    view.setUint32(at, length, true);
    putPieces(out, at + 8, pieces);
    at += 8 + paddedSize(length);
  }
  return out;
}

function putPieces(out: Uint8Array, from: number, pieces: Pieces): void {
  let at = from;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
}

/** Views the pack. Throws `corrupt`. */
export function unpackMessages(pack: Uint8Array): Uint8Array[] {
  const view = new DataView(pack.buffer, pack.byteOffset, pack.byteLength);
  const messages: Uint8Array[] = [];
  for (let at = 0; at < pack.length; ) {
    if (at + 8 > pack.length) throw damaged();
    const from = at + 8;
    const size = view.getUint32(at, true);
    if (from + size > pack.length) throw damaged();
    messages.push(pack.subarray(from, from + size));
    at = from + paddedSize(size);
  }
  return messages;
}

function paddedSize(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** Views the message's columns. */
export function encodePartMessage(message: PartMessage): Pieces {
  switch (message.kind) {
    case 'rows':
      return encodeRows(message);
    case 'prints':
      return [bytesOf(Uint32Array.of(PRINTS)), bytesOf(message.words)];
    case 'end': {
      const { declined, notes } = message;
      return [bytesOf(Uint32Array.of(END)), utf8(JSON.stringify({ declined, notes }))];
    }
  }
}

function encodeRows({ count, steps, labels, ends, v, p, extra, counts }: RowBatch): Pieces {
  const has = [Number(extra.length > 0), Number(counts.length > 0)];
  const header = Uint32Array.of(ROWS, count, steps, labels.length, ...has);
  return [header, v, extra, counts, ends, p, labels].map(bytesOf);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Views the message. Throws `corrupt` for anything that encodePartMessage()'s pieces aren't. */
export function decodePartMessage(message: Uint8Array): PartMessage {
  const bytes = message.byteOffset % 8 === 0 ? message : message.slice();
  if (bytes.length < 4) throw damaged();
  const kind = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  if (kind === ROWS) return decodeRows(bytes);
  if (kind === PRINTS) {
    if (bytes.length % 8 !== 4) throw damaged();
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + 4, (bytes.length - 4) / 4);
    return { kind: 'prints', words };
  }
  if (kind !== END) throw damaged();
  return decodeEnd(bytes);
}

function decodeRows(bytes: Uint8Array): RowBatch {
  if (bytes.length < ROWS_HEADER_BYTES) throw damaged();
  const { buffer, byteOffset } = bytes;
  const header = new Uint32Array(buffer, byteOffset, ROWS_HEADER_BYTES / 4);
  const [, count, steps, labelsSize, hasExtra, hasCounts] = header;
  const values = count! * steps!;
  const columns = 1 + Number(hasExtra === 1) + Number(hasCounts === 1);
  const size = ROWS_HEADER_BYTES + values * 8 * columns + count! * 4 + values + labelsSize!;
  if (size !== bytes.length) throw damaged();
  let at = byteOffset + ROWS_HEADER_BYTES;
  const column = (isThere: boolean) => {
    const found = new Float64Array(buffer, at, isThere ? values : 0);
    at += found.byteLength;
    return found;
  };
  const v = column(true);
  const extra = column(hasExtra === 1);
  const counts = column(hasCounts === 1);
  const ends = new Int32Array(buffer, at, count);
  at += ends.byteLength;
  const p = new Uint8Array(buffer, at, values);
  const labels = new Uint8Array(buffer, at + values, labelsSize);
  let end = 0;
  for (const next of ends) {
    if (next < end) throw damaged();
    end = next;
  }
  if (end !== labelsSize || !isMask(p)) throw damaged();
  return { kind: 'rows', count: count!, steps: steps!, labels, ends, v, p, extra, counts };
}

/** Ones and zeros. A byte for each value of an answer: no function is called for it. */
function isMask(bytes: Uint8Array): boolean {
  let bits = 0;
  for (let at = 0; at < bytes.length; at++) bits |= bytes[at]!;
  return bits <= 1;
}

function decodeEnd(bytes: Uint8Array): PartMessage {
  let value: unknown;
  try {
    value = JSON.parse(text(bytes.subarray(4)));
  } catch {
    throw damaged();
  }
  const { declined, notes } = (value ?? {}) as { declined?: unknown; notes?: unknown };
  if (typeof declined !== 'boolean' || !Array.isArray(notes) || !notes.every(isNote)) {
    throw damaged();
  }
  return { kind: 'end', declined, notes };
}

function isNote(value: unknown): value is Note {
  const note = (value ?? {}) as Record<string, unknown>;
  const { isWarning, text: words, span, after = span, occurrences = 0 } = note;
  if (typeof isWarning !== 'boolean' || typeof words !== 'string') return false;
  return isSpan(span) && isSpan(after) && typeof occurrences === 'number';
}

function isSpan(value: unknown): boolean {
  const { start, end } = (value ?? {}) as Record<string, unknown>;
  return typeof start === 'number' && typeof end === 'number';
}

function damaged(): WeirError {
  return new WeirError('corrupt', 'read answer holds a damaged part of a plan');
}
