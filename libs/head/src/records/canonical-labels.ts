// Checks label bytes for canonical form (see @weir/model, label-bytes.ts) and makes it where another
// writer's record does not have it: unsorted labels, empty values, labels behind samples, a repeated
// name (the last one counts, as protobuf readers that build maps have it).

import { type Cursor, readUvarint, text, uvarintSize } from '@weir/bytes';
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
  const cursor = { at: from };
  const length = (limit: number): number => {
    const start = cursor.at;
    const value = readUvarint(bytes, cursor, limit);
    return cursor.at - start === uvarintSize(value) && cursor.at + value <= limit ? value : -1;
  };
  try {
    while (cursor.at < to) {
      if (bytes[cursor.at++] !== LABEL) return false;
      const size = length(to);
      if (size < 0) return false;
      const end = cursor.at + size;
      if (bytes[cursor.at++] !== 0x0a) return false;
      const nameLength = length(end);
      if (nameLength <= 0) return false;
      const nameFrom = cursor.at;
      cursor.at += nameLength;
      const nameTo = cursor.at;
      if (bytes[cursor.at++] !== 0x12) return false;
      const valueLength = length(end);
      if (valueLength <= 0) return false;
      cursor.at += valueLength;
      if (cursor.at !== end) return false;
      if (previousTo >= 0 && compareRange(bytes, previousFrom, previousTo, nameFrom, nameTo) >= 0) {
        return false;
      }
      previousFrom = nameFrom;
      previousTo = nameTo;
    }
  } catch (error) {
    if (error instanceof WeirError) return false;
    throw error;
  }
  return cursor.at === to;
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
