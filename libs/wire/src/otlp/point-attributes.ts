// The attributes of one point as columns: the key's number, and where the value's text lies. Strings stay
// in the body; what is no string is printed into `texts`. The usual form of a KeyValue is read without a
// general reader.

import { WeirError } from '@weir/errors';
import { ByteSink } from '../protobuf/byte-sink.ts';
import { FieldReader, WIRE_LENGTH } from '../protobuf/field-reader.ts';
import type { AttributeKeys } from './attribute-keys.ts';
import { valueText } from './attribute-value.ts';

const CAPACITY = 64;
/** Of one point or resource: far more than any tenant may have labels, and little enough to be held as objects. */
export const ATTRIBUTES_MAX = 10_000;

export class PointAttributes {
  /** Another number for each point. */
  serial = 0;
  count = 0;
  /** Of the key in the table, or -1 where it isn't kept. */
  ids: Int32Array = new Int32Array(CAPACITY);
  keyFrom: Int32Array = new Int32Array(CAPACITY);
  keyTo: Int32Array = new Int32Array(CAPACITY);
  /** The value's text: in the body, or from `~from` in `texts` when negative. */
  from: Int32Array = new Int32Array(CAPACITY);
  size: Int32Array = new Int32Array(CAPACITY);
  readonly texts = new ByteSink(256);
  /** Whether all keys are kept and no value is empty. */
  isPlain = true;
  #keys: AttributeKeys | undefined;
  #before = 0;
  readonly #pair = new FieldReader();

  useKeys(keys: AttributeKeys): void {
    this.#keys = keys;
    this.count = 0;
    this.clear();
    this.#before = 0;
  }

  clear(): void {
    if (this.count > 0) this.#before = this.count;
    this.serial++;
    this.count = 0;
    this.texts.clear();
    this.isPlain = true;
  }

  /** Adds the KeyValue in bytes[from, to); malformed bytes are an `invalid` error. */
  add(bytes: Uint8Array, from: number, to: number): void {
    const index = this.count++;
    if (index >= ATTRIBUTES_MAX) throw tooManyAttributes();
    if (index === this.ids.length) this.#grow();
    if (!this.#addUsual(bytes, from, to, index)) this.#addAny(bytes, from, to, index);
    const guess = index < this.#before ? this.ids[index]! : -1;
    const id = this.#keys!.idOf(bytes, this.keyFrom[index]!, this.keyTo[index]!, guess);
    this.ids[index] = id;
    if (id < 0 || this.size[index] === 0) this.isPlain = false;
  }

  value(bytes: Uint8Array, index: number): Uint8Array {
    const from = this.from[index]!;
    const size = this.size[index]!;
    if (from >= 0) return bytes.subarray(from, from + size);
    return this.texts.bytes.subarray(~from, ~from + size);
  }

  /** `0a key 12 (0a string)`, each length in one byte or two. */
  #addUsual(bytes: Uint8Array, start: number, to: number, index: number): boolean {
    let at = start;
    if (at + 6 > to || bytes[at] !== 0x0a) return false;
    const keySize = bytes[at + 1]!;
    at += 2;
    this.keyFrom[index] = at;
    at += keySize;
    this.keyTo[index] = at;
    if (keySize >= 128 || at + 4 > to || bytes[at] !== 0x12) return false;
    at++;
    let size = bytes[at++]!;
    if (size >= 128) {
      const high = bytes[at++]!;
      if (high >= 128) return false;
      size = (size & 127) | (high << 7);
    }
    if (at + size !== to || size < 2 || bytes[at] !== 0x0a) return false;
    at++;
    size = bytes[at++]!;
    if (size >= 128) {
      if (at >= to) return false;
      const high = bytes[at++]!;
      if (high >= 128) return false;
      size = (size & 127) | (high << 7);
    }
    if (at + size !== to) return false;
    this.from[index] = at;
    this.size[index] = size;
    return true;
  }

  #addAny(bytes: Uint8Array, from: number, to: number, index: number): void {
    this.keyFrom[index] = from;
    this.keyTo[index] = from;
    this.from[index] = from;
    this.size[index] = 0;
    const pair = this.#pair.reset(bytes, from, to);
    while (pair.next()) {
      if (pair.field > 2) continue;
      pair.expect(WIRE_LENGTH, 'KeyValue');
      if (pair.field === 1) {
        this.keyFrom[index] = pair.from;
        this.keyTo[index] = pair.to;
      } else {
        const value = valueText(bytes, pair.from, pair.to);
        this.from[index] = ~this.texts.size;
        this.size[index] = value.length;
        this.texts.append(value);
      }
    }
  }

  #grow(): void {
    const widen = (column: Int32Array): Int32Array => {
      const wide = new Int32Array(column.length * 2);
      wide.set(column);
      return wide;
    };
    this.ids = widen(this.ids);
    this.keyFrom = widen(this.keyFrom);
    this.keyTo = widen(this.keyTo);
    this.from = widen(this.from);
    this.size = widen(this.size);
  }
}

export function tooManyAttributes(): WeirError {
  const message = `a data point or resource has more than ${ATTRIBUTES_MAX} attributes`;
  return new WeirError('invalid', message);
}
