// Checks label bytes for canonical form (see @weir/model, label-bytes.ts) and makes it where another
// writer's record does not have it: unsorted labels, empty values, labels behind samples, a repeated
// name (the last one counts, as protobuf readers that build maps have it).

import { type Cursor, readUvarint, text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { encodeLabels } from '@weir/model';
import { compareRange } from './ranges.ts';

const LABEL = 0x0a;

interface Field extends Cursor {
  nameFrom: number;
  nameTo: number;
  valueFrom: number;
  valueTo: number;
}

/** Whether bytes[from, to) is a sequence of canonical labels. Nothing is thrown. */
export function isCanonical(bytes: Uint8Array, from: number, to: number): boolean {
  let previousFrom = 0;
  let previousTo = -1;
  for (let at = from; at < to; ) {
    if (bytes[at] !== LABEL) return false;
    const size = minimalLength(bytes, at + 1, to);
    if (size < 0) return false;
    const inner = at + 1 + sizeOfLength(size);
    const end = inner + size;
    const nameLength = end > to || bytes[inner] !== 0x0a ? 0 : minimalLength(bytes, inner + 1, end);
    if (nameLength <= 0) return false;
    const nameFrom = inner + 1 + sizeOfLength(nameLength);
    const nameTo = nameFrom + nameLength;
    const valueLength =
      nameTo >= end || bytes[nameTo] !== 0x12 ? 0 : minimalLength(bytes, nameTo + 1, end);
    if (valueLength <= 0) return false;
    if (nameTo + 1 + sizeOfLength(valueLength) + valueLength !== end) return false;
    if (previousTo >= 0 && compareRange(bytes, previousFrom, previousTo, nameFrom, nameTo) >= 0) {
      return false;
    }
    previousFrom = nameFrom;
    previousTo = nameTo;
    at = end;
  }
  return true;
}

/** A varint of at most three bytes (labels are shorter than 2 MB), none of them to spare; else -1. */
function minimalLength(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  const first = bytes[at];
  if (first < 128) return first;
  if (at + 1 >= end) return -1;
  const second = bytes[at + 1];
  if (second < 128) return second === 0 ? -1 : (first & 127) | (second << 7);
  if (at + 2 >= end) return -1;
  const third = bytes[at + 2];
  return third === 0 || third > 127 ? -1 : (first & 127) | ((second & 127) << 7) | (third << 14);
}

function sizeOfLength(length: number): number {
  if (length < 128) return 1;
  return length < 16384 ? 2 : 3;
}

/** The canonical labels of a TimeSeries message at bytes[from, to). Throws `invalid` on damage. */
export function canonicalLabels(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const labels = new Map<string, string>();
  const field: Field = { at: from, nameFrom: 0, nameTo: 0, valueFrom: 0, valueTo: 0 };
  while (field.at < to) {
    const isLabel = bytes[field.at] === LABEL;
    const end = fieldEnd(bytes, field, to);
    if (isLabel) {
      readLabel(bytes, field, end);
      const name = text(bytes.subarray(field.nameFrom, field.nameTo));
      labels.set(name, text(bytes.subarray(field.valueFrom, field.valueTo)));
    }
    field.at = end;
  }
  labels.delete('');
  return encodeLabels([...labels].map(([name, value]) => ({ name, value })));
}

/** Moves behind a field's tag (and length) and returns where the field ends. */
function fieldEnd(bytes: Uint8Array, cursor: Cursor, limit: number): number {
  const tag = readUvarint(bytes, cursor, limit);
  let end = cursor.at;
  if ((tag & 7) === 2) {
    const size = readUvarint(bytes, cursor, limit);
    end = cursor.at + size;
  } else if ((tag & 7) === 0) {
    readUvarint(bytes, cursor, limit);
    end = cursor.at;
  } else if ((tag & 7) === 1) end = cursor.at + 8;
  else if ((tag & 7) === 5) end = cursor.at + 4;
  else throw new WeirError('invalid', `wire type ${tag & 7}`);
  if (end > limit) throw new WeirError('invalid', 'field reaches past the end of its message');
  return end;
}

function readLabel(bytes: Uint8Array, field: Field, to: number): void {
  field.nameFrom = field.nameTo = field.valueFrom = field.valueTo = field.at;
  while (field.at < to) {
    const tag = bytes[field.at];
    const end = fieldEnd(bytes, field, to);
    if (tag === 0x0a) {
      field.nameFrom = field.at;
      field.nameTo = end;
    } else if (tag === 0x12) {
      field.valueFrom = field.at;
      field.valueTo = end;
    }
    field.at = end;
  }
}
