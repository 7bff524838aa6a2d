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

/** In a buffer of its own. */
export function packMessages(messages: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const { length } of messages) size += 8 + paddedSize(length);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const message of messages) {
    view.setUint32(at, message.length, true);
    out.set(message, at + 8);
    at += 8 + paddedSize(message.length);
  }
  return out;
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

/** In a buffer of its own. */
export function encodePartMessage(message: PartMessage): Uint8Array {
  switch (message.kind) {
    case 'rows':
      return encodeRows(message);
    case 'prints': {
      const words = new Uint32Array(1 + message.words.length);
      words[0] = PRINTS;
      words.set(message.words, 1);
      return new Uint8Array(words.buffer);
    }
    case 'end': {
      const { declined, notes } = message;
      const json = utf8(JSON.stringify({ declined, notes }));
      const out = new Uint8Array(4 + json.length);
      out[0] = END;
      out.set(json, 4);
      return out;
    }
  }
}

function encodeRows(batch: RowBatch): Uint8Array {
  const { count, steps, labels, ends, v, p, extra, counts } = batch;
  const columns = v.byteLength + extra.byteLength + counts.byteLength;
  const out = new Uint8Array(
    ROWS_HEADER_BYTES + columns + ends.byteLength + p.length + labels.length,
  );
  const header = new Uint32Array(out.buffer, 0, ROWS_HEADER_BYTES / 4);
  header.set([ROWS, count, steps, labels.length, Number(extra.length > 0)]);
  header[5] = Number(counts.length > 0);
  let at = ROWS_HEADER_BYTES;
  for (const column of [v, extra, counts, ends, p, labels]) {
    out.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at += column.byteLength;
  }
  return out;
}

/** Views the message. Throws `corrupt` for anything that encodePartMessage() doesn't make. */
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
  const { isWarning, text: words, span } = (value ?? {}) as Record<string, unknown>;
  const { start, end } = (span ?? {}) as Record<string, unknown>;
  const isPlaced = typeof start === 'number' && typeof end === 'number';
  return typeof isWarning === 'boolean' && typeof words === 'string' && isPlaced;
}

function damaged(): WeirError {
  return new WeirError('corrupt', 'read answer holds a damaged part of a plan');
}
